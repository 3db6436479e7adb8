"""A claim becomes a batch: Postgres takes the messages over, cuts them into chunks, and extraction is fired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sago.domain.batches import Batch, BatchPlan, BatchState, Claim
from sago.errors import TransientError
from sago.pipeline.chunking import chunks
from sago.ports import Buffer, Database, Dispatcher, Transaction


@dataclass(frozen=True)
class Batching:
    """The use cases behind `extract.start` and `upkeep.flush_idle`, over their ports."""

    buffer: Buffer
    database: Database
    dispatcher: Dispatcher
    chunk_size: int
    lost_after: timedelta

    def open(self, company_id: str, batch_id: str, now: datetime) -> int:
        """Take a claim over and fire its chord; the number of chunks fired, 0 where that was done before.

        A claim that the buffer lost before anybody took it over is recovery's to find again.
        """
        claim = self.buffer.claimed(company_id, batch_id)
        planned: int | None = None
        with self.database.begin() as tx:
            known = tx.batches.get(batch_id) is not None
            if claim is not None and not known:
                planned = self._take_over(tx, claim, now)
        if planned is not None:
            self._fire(batch_id, planned, now)
        self.buffer.taken_over(company_id, batch_id)
        return planned or 0

    def _fire(self, batch_id: str, planned: int, now: datetime) -> None:
        """Where the broker does not answer the reaper is next: a further run of this task finds the batch known."""
        try:
            self.dispatcher.extract(batch_id, range(planned), now)
        except TransientError as error:
            with self.database.begin() as tx:
                tx.batches.set_state(
                    batch_id, BatchState.FAILED, at=now, next_attempt_at=now, error=str(error), is_attempt=False
                )
            raise

    def _take_over(self, tx: Transaction, claim: Claim, now: datetime) -> int | None:
        """Write batch, members and chunks; a batch owns only the messages it won from all others. None where another
        run of this task, the reaper's, did so at the same moment: what it fired is not fired twice."""
        batch = Batch(
            id=claim.batch_id,
            company_id=claim.company_id,
            state=BatchState.CLAIMED,
            claimed_at=now,
            next_attempt_at=now + self.lost_after,
            fired_at=now,
        )
        won = set(tx.batches.open(batch, [(m.ref(claim.company_id), m.source) for m in claim.messages]))
        mine = [message for message in claim.messages if message.ref(claim.company_id) in won]
        planned = chunks(mine, self.chunk_size)
        refs = [[message.ref(claim.company_id) for message in chunk] for chunk in planned]
        return len(planned) if tx.batches.plan(BatchPlan(batch.id, refs)) else None

    def flush(self, older_than: timedelta, now: datetime) -> list[str]:
        """Claim what has waited for `older_than` or longer though it is fewer than the threshold; the batch ids."""
        flushed: list[str] = []
        for company_id in self.buffer.due(now, older_than):
            while (batch_id := self.buffer.claim(company_id, now)) is not None:
                self.dispatcher.open_batch(company_id, batch_id)
                flushed.append(batch_id)
        return flushed
