"""The texts that shares show in place of events' own words, made by the house.

Cutting an event takes some tenths of a millisecond, making it coarse milliseconds: no page of a firm is to wait for it,
nor to tell by its haste who read it before. Until they are made, a reader makes its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sago.domain.companies import ShareKind
from sago.domain.events import KeptTexts
from sago.outreach.sharing import VERSION, texts_for
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
            wanted = tx.shares.kinds(self.clock.now())
        return sum(self._of(company_id, kind) for company_id, kind in wanted)

    def _of(self, company_id: str, kind: ShareKind) -> int:
        """No lock is held while they are made: those of an event that has become another meanwhile are not kept."""
        done: set[UUID] = set()
        while True:
            with self.database.begin() as tx:
                found = tx.events.without_texts(company_id, kind, VERSION, AT_ONCE)
            if {event.id for event, _ in found} <= done:
                return len(done)
            made = [KeptTexts(event.id, as_it_is, texts_for(kind, event)) for event, as_it_is in found]
            with self.database.begin() as tx:
                tx.events.lock(company_id)
                tx.events.keep_texts(kind, VERSION, made)
            done |= {each.event_id for each in made}
