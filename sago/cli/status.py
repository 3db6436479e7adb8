"""`sago status`: what runs and whether it answers, what is down since when and what waits; once, or kept up to date."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import typer
from rich.live import Live

from sago.bootstrap import Container, build
from sago.cli.picture import picture
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.domain.vitals import Health as Vitals
from sago.embedded.health import Health, check_stack, stack_vitals
from sago.embedded.record import Record, read_record
from sago.pipeline.asking import Asker
from sago.pipeline.vitals import health_of

REFRESH_EVERY = 2.0
PATIENCE = 10.0
"""Seconds for those that answered a probe: on a busy machine a new process takes a while until it is connected."""


class Look(NamedTuple):
    """What was found; `vitals` is None where nothing runs."""

    record: Record | None
    found: dict[str, Health]
    vitals: Vitals | None

    @property
    def is_well(self) -> bool:
        """Whether something runs, all of it answers, and mails go."""
        all_answer = all(each.healthy for each in self.found.values()) and self._servers_answer()
        return bool(self.found) and all_answer and not self._mails_wait()

    def _servers_answer(self) -> bool:
        return self.vitals is None or all(each.up for each in self.vitals.services.values())

    def _mails_wait(self) -> bool:
        outbox = self.vitals.queue_status.outbox if self.vitals else None
        return outbox is not None and outbox.is_late


class Observer:
    """Looks as often as it is asked, over connections it keeps while the settings stay as they are."""

    def __init__(self) -> None:
        self._container: Container | None = None
        self._asker: Asker

    def look(self, settings: Settings) -> Look:
        """In bounded time whoever is silent: those that answer a probe are asked what waits."""
        record = read_record(settings.state_dir)
        found = check_stack(record, settings)
        if not found:
            return Look(record, found, None)
        if self._container is None or self._container.settings != settings:
            self.close()
            self._container = build(settings)
            self._asker = Asker(self._container.clock, PATIENCE)
        stack = stack_vitals(found)
        if settings.has_servers:
            vitals = replace(self._container.vitals, asker=self._asker)
            return Look(record, found, vitals.health(stack))
        now, limits = self._container.clock.now(), self._container.limits
        return Look(record, found, health_of({}, stack, now, settings.kafka.topics, limits))

    def close(self) -> None:
        """Let go of the connections."""
        if self._container is not None:
            self._container.close()


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
    """What runs and whether it answers, what is down since when, what waits; exit 1 when something does not answer, or
    mails wait for their server.

    Example: [bold]sago status --watch[/]
    """
    session = Session(as_json, verbose, quiet, config)
    observer = Observer()
    try:
        if watch and session.out.is_terminal and not as_json:
            well = _watch(session, observer)
        else:
            well = _show(session, observer.look(session.settings))
    finally:
        observer.close()
    if not well:
        raise typer.Exit(1)


def status_of(settings: Settings) -> dict[str, Any]:
    """What `sago status --json` prints."""
    observer = Observer()
    try:
        return as_json_of(settings, observer.look(settings))
    finally:
        observer.close()


def as_json_of(settings: Settings, look: Look) -> dict[str, Any]:
    """The contract's keys, and what the API's health says, in its words."""
    record, found, vitals = look
    supervisor = {"supervisor": record.supervisor.pid} if record and record.supervisor else {}
    services = {name: each.as_json() for name, each in found.items()}
    value = {"mode": settings.mode, **supervisor, "services": services}
    if vitals is None:
        return value
    for name, each in vitals.services.items():
        if not each.up and name in services:  # it answers a probe and not our questions
            services[name] |= {"healthy": False, "reason": each.reason}
    told = vitals.model_dump(
        mode="json", include={"overall_status", "problems", "checked_at", "data_sources", "sources"}
    )
    queue = vitals.queue_status.model_dump(mode="json")
    lag = {each.topic: each.lag for each in vitals.data_sources.values() if each.lag is not None}
    return value | {**told, "lag": lag, **{name: each for name, each in queue.items() if each is not None}}


def _show(session: Session, look: Look) -> bool:
    """Print it once; whether all is well."""
    if session.as_json:
        session.emit(as_json_of(session.settings, look))
    if look.vitals is None:
        session.note(_nothing(session.settings))
    elif not session.as_json:
        session.out.print(picture(look.record, look.found, look.vitals, session.out.width))
    return look.is_well


def _watch(session: Session, observer: Observer) -> bool:
    """Until Ctrl-C; whether all was well at the last look."""
    well = False
    with Live(console=session.out, auto_refresh=False) as live:
        try:
            while True:
                settings = session.settings
                look = observer.look(settings)
                well = look.is_well
                shown = picture(look.record, look.found, look.vitals, session.out.width) if look.vitals else None
                live.update(shown or _nothing(settings), refresh=True)
                time.sleep(REFRESH_EVERY)
        except KeyboardInterrupt:
            return well


def _nothing(settings: Settings) -> str:
    return f"nothing runs in {settings.state_dir}: start it with `sago up`"
