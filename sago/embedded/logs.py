"""One log a process and server: where each lies, and how they are kept small while somebody writes to them.

A log may be deleted at any moment: what is gone is not there, and no error.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sago.embedded.kinds import folder_of

LOG_BYTES = 10 * 1024 * 1024
KEPT = 5
"""A log longer than LOG_BYTES is copied to `.1` and emptied; `.1` becomes `.2`, and so on to `.5`."""


def log_file(state_dir: Path, name: str) -> Path:
    """Where the output of the supervisor or of a process goes; a server's lies in the server's folder."""
    return state_dir / "logs" / f"{name}.log"


def log_files(state_dir: Path) -> dict[str, Path]:
    """Name → its log, in the order of the alphabet; of two kinds of servers the one that wrote last.

    Without those that cannot be looked at: dangling links, and what was deleted just now.
    """
    found = list((state_dir / "logs").glob("*.log"))
    for kind in ("embedded", "local"):
        found += (path for path in folder_of(state_dir, kind).glob("*/*.log") if path.parent.name == path.stem)
    written = [(path.stem, when, path) for path in found if (when := _written_at(path)) is not None]
    return {name: path for name, _, path in sorted(written)}


def _written_at(log: Path) -> float | None:
    try:
        return log.stat().st_mtime
    except OSError:
        return None


def rotate(log: Path, limit: int = LOG_BYTES) -> bool:
    """Set a log aside when it is longer than `limit` bytes; whether it was.

    Its writer has it open for appending and goes on at the new beginning; the few lines it writes between the copy
    and the cut are lost.
    """
    try:
        if log.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    for number in range(KEPT - 1, 0, -1):
        older = set_aside(log, number)
        if older.exists():
            older.replace(set_aside(log, number + 1))
    shutil.copy(log, set_aside(log, 1))
    os.truncate(log, 0)
    return True


def set_aside(log: Path, number: int = 1) -> Path:
    """Where the `number`th last part of a log lies."""
    return log.with_name(f"{log.name}.{number}")
