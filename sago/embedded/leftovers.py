"""What an earlier command left in a state folder: a running stack, or the remains of one whose keeper was killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sago.embedded.guard import GRACE, stop_all
from sago.embedded.lock import in_use
from sago.embedded.record import Record, read_record, remove_record
from sago.errors import ConfigError


def running_stack(state_dir: Path, note: Callable[[str], None]) -> Record | None:
    """The complete running stack; the remains of one are cleared away first, and `note` is told.

    Raises ConfigError when another command holds it. The caller holds the folder's lock.
    """
    record = read_record(state_dir)
    if record is None:
        return None
    refuse_held(record, state_dir)
    if not record.abandoned():
        return record
    note(abandoned(record))
    clear_away(record, state_dir)
    return None


def refuse_held(record: Record, state_dir: Path) -> None:
    """Raises ConfigError when another living command holds the stack."""
    if record.owner is not None and record.held():
        raise ConfigError(in_use(state_dir, record.owner.pid))


def clear_away(record: Record, state_dir: Path) -> None:
    """End what is left of an abandoned stack: its guard is at it at this moment, unless it was killed too."""
    stop_all(record.alive(), GRACE)
    remove_record(state_dir)


def abandoned(record: Record) -> str:
    """The line for whoever finds an abandoned stack."""
    keeper = record.supervisor or record.owner
    who = "supervisor" if record.supervisor else "command"
    return (
        f"the {who} of the last stack (pid {keeper.pid if keeper else 'unknown'}) was killed, or the machine restarted;"
        " its processes were ended, its data is kept"
    )
