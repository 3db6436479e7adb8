"""What makes every loss mend itself: the reaper takes up unfinished batches, recovery queues what Redis lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sago.domain.batches import HOPELESS, PASSING, Batch, BatchState, Chunk, ChunkState, DeadLetter
from sago.domain.dead_letters import UNREAD
from sago.domain.messages import Message, MessageKey, MessageRef
from sago.pipeline.erasing import Erasing
from sago.pipeline.generations import Generations
from sago.pipeline.projecting import project_again
from sago.pipeline.storing import queue_new
from sago.ports import Buffer, Database, Dispatcher, MessageLog, RawStore, Transaction

RECOVER = "upkeep.recover"
"""The job whose runs tell how long the pipeline ran."""
LOOK_BACK = timedelta(days=3)
"""Running time whose received days recovery reads: longer than the marks' 48 hours, which the idle flush never is."""
FIRST = datetime.fromtimestamp(0, UTC)
LOOKED_UP_AT_ONCE, READ_AT_ONCE = 5000, 100
"""Keys that recovery looks up at a time, and messages that it holds in memory: with `raw` one may be 650 kB."""
WORKER_DIED = "each worker that read it died of it"
LOST_TASKS = "redis was emptied: the tasks are lost"


class Hopeless(NamedTuple):
    """A chunk of one message that will not be read, however often it is tried."""

    batch: Batch
    chunk: Chunk
    refs: list[MessageRef]


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
        chunks_since, merges = self.dispatcher.chunks_wait_since(), self.dispatcher.waiting("merge")
        missing: dict[str, list[int]] = {}
        hopeless: list[Hopeless] = []
        with self.database.begin() as tx:
            for batch in tx.batches.due(now):
                chunks = [chunk for chunk in tx.batches.chunks(batch.id) if not chunk.state.is_final]
                if self._may_wait(batch, chunks, chunks_since, merges):
                    self._put_off(tx, batch, now, now + self.lost_after)
                elif (numbers := self._missing(tx, batch, chunks, hopeless, now)) is not None:
                    missing[batch.id] = numbers
        dying = {each.batch.id for each in hopeless}
        for batch_id in [each for each in missing if each not in dying]:
            self.dispatcher.extract(batch_id, missing[batch_id], now)
        self._bury(hopeless, now)
        for batch_id in [each for each in missing if each in dying]:
            self.dispatcher.extract(batch_id, missing[batch_id], now)
        return len(claims) + len(missing)

    def _may_wait(self, batch: Batch, unfinished: Sequence[Chunk], chunks_since: datetime | None, merges: int) -> bool:
        """Whether its tasks may only wait behind others: to fire it again would make the queue longer still.

        Chunks are taken in the order in which they were fired. So what was fired `lost_after` before the one that is
        next was taken, and read, or is lost. Merges are taken before all else: while some wait, it may be one of them.
        """
        if batch.state is BatchState.FAILED:
            return False
        if not unfinished:
            return merges > 0
        return chunks_since is not None and chunks_since <= (batch.fired_at or batch.claimed_at) + self.lost_after

    @staticmethod
    def _put_off(tx: Transaction, batch: Batch, now: datetime, until: datetime) -> None:
        """Look at it again then; nothing else of it changes."""
        tx.batches.set_state(batch.id, batch.state, at=now, next_attempt_at=until, error=batch.error, is_attempt=False)

    def _missing(
        self, tx: Transaction, batch: Batch, unfinished: Sequence[Chunk], hopeless: list[Hopeless], now: datetime
    ) -> list[int] | None:
        """The chunks to fire, or None while all that is left waits for its moment; one that failed too often is
        bisected until a single message is `hopeless`."""
        missing: list[int] = []
        waiting: list[datetime] = []
        for chunk in unfinished:
            not_before = self._not_before(chunk)
            if not_before is not None and not_before > now:
                waiting.append(not_before)
            elif self._is_hopeless(chunk):
                missing += self._bisect(tx, batch, chunk, hopeless)
            else:
                missing.append(chunk.chunk_no)
        if waiting and not missing:
            self._put_off(tx, batch, now, min(waiting))
            return None
        due = now + self.lost_after
        tx.batches.set_state(
            batch.id, BatchState.EXTRACTING, at=now, next_attempt_at=due, fired_at=now, error=batch.error
        )
        return missing

    def _not_before(self, chunk: Chunk) -> datetime | None:
        """The moment another side asked for, or the one by which an attempt that has begun is over; the later of both.

        Celery's own retry of an attempt, begun less than `lost_after` later, is not counted: a chunk that takes its
        worker along is not judged before that too is over.
        """
        over = [chunk.begun_at + self.lost_after * (2 if self._kills(chunk) else 1)] if chunk.begun_at else []
        asked = [chunk.retry_at] if chunk.retry_at else []
        return max(over + asked, default=None)

    def _is_hopeless(self, chunk: Chunk) -> bool:
        """Whether a chunk failed for good, or takes its worker along each time; what is no message's fault never
        counts, however often it comes."""
        if self._kills(chunk):
            return True
        failed = chunk.state is ChunkState.FAILED and chunk.error_type not in PASSING
        return failed and (chunk.error_type in HOPELESS or chunk.attempts >= self.max_attempts)

    def _kills(self, chunk: Chunk) -> bool:
        return chunk.begun >= self.max_attempts

    @staticmethod
    def _bisect(tx: Transaction, batch: Batch, chunk: Chunk, hopeless: list[Hopeless]) -> list[int]:
        refs = tx.batches.chunk_refs(batch.id, chunk.chunk_no)
        if len(refs) > 1:
            return tx.batches.split_chunk(batch.id, chunk.chunk_no)
        hopeless.append(Hopeless(batch, chunk, refs))
        return []

    def _bury(self, hopeless: Sequence[Hopeless], now: datetime) -> None:
        """Dead-letter, then kill: whoever dies in between leaves a chunk that is found again, and the same origin."""
        for batch, chunk, refs in hopeless:
            for message in self.raw.read(refs):
                self.log.dead_letter(self._dead_letter(batch, chunk, message, now), batch.company_id)
            with self.database.begin() as tx:
                tx.batches.kill_chunk(batch.id, chunk.chunk_no)

    def _dead_letter(self, batch: Batch, chunk: Chunk, message: Message, now: datetime) -> DeadLetter:
        error, error_type = chunk.error or "extraction failed", chunk.error_type or "PermanentError"
        if self._kills(chunk):
            error, error_type = WORKER_DIED, "WorkerLostError"
        return DeadLetter(
            origin=f"message:{batch.company_id}/{message.id}/{message.version}{UNREAD}",
            topic=self.topic_of(message.source),
            company_id=batch.company_id,
            message_id=message.id,
            error=error,
            error_type=error_type,
            failed_at=now,
            attempts=max(chunk.attempts, chunk.begun),
            value=message.to_json(),
        )


