"""`sago logs`: one log, which there are, and on through a rotation."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sago.cli.app import app
from sago.cli.logs import Tail
from sago.embedded.logs import rotate
from sago.errors import UsageError


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAGO_STATE_DIR", str(tmp_path))
    (tmp_path / "logs").mkdir()
    return tmp_path


def test_logs_gives_the_last_lines(state: Path) -> None:
    (state / "logs" / "store.log").write_text("".join(f"line {n} [x]\n" for n in range(8)) + "no end of line")
    result = CliRunner().invoke(app, ["logs", "store", "-n", "2"])
    assert result.stdout == "line 7 [x]\nno end of line\n"


def test_logs_of_a_server_lie_in_its_folder(state: Path) -> None:
    (state / "redis").mkdir()
    (state / "redis" / "redis.log").write_text("Ready\n")
    assert CliRunner().invoke(app, ["logs", "redis"]).stdout == "Ready\n"


def test_without_a_name_it_lists_them(state: Path) -> None:
    (state / "logs" / "store.log").write_text("first\nready [1]\n")
    (state / "logs" / "supervisor.log").write_text("started\n")
    shown = CliRunner().invoke(app, ["logs"]).stdout
    assert "ready [1]" in shown
    assert shown.index("store") < shown.index("supervisor")


def test_logs_of_nobody_names_those_there_are(state: Path) -> None:
    (state / "logs" / "store.log").touch()
    result = CliRunner().invoke(app, ["logs", "shop"])
    assert isinstance(result.exception, UsageError)
    assert "no log of shop" in str(result.exception)
    assert "store" in str(result.exception)


def test_no_line_is_lost_over_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("old\n")
    tail = Tail(log)
    assert tail.last(10) == ["old"]
    with log.open("ab", buffering=0) as writer:
        writer.write(b"before the cut\n")
        rotate(log, limit=5)
        writer.write(b"new\nhalf")
        assert list(tail.more()) == ["before the cut", "new"]
        writer.write(b" a line\n")
    assert list(tail.more()) == ["half a line"]
    log.unlink()
    assert list(tail.more()) == []
