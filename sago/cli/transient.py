"""A stack that lives as long as one command: for `sago run` and `sago demo` where none is running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sago.bootstrap import migrate
from sago.cli.session import Session
from sago.config import PROJECT, Settings


@contextmanager
def transient_stack(
    session: Session, state_dir: Path, out: Path, *, provider: str | None = None, discard: bool = False
) -> Iterator[Settings]:
    """Servers and processes of their own in `state_dir`, drafts in `out`; `discard` deletes the data before and after.

    The servers are those whose stores hold the messages of earlier commands. Raises ConfigError, with nothing left
    running, when a part cannot start.
    """
    from sago.embedded.kinds import choose
    from sago.embedded.stack import Stack

    environ = {"SAGO_OUTREACH__FOLDER": str((out / "outreach").resolve())}
    if provider:
        environ["SAGO_EXTRACTION__PROVIDER"] = provider
    status = session.err.status("starting")
    stack = Stack(
        state_dir=state_dir,
        migrate=migrate,
        config=session.config_file,
        environ=environ,
        on_step=lambda step: status.update(f"{step} …"),
        procfile=PROJECT / "Procfile.once",
        later=frozenset({"beat"}),
        servers="embedded" if discard else choose(None, state_dir).kind,
    )
    status.start()
    try:
        with stack.running(discard=discard) as settings:
            status.stop()
            yield settings
            status.start()
    finally:
        status.stop()