@dataclass(frozen=True)
class Recovery:
    """The use case behind `upkeep.recover`: nothing in Redis is the only copy, and a backup of Postgres is mended."""

    database: Database
    buffer: Buffer
    raw: RawStore
    log: MessageLog
    dispatcher: Dispatcher
    generations: Generations
    erasing: Erasing

    def recover(self, now: datetime) -> int:
        """Queue stored rows that no batch has read and no mark knows; how many. One at a time: others return 0.

        Erasures come first. Where Postgres was restored from a backup the buffer is emptied, as its marks and claims
        are of batches that are not known any more.
        """
        with self.database.lock("recover") as is_ours:
            if not is_ours:
                return 0
            restored = self.generations.restored()
            self.erasing.mend(now)
            since = self._since(now)
            if restored:
                self.generations.hold(restored, now)
                project_again(self.log, self.database, now)
                self.buffer.clear()
            is_emptied = self.buffer.begin_epoch(now)
            if is_emptied and not restored:
                self._take_up_all(now)
            found = self._queue_since(since, now)
            if restored:
                self.generations.accept(restored, now)
            self.buffer.set_epoch()
        return found

    def requeue(self, company_id: str, now: datetime) -> int:
        """`recover` for one company, whose part of the buffer was emptied."""
        return self._queue_since(self._since(now), now, company_id)

    def _take_up_all(self, now: datetime) -> None:
        """With the buffer went the tasks of batches under way: the reaper need not wait until they count as lost. Once:
        a further run of a recovery that failed would fire again what the reaper has fired."""
        with self.database.begin() as tx:
            tx.batches.fail_all(now, LOST_TASKS)

    def _since(self, now: datetime) -> date:
        """The first received day whose messages may have waited in Redis alone, or came after the backup: who stood
        still for a week flushed nothing in it. All there is where Postgres knows of less than `LOOK_BACK`."""
        with self.database.begin() as tx:
            ran_since = tx.ledger.hours_ago(RECOVER, LOOK_BACK // timedelta(hours=1))
        return min(ran_since or FIRST, now - LOOK_BACK).date()

    def _queue_since(self, since: date, now: datetime, only: str | None = None) -> int:
        found = 0
        for company_id, day in self.raw.changed_days(since):
            if only in (None, company_id):
                refs = self.raw.read_day(company_id, day)
                parts = _cut(refs, LOOKED_UP_AT_ONCE)
                found += sum(self._queue(company_id, self._missing(company_id, part, now), now) for part in parts)
        return found

    def _queue(self, company_id: str, missing: Sequence[MessageRef], now: datetime) -> int:
        for part in _cut(missing, READ_AT_ONCE):
            if messages := [message.compact() for message in self.raw.read(part)]:
                for _, batch_id in queue_new({company_id: messages}, self.buffer, self.database, now).claims:
                    self.dispatcher.open_batch(company_id, batch_id)
        return len(missing)

    def _missing(self, company_id: str, refs: Sequence[MessageRef], now: datetime) -> list[MessageRef]:
        with self.database.begin() as tx:
            highest = tx.batches.highest_versions({company_id: {ref.message_id for ref in refs}})[company_id]
        unread = [ref for ref in refs if highest.get(ref.message_id, -1) < ref.version]
        marked = self.buffer.known(company_id, [MessageKey(ref.message_id, ref.version) for ref in unread], now)
        return [ref for ref in unread if (ref.message_id, ref.version) not in marked]


def _cut(refs: Sequence[MessageRef], size: int) -> Iterator[Sequence[MessageRef]]:
    for start in range(0, len(refs), size):
        yield refs[start : start + size]
