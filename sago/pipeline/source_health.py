"""How what is connected does: when its messages were said is noted as they are taken, and held against its rhythm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from sago.domain.connections import Connection
from sago.domain.messages import Message
from sago.domain.source_health import sources_of
from sago.domain.vitals import ConnectionVitals
from sago.pipeline.taking import Read
from sago.ports import Clock, Database, Transaction

EVERY = timedelta(minutes=1)
"""The newest message of a day is noted no more often."""
_MOST_NOTED = 10_000
_Place = tuple[UUID, datetime, str, str, date]
"""A connection and when it was made, a company, a container, a day."""


@dataclass(frozen=True)
class SourceHealth:
    """Notes what is taken, and tells how each source does. Thread-safe."""

    database: Database
    clock: Clock
    met: Callable[[Connection, Sequence[Message]], None] = lambda *_: None
    """Told of the messages as well."""
    _noted: dict[_Place, datetime] = field(default_factory=dict, init=False)

    def hear(self, connection: Connection, reads: Sequence[Read]) -> None:
        """Messages of the connection are being taken; the same ones twice change nothing."""
        if len(self._noted) > _MOST_NOTED:
            self._noted.clear()
        new: dict[_Place, datetime] = {}
        for read in reads:
            if read.message:
                at, container = read.message.sent_at, read.item.container or ""
                place = connection.id, connection.created_at, read.message.company_id, container, at.date()
                if self._is_news(place, at):
                    new[place] = max(at, new.get(place, at))
        if new:
            moments: defaultdict[str, defaultdict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
            for (_, _, company_id, container, _), at in new.items():
                moments[company_id][container].append(at)
            with self.database.begin() as tx:
                for company_id, said in sorted(moments.items()):
                    tx.heard.note(connection.id, company_id, said)
            self._noted.update(new)
        self.met(connection, [read.message for read in reads if read.message])

    def sources(self) -> list[ConnectionVitals]:
        """Of every connection that nobody let go, by source and account."""
        with self.database.begin() as tx:
            return health_of_sources(tx, self.clock.now())

    def _is_news(self, place: _Place, at: datetime) -> bool:
        noted = self._noted.get(place)
        return noted is None or at >= noted + EVERY


def health_of_sources(tx: Transaction, now: datetime) -> list[ConnectionVitals]:
    """In three queries, however many streams there are."""
    return sources_of(tx.connections.all(), tx.streams.all(), tx.heard.all(), now)
