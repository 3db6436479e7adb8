"""`sago status`: what runs and whether it answers, once or as a table that keeps itself up to date."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sago.bootstrap import Container, build
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.embedded.health import Health, check_stack
from sago.embedded.leftovers import abandoned
from sago.embedded.probes import hide
from sago.embedded.record import Record, read_record
from sago.errors import SagoError

REFRESH_EVERY = 2.0


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("status", rich_help_panel=OPERATE)(status)


def status(
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Refresh every 2 s until Ctrl-C.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """What runs and whether it answers, what waits and what lags; exit 1 when something does not.

    Example: [bold]sago status --watch[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if as_json:
        value = status_of(session.settings)
        session.emit(value)
        if not value["services"]:
            session.note(_nothing(session.settings))
        well = bool(value["services"]) and all(each["healthy"] for each in value["services"].values())
    else:
        well = _watch(session) if watch and session.out.is_terminal else _show(session)
    if not well:
        raise typer.Exit(1)


def status_of(settings: Settings) -> dict[str, Any]:
    """What `sago status --json` prints."""
    record = read_record(settings.state_dir)
    found = check_stack(record, settings)
    supervisor = {"supervisor": record.supervisor.pid} if record and record.supervisor else {}
    services = {name: each.as_json() for name, each in found.items()}
    return {"mode": settings.mode, **supervisor, "services": services, **figures_of(settings, found)}


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


def _show(session: Session) -> bool:
    """Print it once; whether all is well."""
    shown, well = _view(session.settings)
    if isinstance(shown, str):
        session.note(shown)
    else:
        session.out.print(shown)
    return well


def _watch(session: Session) -> bool:
    """Until Ctrl-C; whether all was well at the last look."""
    well = False
    with Live(console=session.out, auto_refresh=False) as live:
        try:
            while True:
                shown, well = _view(session.settings)
                live.update(shown, refresh=True)
                time.sleep(REFRESH_EVERY)
        except KeyboardInterrupt:
            return well


def _view(settings: Settings) -> tuple[RenderableType, bool]:
    record = read_record(settings.state_dir)
    found = check_stack(record, settings)
    if not found:
        return _nothing(settings), False
    figures = figures_of(settings, found)
    parts: list[RenderableType] = [_table(found), *_reasons(found), _addresses(found), *_totals(record, found, figures)]
    return Group(*parts), all(health.healthy for health in found.values())


def _nothing(settings: Settings) -> str:
    return f"nothing runs in {settings.state_dir}: start it with `sago up`"


def _table(found: dict[str, Health]) -> Table:
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    for name in ("process", "kind", "answers"):
        table.add_column(name)
    for name in ("pid", "memory", "restarts", "up"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, health in found.items():
        child, since = health.service.child, health.since
        table.add_row(
            name,
            health.service.kind,
            Text(_state(health), "green" if health.healthy else "red"),
            str(child.pid) if child and since else "",
            f"{health.memory / 1e6:.0f} MB" if health.memory else "",
            str(health.service.restarts or ""),
            _for_how_long(since) if since else "",
        )
    return table


def _state(health: Health) -> str:
    """In a few words; `_reasons` says the rest."""
    if health.healthy:
        return "yes"
    start = health.reason.partition(":")[0]
    return start if len(start) <= len("restarting in 60 s") else "no"


def _reasons(found: dict[str, Health]) -> list[Text]:
    told = {name: health.reason for name, health in found.items() if health.reason not in ("", _state(health))}
    return [Text.assemble((f"{name}: ", "bold"), (reason, "red")) for name, reason in told.items()]


def _addresses(found: dict[str, Health]) -> Table:
    """Below each other: the longest would make the table too wide for a terminal."""
    table = Table.grid(padding=(0, 2))
    for name, health in found.items():
        if health.service.address:
            table.add_row(name, Text(hide(health.service.address), overflow="fold"))
    return table


def _totals(record: Record | None, found: dict[str, Health], figures: dict[str, Any]) -> list[Text]:
    total = sum(health.memory for health in found.values())
    lines = [f"\nmemory in all: {total / 1e6:.0f} MB"]
    for name, values in figures.items():
        lines.append(f"{name}: " + (", ".join(f"{key} {value}" for key, value in values.items() if value) or "nothing"))
    if record is not None and record.abandoned():
        return [*map(Text, lines), Text(f"{abandoned(record)}; `sago up` starts anew", "red")]
    return [Text(line) for line in lines]


def _for_how_long(since: datetime) -> str:
    seconds = int((datetime.now(UTC) - since).total_seconds())
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{max(0, seconds)} s"
