"""One command at a time changes the stack of a state folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sago.errors import ConfigError


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Hold the folder for the length of the block; the lock goes with us, however we go.

    Raises ConfigError naming the pid of the command that holds it.
    """
    try:
        make_folder(state_dir)
        lock = (state_dir / "stack.lock").open("a+")
    except OSError as error:
        raise ConfigError(cannot_write(state_dir, error)) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise ConfigError(in_use(state_dir, lock.read().strip() or "unknown")) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def make_folder(state_dir: Path) -> None:
    """Where it is not there yet, closed to everybody else; where we are root, `nobody` passes to Postgres's data."""
    state_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)


def in_use(state_dir: Path, pid: object) -> str:
    """The line for whoever came second."""
    return f"{state_dir} is in use by another sago command (pid {pid}): wait for it, or end it with Ctrl-C"


def cannot_write(state_dir: Path, error: OSError) -> str:
    """The line for whoever may not write there."""
    return f"{state_dir}: cannot be written ({error.strerror}): set state_dir (SAGO_STATE_DIR), or mend its mode"
