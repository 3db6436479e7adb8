"""What of vendors is to be fetched now: one cheap question, and nothing where nothing is connected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sago.ports import Database, Dispatcher

QUEUED_FOR = timedelta(minutes=10)
"""How long what was sent counts as queued; its task is of use for as long."""


class Sent(NamedTuple):
    """How much was queued."""

    streams: int
    refreshes: int


@dataclass(frozen=True)
class Polling:
    """The use case behind `sources.poll`."""

    database: Database
    dispatcher: Dispatcher

    def send(self, now: datetime) -> Sent:
        """Queue each stream that is due, longest due first, and each active connection that was never refreshed or
        not for a day. Each once: it counts as queued until it is read, and for ten minutes at most, since its task may
        be lost. Raises TransientError where the broker is away: nothing counts as queued then, and what was sent before
        that is sent again, which finds nothing new."""
        until = now + QUEUED_FOR
        with self.database.begin() as tx:
            connections, streams = tx.streams.queue_refreshes(now, until), tx.streams.queue(now, until)
            for connection_id in connections:
                self.dispatcher.refresh(connection_id)
            for stream in streams:
                self.dispatcher.pull(stream.connection_id, stream.name)
        return Sent(len(streams), len(connections))
