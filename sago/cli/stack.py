"""`sago up / down / migrate`: the stack as local processes that stay; `status`, `logs` and `doctor` beside them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape

from sago.bootstrap import Container, build
from sago.bootstrap import migrate as bring_schema
from sago.cli import doctor, logs, status
from sago.cli.backends import schema_level_of
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.embedded.kinds import Choice, choose
from sago.embedded.record import Record, read_record
from sago.embedded.stack import Stack
from sago.errors import TransientError, UsageError

SMALL_KAFKA = (
    "its Kafka is in memory and small (5 MB or 100,000 messages a partition): "
    "stop with `sago down`, which stores what is on its way first"
)


class Servers(StrEnum):
    """What `--servers` takes."""

    EMBEDDED = "embedded"
    LOCAL = "local"
    AUTO = "auto"


def register(app: typer.Typer) -> None:
    """Add the commands to their panel."""
    for command in (up, down, migrate):
        app.command(command.__name__, rich_help_panel=OPERATE)(command)
    for part in (status, logs, doctor):
        part.register(app)


def up(
    servers: Annotated[
        Servers | None,
        typer.Option(help="Small servers from wheels, real Kafka and Cassandra (JDK 17, Maven), or those if possible."),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Start the servers and processes; they stay until [bold]sago down[/], and what ends is started again.

    Where config.yaml or the environment name your servers, only the processes are started.

    Example: [bold]sago up && sago status[/]
    """
    session = Session(as_json, verbose, quiet, config)
    settings = session.settings
    before = read_record(settings.state_dir)
    choice = _choice(settings, before, servers)
    if choice.why:
        session.note(f"{choice.kind} servers: {escape(choice.why)}")
    began = time.monotonic()
    with stack_of(session, choice.kind) as stack:
        record = stack.start()
    if as_json:
        session.emit(status.status_of(session.settings))
    again = before is not None and before.started_at == record.started_at
    _tell(session, record, "runs already" if again else f"runs after {time.monotonic() - began:.0f} s")


def down(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Store what is on its way, then stop the processes and our own servers; data stays.

    Example: [bold]sago down[/]
    """
    session = Session(as_json, verbose, quiet, config)
    drained = Drained(session)
    try:
        with stack_of(session) as stack:
            stopped = stack.stop(drained)
    finally:
        drained.close()
    if as_json:
        session.emit({"stopped": stopped})
    session.note(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def migrate(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Bring schema and topics of the running stack (or your servers) to the newest level; `sago up` does it too.

    Example: [bold]sago migrate[/]
    """
    session = Session(as_json, verbose, quiet, config)
    prepare(session.settings)
    level = schema_level_of(session.settings)
    if as_json:
        session.emit({"level": level})
    session.note(f"the schema is at {level}")


@contextmanager
def stack_of(session: Session, servers: str = "embedded") -> Iterator[Stack]:
    """The stack of these settings' state folder; its steps are shown while the block lasts, its notes stay."""
    spinner = session.err.status("…")
    if not session.quiet:
        spinner.start()
    try:
        yield Stack(
            state_dir=session.settings.state_dir,
            migrate=prepare,
            config=session.config_file,
            on_step=lambda step: spinner.update(f"{escape(step)} …"),
            on_note=lambda text: session.note(escape(text)),
            servers=servers,
        )
    finally:
        spinner.stop()


def prepare(settings: Settings) -> None:
    """Schema and topics, before the first process."""
    bring_schema(settings)
    container = build(settings)
    try:
        container.log.ensure_topics()
    finally:
        container.close()


class Drained:
    """Asks whether the bridge has stored everything; connects at the first question."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._container: Container | None = None

    def __call__(self) -> bool:
        """True when no topic lags, and then it lets go, for the servers stop next; False while Kafka is silent."""
        if self._container is None:
            self._container = build(self._session.settings)
        try:
            done = not any(self._container.log.lag().values())
        except TransientError:
            return False
        if done:
            self.close()
        return done

    def close(self) -> None:
        """Let go of what was connected."""
        if self._container is not None:
            self._container.close()
            self._container = None


def _choice(settings: Settings, running: Record | None, asked: Servers | None) -> Choice:
    """The kind of servers to start; raises UsageError where the one asked for cannot be had now."""
    if running is not None and not running.abandoned():
        if asked not in (None, Servers.AUTO, running.mode):
            raise UsageError(f"--servers {asked}: the {running.mode} stack is running: `sago down` first")
        return Choice(running.mode if running.mode != "services" else "embedded", "")
    if settings.mode == "services":
        if asked not in (None, Servers.AUTO):
            raise UsageError(f"--servers {asked}: config.yaml or the environment name servers of yours")
        return Choice("embedded", "")
    return choose(asked or settings.servers, settings.state_dir)


def _tell(session: Session, record: Record, what: str) -> None:
    session.note(f"{record.mode} stack {what}: {', '.join(record.services)}")
    for name, service in record.services.items():
        if service.kind == "process" and service.address:
            session.note(f"{name}: {service.address}")
    if record.mode == "embedded":
        session.note(SMALL_KAFKA)
