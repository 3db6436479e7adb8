"""Child processes: each leads a session of its own, is known by pid and birth time, and is stopped by pid."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from sago.errors import ConfigError

BORN_WITHIN = 2.0
"""Seconds by which two readings of one birth time may differ (psutil derives it from the boot time)."""
POLL = 0.02

_OURS: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this very process: they must be reaped, and no other process could."""


@dataclass(frozen=True)
class Child:
    """A process we started, now or in an earlier command; a reused pid is not it."""

    name: str
    pid: int
    born: float
    stop_signal: int = signal.SIGTERM

    def alive(self) -> bool:
        """Whether this very process still runs."""
        ours = _OURS.get(self.pid)
        if ours is not None:
            return ours.poll() is None
        try:
            process = psutil.Process(self.pid)
            return self._was_born(process) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def halted(self) -> bool:
        """Whether a signal (SIGSTOP, SIGTSTP) has halted it, so that it does nothing until SIGCONT."""
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        except psutil.Error:
            return False

    def stop(self, timeout: float) -> bool:
        """Ask it to end, wait, then kill it and all that is left of its session; True when it ended by itself."""
        asked = self.signal(self.stop_signal)
        ended = self.wait(timeout) if asked else True
        if not ended:
            self.signal(signal.SIGKILL)
            self.wait(5.0)
        self._end_session()
        return ended

    def signal(self, number: int) -> bool:
        """Send a signal; False when the process is gone already."""
        if not self.alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def exit_status(self) -> int | None:
        """How it ended, minus the signal's number when killed by one; None while it runs or when it was not ours."""
        ours = _OURS.get(self.pid)
        return None if ours is None else ours.poll()

    def wait(self, timeout: float) -> bool:
        """Wait for its end; False when it still runs after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL)
        return True

    def _end_session(self) -> None:
        """Kill pool children that outlived their leader, which may wait as a zombie for somebody to reap it."""
        if self._pid_is_taken():
            return
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getsid(process.pid) == self.pid:
                    os.kill(process.pid, signal.SIGKILL)

    def _pid_is_taken(self) -> bool:
        """Whether the pid is another process's by now: of a session with that id we know nothing."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE or not self._was_born(process)
        except psutil.NoSuchProcess:
            return False
        except psutil.Error:
            return True

    def _was_born(self, process: psutil.Process) -> bool:
        return bool(abs(process.create_time() - self.born) < BORN_WITHIN)

    def memory(self) -> int:
        """Bytes (proportional set size) of the process and its descendants; 0 when gone or unreadable."""
        try:
            process = psutil.Process(self.pid)
            return sum(_pss(each) for each in [process, *process.children(recursive=True)])
        except psutil.Error:
            return 0

    def record(self) -> dict[str, Any]:
        """What `from_record` needs to know it again."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Child:
        """Raises KeyError, TypeError or ValueError when the record is not one."""
        return cls(str(record["name"]), int(record["pid"]), float(record["born"]), int(record["stop_signal"]))


def how_it_ended(status: int | None, said: str) -> str:
    """A few words for a person, from `Child.exit_status` and the last line it wrote."""
    if status is not None and status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}: {said}"


def adopt(name: str, process: subprocess.Popen[bytes], stop_signal: int = signal.SIGTERM) -> Child:
    """A process just started by ourselves as a Child: it will be reaped when it is asked how it does."""
    _OURS[process.pid] = process
    return Child(name, process.pid, _birth(process.pid), stop_signal)


def ourselves() -> Child:
    """This very process, as others may know it."""
    return Child("sago", os.getpid(), _birth(os.getpid()))


Step = Callable[[str], None]
"""Told in a few words what happens now, or in a line what a person should know."""


def quietly(text: str) -> None:
    """A Step nobody hears."""


Watch = Callable[[Child], None]
"""Told of each child right after it was started."""


def unwatched(child: Child) -> None:
    """A Watch that looks away: the caller alone keeps the child's pid."""


@dataclass(frozen=True)
class Account:
    """The user and group a child runs as."""

    uid: int
    gid: int


def spawn(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    stop_signal: int = signal.SIGTERM,
) -> Child:
    """Start a command whose output goes to `log`, free of our terminal; raises ConfigError when it cannot run.

    What it writes is for its own account alone: queues, data and logs hold people's messages.
    """
    as_other: dict[str, Any] = {}
    if account is not None:
        as_other = {"user": account.uid, "group": account.gid, "extra_groups": []}
    with open_log(log) as output:
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                start_new_session=True,
                umask=0o077,
                **as_other,
            )
        except OSError as error:
            raise ConfigError(f"{name}: cannot start {command[0]}: {error.strerror}; run `make setup` again") from error
    return adopt(name, process, stop_signal)


def open_log(log: Path) -> BinaryIO:
    """For appending, in a folder that is made where it is missing; open to us alone where the log is new."""
    log.parent.mkdir(parents=True, exist_ok=True)
    return open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600))


def last_line(log: Path, otherwise: str = "it wrote nothing") -> str:
    """The last line of a log that is not empty."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return otherwise
    return next((line.strip() for line in reversed(lines) if line.strip()), otherwise)


def _birth(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return time.time()


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return 0
