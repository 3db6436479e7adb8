"""A pytest plugin: fails a test that lets a token of `tests.canaries` get where none may lie, and the session when a
log file of a stack or server that it started holds one.

Looked at: each log record of this process (as text, with its exception), what CliRunner and capsys give a test, what a
child process answers on a pipe, what pytest itself captured, and at the end each log below the session's folder. A
line in which `sago.telemetry` left a token out counts as well: it should not have come so far.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sago.telemetry import LEFT_OUT
from tests.canaries import MARK

LOGS = ("*.log", "*.log.[0-9]*", "log-[0-9]*")
_AROUND = 40


class Watch:
    """What was found since it was last asked."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def look(self, where: str, said: object) -> None:
        """Keep the place, where what was said holds a token."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said or "")
        at = max(text.find(MARK), text.find(LEFT_OUT))
        if at >= 0:
            shown = text[max(0, at - _AROUND) : at + _AROUND].replace("\n", " ")
            self._found.append(f"{where}: …{shown}…")

    def take(self) -> list[str]:
        """What was found; nothing is left."""
        found, self._found = self._found, []
        return found


_WATCH = Watch()


def logs_with_tokens(folder: Path) -> list[str]:
    """The log files below a folder that hold one."""
    watch = Watch()
    for pattern in LOGS:
        for path in sorted(folder.rglob(pattern)):
            if path.is_file():
                _read(path, watch)
    return watch.take()


def _read(path: Path, watch: Watch) -> None:
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if MARK in line or LEFT_OUT in line:
                    watch.look(f"{path}:{number}", line)
    except OSError:
        return  # a server that stops takes its log along


def _watch_records(watch: Watch) -> Callable[..., logging.LogRecord]:
    make = logging.getLogRecordFactory()
    written = logging.Formatter()

    def watched(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make(*arguments, **named)
        where = f"log record of {record.name}"
        try:
            watch.look(where, record.getMessage())
        except (TypeError, ValueError):
            watch.look(where, (record.msg, record.args))
        if record.exc_info and record.exc_info is not True:
            watch.look(where, written.formatException(record.exc_info))
        return record

    return watched


@pytest.fixture(scope="session", autouse=True)
def no_token_in_a_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set up before any server, and torn down after the last."""
    with pytest.MonkeyPatch.context() as patch:
        before = logging.getLogRecordFactory()
        logging.setLogRecordFactory(_watch_records(_WATCH))
        _watch_outputs(patch)
        yield
        logging.setLogRecordFactory(before)
    found = _WATCH.take() + logs_with_tokens(tmp_path_factory.getbasetemp())
    if found:
        pytest.fail(_complaint(found), pytrace=False)


def _watch_outputs(patch: pytest.MonkeyPatch) -> None:
    invoke, captured, communicate = CliRunner.invoke, pytest.CaptureFixture.readouterr, subprocess.Popen.communicate

    def invoked(*arguments: Any, **named: Any) -> Any:
        result = invoke(*arguments, **named)
        _WATCH.look("output of a command", result.output)
        _WATCH.look("error of a command", repr(result.exception))
        return result

    def read(fixture: Any) -> Any:
        said = captured(fixture)
        _WATCH.look("captured stdout", said.out)
        _WATCH.look("captured stderr", said.err)
        return said

    def answered(*arguments: Any, **named: Any) -> Any:
        said = communicate(*arguments, **named)
        for part in said:
            _WATCH.look("output of a child process", part)
        return said

    patch.setattr(CliRunner, "invoke", invoked)
    patch.setattr(pytest.CaptureFixture, "readouterr", read)
    patch.setattr(subprocess.Popen, "communicate", answered)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A test that was to pass fails where something was found since the one before; what failed anyway says so too."""
    report = yield
    for heading, said in report.sections:
        _WATCH.look(heading, said)
    found = _WATCH.take()
    if found and report.passed:
        report.outcome = "failed"
        report.longrepr = _complaint(found)
    elif found:
        report.sections.append(("Tokens where none may lie", _complaint(found)))
    return report


def _complaint(found: list[str]) -> str:
    return "\n".join(["a token lies where none may:", *dict.fromkeys(found)])
