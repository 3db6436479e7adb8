"""The check that no token gets into a log can fail: each way a token could take is taken once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.canaries import SLACK_TOKEN
from tests.token_watch import logs_with_tokens

PROJECT = Path(__file__).resolve().parents[3]
LEAKS = {
    "record": "logging.getLogger('x').info('token %s', TOKEN)",
    "record_of_structlog": "logger('x').warning('asked', header=TOKEN)",
    "logged_exception": "fail()",
    "stdout": "print(TOKEN)",
    "stderr": "sys.stderr.write(TOKEN)",
    "captured_output": "print(TOKEN); capsys.readouterr()",
    "command": "CliRunner().invoke(app, [])",
    "child": "subprocess.run([sys.executable, '-c', 'print(\"sago\" + \"-canary\")'], capture_output=True)",
}
HEAD = """
import logging, subprocess, sys
import typer
from typer.testing import CliRunner
from sago import telemetry
from sago.telemetry import logger
from tests.canaries import SLACK_TOKEN as TOKEN

app = typer.Typer()

@app.command()
def say() -> None:
    typer.echo(TOKEN)

def fail() -> None:
    try:
        raise ValueError(TOKEN)
    except ValueError:
        logging.getLogger("x").exception("failed")
"""


def run(folder: Path, **bodies: str) -> tuple[int, str]:
    """A session over one test for each body: how it ended, and what it said."""
    tests = [
        f"def test_{name}(capsys, tmp_path):\n    telemetry.configure('INFO', 'json')\n    {body}\n"
        for name, body in bodies.items()
    ]
    (folder / "test_leaks.py").write_text("\n".join([HEAD, *tests]))
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "-p", "tests.token_watch"]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ours["PYTHONPATH"] = os.pathsep.join([str(PROJECT), ours.get("PYTHONPATH", "")])
    command += ["--basetemp", str(folder / "temp"), "-o", "log_level=INFO", "."]
    with (folder / "said").open("w") as said:  # not a pipe, which is watched here as well
        ended = subprocess.run(command, stdout=said, stderr=said, cwd=folder, env=ours, check=False)
    return ended.returncode, (folder / "said").read_text()


def test_a_token_fails_its_test_whichever_way_it_takes(tmp_path: Path) -> None:
    ended, said = run(tmp_path, **LEAKS)
    assert ended == 1
    for name in LEAKS:
        assert f"FAILED test_leaks.py::test_{name} - a token lies where none may" in said


def test_a_token_in_the_log_of_a_server_fails_the_session(tmp_path: Path) -> None:
    ended, said = run(tmp_path, server="(tmp_path / 'api.log.1').write_text(TOKEN)")
    for log in (tmp_path / "temp").rglob("*.log.1"):  # below this session's folder too
        log.unlink()
    assert ended == 1
    assert "a token lies where none may" in said
    assert "api.log.1:1" in said


def test_a_session_without_one_passes(tmp_path: Path) -> None:
    ended, said = run(tmp_path, quiet="print('nothing'); logging.getLogger('x').info('nothing')")
    assert ended == 0, said


def test_a_log_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "api.log").write_text(f"one\nBearer {SLACK_TOKEN}\n")
    (found,) = logs_with_tokens(tmp_path)
    assert "api.log:2" in found
    (tmp_path / "api.log").unlink()
    assert logs_with_tokens(tmp_path) == []
