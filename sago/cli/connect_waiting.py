"""Sending what is due, and looking on while an account is read."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime

from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.session import Session
from sago.domain.connections import Connection, Stream
from sago.domain.wording import day
from sago.errors import TransientError

LOOK_EVERY = 0.5


def send_due(container: Container) -> None:
    """Queue what is due at once; where the broker is silent beat does it within `sources.poll_every`."""
    with suppress(TransientError):
        container.polling.send(container.clock.now())


def wait_until_read(session: Session, container: Container, connection: Connection, since: datetime) -> bool:
    """Until each stream has been read up to `since`, or has failed; whether none has."""
    with session.progress() as bars:
        bar = bars.add_task("streams read", total=None)
        while True:
            with container.database.begin() as tx:
                streams = tx.streams.of(connection.id)
            done = [each for each in streams if _is_read(each, since)]
            failed = [each for each in streams if each.error and each not in done]
            bars.update(bar, total=len(streams), completed=len(done), description=_told(streams))
            if len(done) + len(failed) == len(streams):
                break
            time.sleep(LOOK_EVERY)
    session.note(escape(_told(streams)))
    for each in failed:
        session.note(escape(f"{each.name}: {each.error}"))
    return not failed


def _is_read(stream: Stream, since: datetime) -> bool:
    return stream.window is None and stream.read_until is not None and stream.read_until >= since


def _told(streams: list[Stream]) -> str:
    taken = sum(each.taken for each in streams)
    newest = max((each.newest_at for each in streams if each.newest_at), default=None)
    return f"{taken:,} messages" + (f", newest {day(newest)}" if newest else "")
