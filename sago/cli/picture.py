"""The picture `sago status` prints: what is wrong and what to do, what runs, what waits; readable in 40 columns."""

from __future__ import annotations

from datetime import UTC, datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sago.cli.backends import mend
from sago.domain.vitals import Condition, OutboxVitals, QueueVitals, SourceState, WaitingBatch
from sago.domain.vitals import Health as Vitals
from sago.domain.wording import length
from sago.embedded.health import Health
from sago.embedded.leftovers import abandoned
from sago.embedded.probes import hide
from sago.embedded.record import Record
from sago.pipeline.complaints import clock_time

_COLOURS = {
    SourceState.FRESH: "green",
    SourceState.BACK_FILLING: "green",
    SourceState.QUIET: "yellow",
    SourceState.FAILING: "yellow",
    SourceState.REFUSED: "red",
}
WIDE = 60
"""Columns from which on a process has its kind, pid, memory and restarts in its line."""


def picture(record: Record | None, found: dict[str, Health], vitals: Vitals, width: int) -> RenderableType:
    """For a terminal of so many columns."""
    parts = [_headline(record, vitals), *_problems(found, vitals), _table(found, vitals, width)]
    return Group(*parts, _waiting(vitals), *_sources(vitals), Text(), _addresses(found, width))


def _headline(record: Record | None, vitals: Vitals) -> RenderableType:
    if record is not None and record.abandoned():
        return Text(f"{abandoned(record)}; `sago up` starts anew", "red")
    if vitals.overall_status is Condition.HEALTHY:
        return Text("all is well", "bold green")
    colour = "bold red" if vitals.overall_status is Condition.UNHEALTHY else "bold yellow"
    return Text(f"{vitals.overall_status.value} at {vitals.checked_at:%H:%M:%S} UTC", colour)


def _problems(found: dict[str, Health], vitals: Vitals) -> list[RenderableType]:
    """Each in a line, and what to do below it."""
    lines: list[RenderableType] = []
    for problem in vitals.problems:
        lines.append(_indented("- ", Text(problem, "red" if " is down" in problem else "yellow")))
        health = found.get(problem.partition(" ")[0])
        if health is not None and not health.healthy:
            lines.append(_indented("  ", Text(mend(health).lstrip(": "), "dim")))
    return lines


def _indented(mark: str, text: Text) -> Table:
    grid = Table.grid()
    grid.add_row(mark, text)
    return grid


def _table(found: dict[str, Health], vitals: Vitals, width: int) -> Table:
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    figures = ("kind", "pid", "memory", "restarts") if width >= WIDE else ()
    for name in ("process", "answers", "up"):
        table.add_column(name, no_wrap=True)
    for name in figures:
        table.add_column(name, justify="left" if name == "kind" else "right", no_wrap=True)
    for name, health in found.items():
        server = vitals.services.get(name)
        is_well = health.healthy and (server is None or server.up)
        said = "waits" if health.waits_for else "yes" if is_well else _state(health)
        colour = "yellow" if health.waits_for else "green" if is_well else "red"
        up = length(datetime.now(UTC) - health.since) if health.since else ""
        table.add_row(name, Text(said, colour), up, *(_figures(health) if figures else ()))
    return table


def _figures(health: Health) -> tuple[str, ...]:
    child, memory = health.service.child, health.memory
    pid = str(child.pid) if child and health.since else ""
    return health.service.kind, pid, f"{memory / 1e6:.0f} MB" if memory else "", str(health.service.restarts or "")


def _state(health: Health) -> str:
    """In a word or two; the problems say the rest."""
    start = health.reason.partition(":")[0]
    return start if len(start) <= len("restarting in 60 s") else "no"


def _waiting(vitals: Vitals) -> Table:
    """What waits where, from the source to the events."""
    queue, grid = vitals.queue_status, Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    unknown = Text("not known while its server is silent", "dim")
    lags = {each.topic: each.lag for each in vitals.data_sources.values() if each.lag is not None}
    grid.add_row("to store", _listed(lags, "messages in Kafka") if lags else unknown)
    grid.add_row("queued", unknown if queue.queued is None else _listed(queue.queued, "messages in Redis"))
    grid.add_row("batches", unknown if queue.batches is None else _batches(queue, vitals.checked_at))
    letters = queue.dead_letters
    refused = f"{letters} not replayed: `sago dlq list`" if letters else "none"
    grid.add_row("dead letters", unknown if letters is None else refused)
    grid.add_row("mails", unknown if queue.outbox is None else _mails(queue.outbox, vitals.checked_at))
    if queue.letters_due:
        grid.add_row("letters", f"{queue.letters_due:,} due and not composed yet")
    return grid


def _sources(vitals: Vitals) -> list[RenderableType]:
    """What founders connected; of the streams of one those that need a look."""
    if not vitals.sources:
        return []
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    for source in vitals.sources:
        shown = f"{source.source} {source.name}: {source.text}"
        grid.add_row(Text(source.state, _COLOURS[source.state]), Text(shown))
        for stream in source.streams if len(source.streams) > 1 else ():
            if stream.state in (SourceState.QUIET, SourceState.FAILING):
                grid.add_row(Text(stream.state, _COLOURS[stream.state]), Text(f"  {stream.name}: {stream.text}"))
    return [Text("\nsources", "bold"), grid]


def _listed(counts: dict[str, int], what: str, at_most: int = 5) -> str:
    """The total, and who has most of it."""
    most = sorted(((count, name) for name, count in counts.items() if count), reverse=True)
    if not most:
        return f"no {what}"
    shown = [f"{name} {count:,}" for count, name in most[:at_most]]
    more = [f"{len(most) - at_most} more"] if len(most) > at_most else []
    return f"{sum(count for count, _ in most):,} {what}: {', '.join(shown + more)}"


def _batches(queue: QueueVitals, now: datetime) -> str:
    oldest = queue.oldest or {}
    parts = [
        f"{count:,} {state}{_age(oldest.get(state), now)}" for state, count in (queue.batches or {}).items() if count
    ]
    return "; ".join(parts) or "none"


def _mails(outbox: OutboxVitals, now: datetime) -> str:
    parts = []
    if outbox.queued:
        oldest = f" (oldest {length(now - outbox.oldest)})" if outbox.oldest else ""
        held = f", {outbox.held:,} of them for the server: {outbox.error}" if outbox.held else ""
        parts.append(f"{outbox.queued:,} queued{oldest}{held}")
    if outbox.unknown:
        parts.append(f"{outbox.unknown:,} unknown: `sago outreach outbox`")
    return "; ".join(parts) or "none"


def _age(batch: WaitingBatch | None, now: datetime) -> str:
    if batch is None:
        return ""
    again = batch.next_attempt_at
    later = f", next attempt at {clock_time(again, now)} UTC" if again and (batch.attempts or batch.reason) else ""
    return f" (oldest {length(now - batch.claimed_at)}{later})"


def _addresses(found: dict[str, Health], width: int) -> Table:
    """Below each other: the longest would make a table too wide for a terminal."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    for name, health in found.items():
        if health.service.address:
            grid.add_row(name, Text(hide(health.service.address), overflow="fold"))
    if width >= WIDE:
        total = sum(health.memory for health in found.values())
        grid.add_row("memory", f"{total / 1e6:.0f} MB in all")
    return grid
