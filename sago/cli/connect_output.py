"""What `sago connect` says of accounts and their streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.lookup import table
from sago.cli.session import Session
from sago.domain.connections import EVERY_CONTAINER, UNASSIGNED, Connection, ConnectionState, Route, Stream
from sago.domain.deliveries import Counted
from sago.domain.vitals import ConnectionVitals
from sago.domain.wording import day, length
from sago.pipeline.connecting import name_of
from sago.pipeline.item_letters import PREFIX as ITEM
from sago.pipeline.source_health import health_of_sources
from sago.sources.accounts import Accounts

MANY = 10_000
"""Messages that an estimate is told for."""
LOOKED_AT = 1_000
"""Dead letters of an account, the newest."""


class Told(NamedTuple):
    """All that is known of one account; never its token."""

    connection: Connection
    routes: Sequence[Route]
    streams: Sequence[Stream]
    health: ConnectionVitals
    counts: Mapping[Counted, int] | None
    """Of deliveries by webhook, of every source."""
    left_over: str = ""
    """What lies among the dead letters."""


def told_of(container: Container, connection: Connection) -> Told:
    """Read at one moment."""
    with container.database.begin() as tx:
        health = next(each for each in health_of_sources(tx, container.clock.now()) if each.id == connection.id)
        routes, streams = tx.connections.routes(connection.id), tx.streams.of(connection.id)
    return Told(connection, routes, streams, health, container.deliveries.totals(), left_over(container, connection))


def as_json_of(told: Told) -> dict[str, Any]:
    """As one object."""
    hidden = {"connection_id", "cursor", "mark", "fence"}
    counts = told.counts or {}
    pushes = [
        {"outcome": each.outcome.value, "reason": each.reason, "count": count}
        for each, count in counts.items()
        if each.source == told.connection.source
    ]
    return told.connection.model_dump(mode="json") | {
        "routes": [each.model_dump(mode="json", exclude={"connection_id"}) for each in told.routes],
        "streams": [each.model_dump(mode="json", exclude=hidden) for each in told.streams],
        "health": {"state": told.health.state.value, "text": told.health.text},
        "pushed": pushes,
        "not_taken": told.left_over,
    }


def say_connected(session: Session, accounts: Accounts, connection: Connection) -> None:
    """What is read now, for whom, and what is still to do."""
    what = f"{name_of(connection)} ({connection.name}): {shared(connection, accounts.container)}"
    session.out.print(escape(f"{what}, {connection.company_id or 'nobody until they are routed'}"))
    if connection.since is None:
        session.note("read from now on; --since DAY reads back")
    if connection.company_id is None:
        session.note(escape(f"whose are they? sago connect route {connection.account} {_example(accounts)}"))
    if not connection.containers:
        session.note(escape(f"share: sago connect share {connection.account} --{accounts.container} NAME"))
    else:
        session.note(escape(f"look on: sago connect pull {connection.account} --wait"))


def _example(accounts: Accounts) -> str:
    return "--channel NAME=COMPANY" if accounts.container == "channel" else "--domain acme.example=acme"


def left_over(container: Container, connection: Connection) -> str:
    """How many of the account's messages lie among the dead letters, and how to mend it; empty where none does."""
    topic = container.settings.kafka.topic(connection.source)
    mine = f"{ITEM}{name_of(connection)}/"
    with container.database.begin() as tx:
        found = tx.ledger.dead_letters(topic=topic, within=mine, limit=LOOKED_AT)
    if not found:
        return ""
    nobodys = sum(each.error.startswith(UNASSIGNED) for each in found)
    mend = f", {nobodys:,} of them nobody's: `sago connect route {connection.account}`" if nobodys else ""
    at_least = "at least " if len(found) == LOOKED_AT else ""
    return f"{at_least}{len(found):,} among the dead letters (`sago dlq list --topic {topic}`){mend}"


def not_taken_back(accounts: Accounts, why: str) -> str:
    """That the vendor still takes a token, and where a person ends that."""
    return f"not taken back at {accounts.vendor} ({why}): do it there, under {accounts.taken_back_at}"


