"""The coarse texts of events, made by the house.

Making them takes milliseconds for each event: no page of a firm is to wait for it, nor to tell by its haste who read
it before. Until they are made, a reader makes its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sago.domain.companies import Granularity
from sago.domain.events import CoarseTexts
from sago.outreach.coarsening import VERSION, coarse_texts
from sago.ports import Clock, Database

AT_ONCE = 100
"""Events whose texts are made between two transactions."""


@dataclass(frozen=True)
class Coarsening:
    """The use case behind `upkeep.coarsen`."""

    database: Database
    clock: Clock

    def make(self) -> int:
        """Make the texts that shares which hold need and that are not there: of events that are new or not what they
        were, of a share that was given, of another version. Of how many events."""
        with self.database.begin() as tx:
            wanted = tx.shares.coarse(self.clock.now())
        return sum(self._of(company_id, granularity) for company_id, granularity in wanted)

    def _of(self, company_id: str, granularity: Granularity) -> int:
        """No lock is held: what an event has become meanwhile, its texts do not count for."""
        done: set[UUID] = set()
        while True:
            with self.database.begin() as tx:
                found = tx.events.without_coarse(company_id, granularity, VERSION, AT_ONCE)
            if {event.id for event, _ in found} <= done:
                return len(done)
            made = [CoarseTexts(event.id, as_it_is, coarse_texts(event, granularity)) for event, as_it_is in found]
            with self.database.begin() as tx:
                tx.events.keep_coarse(granularity, VERSION, made)
            done |= {each.event_id for each in made}
