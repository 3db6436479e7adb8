"""A founder's share taken back, and the proof of what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sago.domain.batches import Held
from sago.domain.companies import Share
from sago.errors import NotThereError, UsageError
from sago.pipeline.recovery import Recovery
from sago.pipeline.revoking import Left, Revoked, Revoking
from sago.ports import Clock, Database, Derived, MessageLog


class Proof(NamedTuple):
    """What is left in the stores, and beside it what Kafka holds, which nothing reads again for this company."""

    left: Left
    held: list[Held]


@dataclass(frozen=True)
class Ending:
    """The use case behind `sago share revoke` and `verify`. Raises NotThereError where there never was a share."""

    database: Database
    clock: Clock
    revoking: Revoking
    recovery: Recovery
    log: MessageLog

    def begin(self, firm_id: str, company_id: str, who: str, why: str) -> Share:
        """End the share itself: nothing of the company is shown from then on. What came of it is erased by `end`, and
        where that never gets its turn by `upkeep.end_shares`."""
        self._given(firm_id, company_id)
        return self.revoking.begin(firm_id, company_id, who, why, self.clock.now())

    def end(self, share: Share, who: str, why: str, step: Callable[[str], None] = lambda _: None) -> Revoked:
        """Erase what came of a share that `begin` ended. Cut off it goes on where it was; done, the same again changes
        nothing. Raises UsageError where the founder gave it anew meanwhile."""
        now = self.clock.now()
        if self._is_through(share):
            return Revoked(share, 0, 0, Derived(), None)
        done = self.revoking.take(share, who, why, now, step)
        if done.evidence:
            step("queueing again")
            self.recovery.requeue(share.company_id, now)
        return done

    def proof(self, firm_id: str, company_id: str) -> Proof:
        """Looked for in every store."""
        self._given(firm_id, company_id)
        return Proof(self.revoking.left(firm_id, company_id, self.clock.now()), self.log.held(company_id))

    def proof_of_end(self, firm_id: str, company_id: str) -> Proof:
        """The same once it has ended; UsageError before: how much a firm has is the firm's."""
        if self._given(firm_id, company_id).holds_at(self.clock.now()):
            raise UsageError("the share still holds: revoke it first")
        return self.proof(firm_id, company_id)

    def _given(self, firm_id: str, company_id: str) -> Share:
        with self.database.begin() as tx:
            share = tx.shares.get(firm_id, company_id)
        if share is None:
            raise NotThereError(f"share of {company_id} with {firm_id}: there is none")
        return share

    def _is_through(self, share: Share) -> bool:
        """Whether it has ended, a revocation of it came to its end, and nothing has come since."""
        now = self.clock.now()
        with self.database.begin() as tx:
            if share in tx.shares.ended(now):
                return False
        return not self.revoking.left(share.firm_id, share.company_id, now).counts
