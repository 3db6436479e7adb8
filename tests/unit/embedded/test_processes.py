"""Children are known by pid and birth time, and end with all they started."""

from __future__ import annotations

import dataclasses
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sago.embedded.guard import stop_all
from sago.embedded.processes import Child, last_line, spawn
from sago.errors import ConfigError

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
WITH_CHILD = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


def python(folder: Path, code: str) -> Child:
    """A child that has printed its first line."""
    child = spawn("fake", [sys.executable, "-c", code], log=folder / "fake.log")
    while last_line(folder / "fake.log", "") == "" and child.alive():
        time.sleep(0.01)
    return child


def test_a_child_ends_by_itself_when_asked(tmp_path: Path) -> None:
    child = spawn("fake", ["sleep", "60"], log=tmp_path / "logs" / "fake.log")
    assert child.alive()
    assert os.getsid(child.pid) == child.pid
    assert child.stop(5.0)
    assert not child.alive()
    assert not psutil.pid_exists(child.pid)


def test_a_deaf_child_is_killed(tmp_path: Path) -> None:
    child = python(tmp_path, DEAF)
    assert not child.stop(0.1)
    assert not child.alive()


def test_what_outlives_its_killed_leader_is_ended(tmp_path: Path) -> None:
    child = python(tmp_path, WITH_CHILD)
    grandchild = psutil.Process(int(last_line(tmp_path / "fake.log")))
    child.signal(signal.SIGKILL)
    assert child.wait(5.0)
    assert grandchild.is_running()
    child.stop(1.0)
    gone, _ = psutil.wait_procs([grandchild], timeout=5)
    assert gone or grandchild.status() == psutil.STATUS_ZOMBIE


def test_what_outlives_a_leader_that_nobody_reaps_is_ended(tmp_path: Path) -> None:
    log = tmp_path / "fake.log"
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, "-c", WITH_CHILD], stdout=output, start_new_session=True) as leader,
    ):
        while last_line(log, "") == "":
            time.sleep(0.01)
        child = Child("fake", leader.pid, psutil.Process(leader.pid).create_time())
        grandchild = psutil.Process(int(last_line(log)))
        leader.kill()
        assert child.wait(5.0)
        assert psutil.pid_exists(leader.pid)  # a zombie
        dataclasses.replace(child, born=child.born - 3600).stop(1.0)  # a stranger's session
        assert grandchild.is_running()
        child.stop(1.0)
        gone, _ = psutil.wait_procs([grandchild], timeout=5)
    assert gone or grandchild.status() == psutil.STATUS_ZOMBIE


def test_what_a_child_writes_is_for_its_own_account(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        child = spawn("fake", ["touch", str(tmp_path / "data")], log=tmp_path / "logs" / "fake.log")
        assert child.wait(5.0)
    finally:
        os.umask(previous)
    for path in (tmp_path / "data", tmp_path / "logs" / "fake.log"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reused_pid_is_a_stranger(tmp_path: Path) -> None:
    child = spawn("fake", ["sleep", "60"], log=tmp_path / "fake.log")
    stranger = Child("stranger", os.getpid(), born=child.born - 3600)
    try:
        assert not stranger.alive()
        assert stranger.stop(0.1)
        assert Child.from_record(child.record()) == child
    finally:
        child.stop(1.0)


def test_all_are_asked_before_any_is_waited_for(tmp_path: Path) -> None:
    told: list[str] = []

    class Noted(Child):
        def signal(self, number: int) -> bool:
            told.append("asked")
            return super().signal(number)

        def wait(self, timeout: float) -> bool:
            told.append("waited for")
            return super().wait(timeout)

    children = [Noted(**dataclasses.asdict(python(tmp_path / str(n), DEAF))) for n in range(3)]
    stop_all(children, grace=0.3)
    assert told[:6] == ["asked"] * 3 + ["waited for"] * 3
    assert not any(child.alive() for child in children)


def test_a_missing_command_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fake: cannot start /nowhere/at-all: No such file"):
        spawn("fake", ["/nowhere/at-all"], log=tmp_path / "fake.log")


def test_the_last_line_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert last_line(log) == "it wrote nothing"
    log.write_bytes(b"first\nValueError: no \xff\n\n")
    assert last_line(log) == "ValueError: no \ufffd"
