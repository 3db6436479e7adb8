"""Sending what is due, and looking on while an account is read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.connect_output import is_read_now, left_over, stream_state
from sago.cli.session import Session
from sago.domain.connections import LONGEST_PAUSE, Connection, ConnectionState, Stream
from sago.domain.vitals import ConnectionVitals
from sago.domain.wording import day
from sago.errors import TransientError
from sago.pipeline.source_health import health_of_sources

LOOK_EVERY = 0.5
TELL_EVERY = 30.0
"""Seconds between lines that say how far it is."""
BURIED_WITHIN = 2.0
"""Seconds until a dead letter that was written can be listed."""
BEGUN_WITHIN = timedelta(minutes=1)
"""A worker that runs and is not busy takes what is queued at once."""


def send_due(container: Container) -> None:
    """Queue what is due at once; where the broker is silent beat does it within `sources.poll_every`."""
    with suppress(TransientError):
        container.polling.send(container.clock.now())


def wait_until_read(session: Session, container: Container, connection: Connection, since: datetime) -> bool:
    """Until each stream has been read up to `since`, or will not be soon; whether each was. A failure that may
    pass within the hour is told and waited for; one that a person has to mend is told alone."""
    clock, told, health = container.clock, set[str](), list[ConnectionVitals]()
    tell_at, begun = clock.monotonic() + TELL_EVERY, _Begun(clock.now())
    with session.progress() as bars:
        bar = bars.add_task("streams read", total=None)
        while True:
            now = clock.now()
            with container.database.begin() as tx:
                streams, present = tx.streams.of(connection.id), tx.connections.get(connection.id)
                health = health_of_sources(tx, now) if clock.monotonic() >= tell_at else []
            if health:
                tell_at = clock.monotonic() + TELL_EVERY
                session.note(escape(next((each.text for each in health if each.id == connection.id), "")))
            pending = [each for each in streams if not _is_read(each, since)]
            for each in pending:
                if each.error and not is_read_now(each, now) and each.name + each.error not in told:
                    told.add(each.name + each.error)
                    session.note(escape(f"{each.name}: {stream_state(each, {}, now)}"))
            bars.update(bar, total=len(streams), completed=len(streams) - len(pending), description=_told(streams))
            if (why := _over(present, pending, begun, now)) is not None:
                break
            clock.sleep(LOOK_EVERY)
    clock.sleep(BURIED_WITHIN)
    for line in filter(None, (why, _told(streams), left_over(container, connection))):
        session.note(escape(line))
    return not pending


@dataclass
class _Begun:
    """When a worker last began with a stream, or was at one."""

    at: datetime
    fences: frozenset[tuple[str, int]] = frozenset()


def _over(present: Connection | None, pending: list[Stream], begun: _Begun, now: datetime) -> str | None:
    """Why nothing is to be waited for: empty where that was said; None where there is."""
    if present is None or present.state is not ConnectionState.ACTIVE:
        return present.reason if present and present.reason else "the account was let go"
    if all(each.due_at - now > LONGEST_PAUSE for each in pending):
        return ""
    if all(each.needs_mending or each.due_at - now > LONGEST_PAUSE for each in pending):
        return "what is left is not read until that is mended; then ask again"
    fences = frozenset((each.name, each.fence) for each in pending)
    is_read = any(is_read_now(each, now) for each in pending)
    if is_read or fences != begun.fences or all(each.due_at > now for each in pending):
        begun.at, begun.fences = now, fences
    if now - begun.at < BEGUN_WITHIN:
        return None
    return "queued for a minute, and no worker has begun: `sago status` tells whether one runs"


def _is_read(stream: Stream, since: datetime) -> bool:
    return stream.window is None and stream.read_until is not None and stream.read_until >= since


def _told(streams: list[Stream]) -> str:
    taken = sum(each.taken for each in streams)
    newest = max((each.newest_at for each in streams if each.newest_at), default=None)
    return f"{taken:,} messages" + (f", newest {day(newest)}" if newest else "")
