"""`sago up / down / status / logs / doctor / migrate`: the stack as local processes that stay."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from sago.bootstrap import Container, build
from sago.bootstrap import migrate as bring_schema
from sago.cli import doctor
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.embedded.health import Health, check_stack
from sago.embedded.probes import hide
from sago.embedded.procfile import log_file
from sago.embedded.record import read_record
from sago.embedded.stack import Stack
from sago.errors import SagoError, TransientError, UsageError

FOLLOW_EVERY = 0.25
SMALL_KAFKA = (
    "its Kafka is in memory and small (5 MB or 100,000 messages a partition): "
    "stop with `sago down`, which stores what is on its way first"
)


def register(app: typer.Typer) -> None:
    """Add the commands to their panel."""
    for command in (up, down, status, logs, migrate):
        app.command(command.__name__, rich_help_panel=OPERATE)(command)
    doctor.register(app)


def up(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Start the servers and processes; they stay until [bold]sago down[/].

    Where config.yaml or the environment name your servers, only the processes are started.

    Example: [bold]sago up && sago status[/]
    """
    session = Session(as_json, verbose, quiet, config)
    stack = stack_of(session)
    before = read_record(stack.state_dir)
    record = stack.start()
    settings = session.settings
    if as_json:
        session.emit(status_of(settings))
    again = before is not None and before.started_at == record.started_at
    what = "runs already" if again else "runs"
    session.note(f"{record.mode} stack {what}: {', '.join(record.services)}")
    if record.mode == "embedded":
        session.note(SMALL_KAFKA)


def down(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Store what is on its way, then stop the processes and our own servers; data stays.

    Example: [bold]sago down[/]
    """
    session = Session(as_json, verbose, quiet, config)
    drained = Drained(session)
    try:
        stopped = stack_of(session).stop(drained)
    finally:
        drained.close()
    if as_json:
        session.emit({"stopped": stopped})
    session.note(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def status(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """What runs and whether it answers, what waits and what lags; exit 1 when something does not.

    Example: [bold]sago status --json[/]
    """
    session = Session(as_json, verbose, quiet, config)
    settings = session.settings
    found = check_stack(read_record(settings.state_dir), settings)
    figures = figures_of(settings, found)
    if as_json:
        session.emit(_json(settings, found, figures))
    elif found:
        _show(session, found, figures)
    if not found:
        session.note(f"nothing runs in {settings.state_dir}: start it with `sago up`")
    if not found or not all(health.healthy for health in found.values()):
        raise typer.Exit(1)


def logs(
    name: Annotated[str, typer.Argument(help="A process or server, as `sago status` names it.")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines from the end.")] = 50,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """The last lines of a process's log.

    Example: [bold]sago logs extract -f[/]
    """
    session = Session(as_json, verbose, quiet, config)
    path = _log_of(session.settings.state_dir, name)
    with path.open(encoding="utf-8", errors="replace") as log:
        for line in deque(log, maxlen=lines):
            _print_line(session, line)
        try:
            for line in _follow(log, path) if follow else ():
                _print_line(session, line)
        except KeyboardInterrupt:
            return


def migrate(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Bring schema and topics of the running stack (or your servers) to the newest level; `sago up` does it too.

    Example: [bold]sago migrate[/]
    """
    session = Session(as_json, verbose, quiet, config)
    prepare(session.settings)
    level = doctor.schema_level_of(session.settings)
    if as_json:
        session.emit({"level": level})
    session.note(f"the schema is at {level}")


def stack_of(session: Session) -> Stack:
    """The stack of these settings' state folder, with its steps as notes."""
    settings = session.settings
    return Stack(
        state_dir=settings.state_dir,
        migrate=prepare,
        config=session.config_file,
        on_step=lambda step: session.note(f"[dim]{step} …[/]") if session.verbose or " " in step else None,
    )


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


def figures_of(settings: Settings, found: dict[str, Health]) -> dict[str, Any]:
    """Lag by topic, queued messages by company, batches by state: of the servers that answer."""
    container = build(settings)
    ask: dict[str, tuple[str, Callable[[Container], dict[Any, int]]]] = {
        "lag": ("kafka", lambda each: each.log.lag()),
        "queued": ("redis", lambda each: each.buffer.counts()),
        "batches": ("postgres", _batches),
    }
    figures: dict[str, Any] = {}
    try:
        for name, (server, question) in ask.items():
            if server in found and found[server].healthy:
                figures[name] = _or_nothing(question, container)
    finally:
        container.close()
    return figures


def _batches(container: Container) -> dict[Any, int]:
    with container.database.begin() as transaction:
        return {state.value: count for state, count in transaction.batches.counts().items()}


def _or_nothing(question: Callable[[Container], dict[Any, int]], container: Container) -> dict[Any, int]:
    try:
        return question(container)
    except SagoError:
        return {}


def status_of(settings: Settings) -> dict[str, Any]:
    """What `sago status --json` prints."""
    found = check_stack(read_record(settings.state_dir), settings)
    return _json(settings, found, figures_of(settings, found))


def _json(settings: Settings, found: dict[str, Health], figures: dict[str, Any]) -> dict[str, Any]:
    return {"mode": settings.mode, "services": {name: each.as_json() for name, each in found.items()}, **figures}


def _show(session: Session, found: dict[str, Health], figures: dict[str, Any]) -> None:
    table = Table("process", "kind", "healthy", "pid", "memory", box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("address", overflow="fold")
    for name, health in found.items():
        child = health.service.child
        answer = Text("yes", "green") if health.healthy else Text(health.reason, "red")
        memory = f"{health.memory / 1e6:.0f} MB" if health.memory else ""
        pid = str(child.pid) if child else ""
        table.add_row(name, health.service.kind, answer, pid, memory, hide(health.service.address))
    session.out.print(table)
    total = sum(health.memory for health in found.values())
    session.out.print(f"memory in all: {total / 1e6:.0f} MB")
    for name, values in figures.items():
        text = ", ".join(f"{key} {value}" for key, value in values.items() if value) or "nothing"
        session.out.print(Text(f"{name}: {text}"))


def _log_of(state_dir: Path, name: str) -> Path:
    places = {path.stem: path for path in sorted((state_dir / "logs").glob("*.log"))}
    places |= {path.stem: path for path in sorted(state_dir.glob("*/*.log")) if path.parent.name == path.stem}
    if name not in places:
        there = f"there are logs of {', '.join(sorted(places))}" if places else "start the stack with `sago up`"
        raise UsageError(f"no log of {name} in {log_file(state_dir, name).parent}: {there}")
    return places[name]


def _follow(log: TextIO, path: Path) -> Iterator[str]:
    """Lines as they come, into the next file when this one is set aside."""
    while True:
        line = log.readline()
        if line:
            yield line
            continue
        if path.exists() and path.stat().st_ino != os.fstat(log.fileno()).st_ino:
            with path.open(encoding="utf-8", errors="replace") as newer:
                yield from _follow(newer, path)
        time.sleep(FOLLOW_EVERY)


def _print_line(session: Session, line: str) -> None:
    if session.as_json:
        session.emit({"line": line.rstrip("\n")})
    else:
        session.out.print(Text(line.rstrip("\n")), soft_wrap=True)