def slowness(accounts: Accounts) -> str:
    """How long what was said before takes, and what is faster."""
    return f"{MANY:,} messages take {length(accounts.estimate(MANY))} at least; faster: {accounts.faster}"


def shared(connection: Connection, kind: str) -> str:
    """`3 channels`."""
    if EVERY_CONTAINER in connection.containers:
        return f"every {kind}"
    count = len(connection.containers)
    return f"{count or 'no'} {kind}{'' if count == 1 else 's'}"


def say_accounts(session: Session, rows: Sequence[tuple[Connection, ConnectionVitals]], now: datetime) -> None:
    """One line an account."""
    heads = ("account", "name", "company", "streams", "newest message", "state")
    told = [
        (
            name_of(each),
            each.name,
            whose(each),
            str(len(health.streams)),
            age(health.newest_at, now),
            _state(each, health),
        )
        for each, health in rows
    ]
    table(session, heads, told, "nothing is connected yet: `sago connect slack`, `sago connect gmail`")


def say_account(session: Session, told: Told, now: datetime, kind: str) -> None:
    """An account whole: what is shared, whose it is, what its vendor pushed, and each stream."""
    connection, health = told.connection, told.health
    since = connection.since or connection.created_at
    lines = [
        ("account", f"{name_of(connection)} ({connection.name})"),
        ("shared", f"{shared(connection, kind)}, since {day(since)}"),
        ("company", whose(connection)),
        *(
            ("route", f"{kind if each.kind == 'container' else each.kind} {each.key} → {each.company_id}")
            for each in told.routes
        ),
        ("pushed", f"{pushed(told.counts, connection.source)} (webhooks of all {connection.source} accounts)"),
        *([("not taken", told.left_over)] if told.left_over else []),
        ("state", _state(connection, health)),
    ]
    grid = Table.grid(padding=(0, 2))
    for head, text in lines:
        grid.add_row(head, Text(text))
    session.out.print(grid)
    texts = {each.name: each.text for each in health.streams}
    rows = [
        (each.name, at(each.read_until), age(each.newest_at, now), f"{each.taken:,}", stream_state(each, texts, now))
        for each in told.streams
    ]
    heads = ("stream", "read until", "newest message", "taken", "state")
    table(session, heads, rows, "no streams: nothing is read", right=("taken",))


def pushed(counts: Mapping[Counted, int] | None, source: str) -> str:
    """Of a source what came by webhook, of all its accounts together."""
    if counts is None:
        return "not known while redis is silent"
    by_outcome: Counter[str] = Counter()
    for counted, count in counts.items():
        if counted.source == source:
            by_outcome[counted.outcome.value.replace("_", " ")] += count
    return ", ".join(f"{count:,} {outcome}" for outcome, count in by_outcome.most_common()) or "nothing yet"


def stream_state(stream: Stream, texts: Mapping[str, str], now: datetime) -> str:
    """In a few words; what is wrong says how to mend it."""
    again = f" (tried again in {length(stream.due_at - now)})" if stream.due_at > now else ""
    if is_read_now(stream, now):  # what it says of its reader holds only once that one is overdue
        return "is read now"
    if stream.error:
        return f"{stream.error}{again}"
    if stream.window is not None:
        return f"goes on in {length(stream.due_at - now)}" if stream.due_at > now else "goes on"
    if stream.read_until is None:
        return "waits for its first reading"
    return texts.get(stream.name, "up to date")


def is_read_now(stream: Stream, now: datetime) -> bool:
    """Whether a reader has it to itself."""
    return stream.lease_until is not None and stream.lease_until > now


def whose(connection: Connection) -> str:
    """Whose messages are that no route names."""
    return connection.company_id or "by routes alone"


def age(moment: datetime | None, now: datetime) -> str:
    """`3 h ago`."""
    return f"{length(now - moment)} ago" if moment else "none"


def at(moment: datetime | None) -> str:
    """In UTC, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _state(connection: Connection, health: ConnectionVitals) -> str:
    if connection.state is ConnectionState.ACTIVE and not connection.containers:
        return f"nothing shared: `sago connect share {connection.account}`"
    return f"{health.state}: {health.text}"
