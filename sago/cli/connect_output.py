"""What `sago connect` says of accounts and their streams."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.lookup import table
from sago.cli.session import Session
from sago.domain.connections import EVERY_CONTAINER, Connection, ConnectionState, Route, Stream
from sago.domain.wording import day, length
from sago.pipeline.connecting import name_of
from sago.sources.accounts import Accounts

MANY = 10_000
"""Messages that an estimate is told for."""


def as_json_of(container: Container, connection: Connection) -> dict[str, Any]:
    """An account with its routes and streams; never its token."""
    with container.database.begin() as tx:
        routes, streams = tx.connections.routes(connection.id), tx.streams.of(connection.id)
    told = connection.model_dump(mode="json")
    hidden = {"connection_id", "cursor", "mark", "fence"}
    return told | {
        "routes": [each.model_dump(mode="json", exclude={"connection_id"}) for each in routes],
        "streams": [each.model_dump(mode="json", exclude=hidden) for each in streams],
    }


def say_connected(session: Session, accounts: Accounts, connection: Connection) -> None:
    """What is read now, for whom, and what is still to do."""
    whose = connection.company_id or "nobody's until they are routed"
    session.out.print(
        escape(f"{name_of(connection)} ({connection.name}): {shared(connection, accounts.container)}, {whose}")
    )
    if connection.since:
        session.note(escape(f"read from {day(connection.since)} on; {slowness(accounts)}"))
    else:
        session.note("read from now on; --since DAY reads back")
    if connection.company_id is None:
        session.note(escape(f"whose are they? sago connect route {connection.account} --domain acme.example=acme"))
    if not connection.containers:
        session.note(escape(f"share: sago connect share {connection.account} --{accounts.container} NAME"))
    else:
        session.note(escape(f"look on: sago connect pull {connection.account} --wait"))


def slowness(accounts: Accounts) -> str:
    """How long what was said before takes, and what is faster."""
    return f"{MANY:,} messages take about {length(accounts.estimate(MANY))}; faster: {accounts.faster}"


def shared(connection: Connection, kind: str) -> str:
    """`3 channels`."""
    if EVERY_CONTAINER in connection.containers:
        return f"every {kind}"
    count = len(connection.containers)
    return f"{count or 'no'} {kind}{'' if count == 1 else 's'}"


def say_accounts(session: Session, rows: Sequence[tuple[Connection, Sequence[Stream]]], now: datetime) -> None:
    """One line an account."""
    heads = ("account", "name", "company", "streams", "newest message", "state")
    told = [
        (
            name_of(each),
            each.name,
            each.company_id or "by routes",
            str(len(streams)),
            _newest(streams, now),
            _state(each, streams),
        )
        for each, streams in rows
    ]
    table(session, heads, told, "nothing is connected yet: `sago connect slack`, `sago connect gmail`")


def say_account(
    session: Session,
    connection: Connection,
    routes: Sequence[Route],
    streams: Sequence[Stream],
    now: datetime,
    kind: str,
) -> None:
    """An account whole: what is shared, whose it is, and each stream."""
    since = connection.since or connection.created_at
    lines = {
        "account": f"{name_of(connection)} ({connection.name})",
        "shared": f"{shared(connection, kind)}, since {day(since)}",
        "company": connection.company_id or "by routes alone",
        "state": _state(connection, streams),
    }
    for head, text in lines.items():
        session.out.print(f"{head:<9}{escape(text)}")
    for route in routes:
        session.out.print(f"{'route':<9}{escape(f'{route.kind} {route.key} → {route.company_id}')}")
    heads = ("stream", "read until", "newest message", "taken", "state")
    told = [
        (each.name, _moment(each.read_until), _newest([each], now), f"{each.taken:,}", stream_state(each, now))
        for each in streams
    ]
    table(session, heads, told, "no streams: nothing is read", right=("taken",))


def stream_state(stream: Stream, now: datetime) -> str:
    """In a few words; what is wrong says how to mend it."""
    if stream.error:
        again = f" (tried again in {length(stream.due_at - now)})" if stream.due_at > now else ""
        return f"{stream.error}{again}"
    if stream.lease_until is not None and stream.lease_until > now:
        return "is read now"
    if stream.window is not None:
        return "goes on"
    return "waits for its first reading" if stream.read_until is None else "up to date"


def _state(connection: Connection, streams: Sequence[Stream]) -> str:
    if connection.state is ConnectionState.REFUSED:
        mend = f"sago connect {connection.source}"
        return connection.reason if mend in connection.reason else f"{connection.reason}; connect it again: `{mend}`"
    failing = sum(1 for each in streams if each.error)
    if failing:
        return f"{failing} of {len(streams)} fail: `sago connect show {connection.account}`"
    return "active" if connection.containers else "nothing shared"


def _newest(streams: Sequence[Stream], now: datetime) -> str:
    newest = max((each.newest_at for each in streams if each.newest_at), default=None)
    return f"{length(now - newest)} ago" if newest else "none"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""
