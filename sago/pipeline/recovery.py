"""What makes every loss mend itself: the reaper takes up unfinished batches, recovery queues what Redis lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sago.domain.batches import HOPELESS, LIVE_RUN, PASSING, Batch, BatchState, Chunk, ChunkState, DeadLetter
from sago.domain.messages import MessageKey, MessageRef
from sago.pipeline.storing import queue_new
from sago.ports import Buffer, Database, Dispatcher, MessageLog, RawStore, Transaction

LOOK_BACK = timedelta(days=3)
"""Received days that recovery reads: longer than the marks' 48 hours and the idle flush together."""
READ_AT_ONCE = 1000
"""Messages that recovery holds in memory at a time."""


@dataclass(frozen=True)
class Reaper:
    """The use case behind `upkeep.reap`: the one owner of a batch's retries."""

    database: Database
    buffer: Buffer
    raw: RawStore
    log: MessageLog
    dispatcher: Dispatcher
    topic_of: Callable[[str], str]
    max_attempts: int
    lost_after: timedelta

    def reap(self, now: datetime) -> int:
        """Open claims that nobody took over and fire what batches past their time still miss; how many."""
        claims = self.buffer.unopened()
        for company_id, batch_id in claims:
            self.dispatcher.open_batch(company_id, batch_id)
        with self.database.begin() as tx:
            due = {batch.id: self._missing(tx, batch, now) for batch in tx.batches.due(now)}
        missing = {batch_id: chunk_nos for batch_id, chunk_nos in due.items() if chunk_nos is not None}
        for batch_id, chunk_nos in missing.items():
            self.dispatcher.extract(batch_id, chunk_nos)
        return len(claims) + len(missing)

    def _missing(self, tx: Transaction, batch: Batch, now: datetime) -> list[int] | None:
        """The chunks to fire, or None while all that is left waits for a moment another side asked for; one that
        failed too often is bisected until a single message is dead-lettered."""
        missing: list[int] = []
        waiting: list[datetime] = []
        for chunk in tx.batches.chunks(batch.id):
            if chunk.state.is_final:
                continue
            if chunk.retry_at is not None and chunk.retry_at > now:
                waiting.append(chunk.retry_at)
            elif self._is_hopeless(chunk):
                missing += self._bisect(tx, batch, chunk, now)
            else:
                missing.append(chunk.chunk_no)
        if waiting and not missing:
            tx.batches.set_state(
                batch.id, batch.state, at=now, next_attempt_at=min(waiting), error=batch.error, is_attempt=False
            )
            return None
        due = now + self.lost_after
        tx.batches.set_state(batch.id, BatchState.EXTRACTING, at=now, next_attempt_at=due, error=batch.error)
        return missing

    def _is_hopeless(self, chunk: Chunk) -> bool:
        """Whether a chunk failed for good: what is no message's fault never counts, however often it comes."""
        failed = chunk.state is ChunkState.FAILED and chunk.error_type not in PASSING
        return failed and (chunk.error_type in HOPELESS or chunk.attempts >= self.max_attempts)

    def _bisect(self, tx: Transaction, batch: Batch, chunk: Chunk, now: datetime) -> list[int]:
        refs = tx.batches.chunk_refs(batch.id, chunk.chunk_no)
        if len(refs) > 1:
            return tx.batches.split_chunk(batch.id, chunk.chunk_no)
        for message in self.raw.read(refs):
            letter = DeadLetter(
                origin=f"message:{batch.company_id}/{message.id}/{message.version}/extract",
                topic=self.topic_of(message.source),
                company_id=batch.company_id,
                message_id=message.id,
                error=chunk.error or "extraction failed",
                error_type=chunk.error_type or "PermanentError",
                failed_at=now,
                attempts=chunk.attempts,
                value=message.to_json(),
            )
            self.log.dead_letter(letter, batch.company_id)
        tx.batches.kill_chunk(batch.id, chunk.chunk_no)
        return []


@dataclass(frozen=True)
class Recovery:
    """The use case behind `upkeep.recover`: nothing in Redis is the only copy."""

    database: Database
    buffer: Buffer
    raw: RawStore
    dispatcher: Dispatcher

    def recover(self, now: datetime) -> int:
        """Queue stored rows that no batch has read and no mark knows; how many. One at a time: others return 0."""
        with self.database.begin() as tx:
            if not tx.try_lock("recover"):
                return 0
            self.buffer.begin_epoch(now)
            found = 0
            for company_id, day in self.raw.changed_days((now - LOOK_BACK).date()):
                refs = self.raw.read_day(company_id, day)
                parts = (refs[start : start + READ_AT_ONCE] for start in range(0, len(refs), READ_AT_ONCE))
                found += sum(self._queue(tx, company_id, part, now) for part in parts)
            self.buffer.set_epoch()
        return found

    def _queue(self, tx: Transaction, company_id: str, refs: list[MessageRef], now: datetime) -> int:
        missing = self._missing(tx, company_id, refs)
        messages = [message.compact() for message in self.raw.read(missing)]
        for batch_id in queue_new(company_id, messages, self.buffer, tx, now).batch_ids:
            self.dispatcher.open_batch(company_id, batch_id)
        return len(missing)

    def _missing(self, tx: Transaction, company_id: str, refs: list[MessageRef]) -> list[MessageRef]:
        keys = [MessageKey(ref.message_id, ref.version) for ref in refs]
        read = tx.batches.members(company_id, keys, LIVE_RUN)
        highest = tx.batches.highest_versions(company_id, [key.message_id for key in keys])
        unread = [ref for ref, key in zip(refs, keys, strict=True) if key not in read]
        newer = [ref for ref in unread if highest.get(ref.message_id, -1) < ref.version]
        marked = self.buffer.known(company_id, [MessageKey(ref.message_id, ref.version) for ref in newer])
        return [ref for ref in newer if (ref.message_id, ref.version) not in marked]
