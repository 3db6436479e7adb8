"""extract.chunk and extract.merge: messages become observations with evidence, observations fold into events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sago.domain.batches import Batch, BatchState, Chunk, ChunkResult, ChunkState, ExtractionRequest
from sago.domain.events import Extraction
from sago.domain.messages import CompactMessage, MessageRef
from sago.domain.outreach import Company
from sago.errors import (
    ConfigError,
    InvalidMessageError,
    PermanentError,
    ProviderSettingError,
    TransientError,
    UnusableAnswerError,
)
from sago.pipeline.folding import fold
from sago.pipeline.grounding import ground
from sago.ports import Buffer, Database, Model, Models, RawStore, Transaction

CONTEXT_REACH = timedelta(days=14)
"""How far back context for a chunk is looked for."""
LONGEST_WAIT = timedelta(hours=1)
"""Cap of the back-off of a failed batch."""
LONGEST_DELAY = timedelta(days=1)
"""Cap of the delay that another side may ask for."""
PASSING = frozenset({TransientError.__name__, ConfigError.__name__})
"""Kinds of failure for which no message is at fault: an outage, a setting. However often they come, they only wait."""
HOPELESS = frozenset({PermanentError.__name__, InvalidMessageError.__name__})
"""Kinds of failure that will come again however often the chunk is read; others get `max_attempts`."""


@dataclass(frozen=True)
class Extracting:
    """The use cases behind `extract.chunk` and `extract.merge`, over their ports."""

    database: Database
    buffer: Buffer
    raw: RawStore
    models: Models
    context_messages: int
    retry_after: timedelta

    def chunk(self, batch_id: str, chunk_no: int, now: datetime) -> str:
        """Read one chunk and keep its result, or its failure with the reason: `done`, `failed` or `skipped`.

        Raises only when the database itself does not answer.
        """
        with self.database.begin() as tx:
            batch = tx.batches.get(batch_id)
            open_chunks = {chunk.chunk_no for chunk in tx.batches.chunks(batch_id) if not chunk.state.is_final}
            refs = tx.batches.chunk_refs(batch_id, chunk_no)
            company = tx.companies.get(batch.company_id) if batch else None
        if batch is None or chunk_no not in open_chunks:
            return "skipped"
        try:
            result = self._read(batch, company, refs, now)
        except Exception as error:  # noqa: BLE001 - a header task that raises would keep the chord's body from running
            reason, retry_at = str(error) or repr(error), _retry_at(error, now)
            with self.database.begin() as tx:
                tx.batches.fail_chunk(batch_id, chunk_no, reason, _kind(error), retry_at)
            return "failed"
        with self.database.begin() as tx:
            tx.batches.finish_chunk(batch_id, chunk_no, result)
        return "done"

    def _read(self, batch: Batch, company: Company | None, refs: list[MessageRef], now: datetime) -> ChunkResult:
        model: Model = self.models.for_company(company)
        messages = self._messages(batch, refs)
        request = ExtractionRequest(
            company_id=batch.company_id,
            company_name=company.name if company else batch.company_id,
            messages=tuple(messages),
            context=tuple(self._context(batch.company_id, messages)),
        )
        observations, dropped = ground(
            model.extract(request),
            messages,
            company_id=batch.company_id,
            extractor=model.name,
            extractor_version=model.version,
            recorded_at=now,
        )
        return ChunkResult(
            extractor=model.name,
            extractor_version=model.version,
            read=tuple(message.key for message in messages),
            observations=tuple(observations),
            dropped=dropped,
        )

    def _messages(self, batch: Batch, refs: list[MessageRef]) -> list[CompactMessage]:
        """The chunk's messages: from the claim while the buffer still has it, else from the raw store."""
        claim = self.buffer.claimed(batch.company_id, batch.id)
        cached = {message.ref(batch.company_id): message for message in claim.messages} if claim else {}
        if all(ref in cached for ref in refs):
            return [cached[ref] for ref in refs]
        return [message.compact() for message in self.raw.read(refs)]

    def _context(self, company_id: str, messages: list[CompactMessage]) -> list[CompactMessage]:
        """The newest messages before the chunk, so that a boundary between chunks costs little."""
        if not messages or not self.context_messages:
            return []
        start = min(message.sent_at for message in messages)
        earlier = self.raw.read_range(company_id, start - CONTEXT_REACH, start, self.context_messages)
        return [message.compact() for message in earlier if not message.deleted]

    def merge(self, batch_id: str, now: datetime) -> str:
        """Append the batch's observations, fold the company's events anew and mark the batch merged, all in one
        transaction: `merged`, `unfinished` (the reaper fires again what is missing) or `skipped`."""
        with self.database.begin() as tx:
            batch = self._locked(tx, batch_id)
            if batch is None or batch.state is BatchState.MERGED:
                return "skipped"
            unfinished = [chunk for chunk in tx.batches.chunks(batch_id) if not chunk.state.is_final]
            if unfinished:
                reason = next((chunk.error for chunk in unfinished if chunk.error), "chunks without a result")
                due = self._due(batch, unfinished, now)
                tx.batches.set_state(batch_id, BatchState.FAILED, at=now, next_attempt_at=due, error=reason)
                return "unfinished"
            read = self._append_and_fold(tx, batch, now)
        self.raw.mark(read, batch_id, now)
        return "merged"

    def _due(self, batch: Batch, unfinished: list[Chunk], now: datetime) -> datetime:
        """When the reaper takes the batch up again: at once where all that is missing is to be bisected, else after
        a wait that doubles, and never before the moment another side asked for."""
        if all(chunk.error_type in HOPELESS for chunk in unfinished):
            return now
        wait: timedelta = min(self.retry_after * 2 ** min(batch.attempts, 10), LONGEST_WAIT)
        asked = [chunk.retry_at for chunk in unfinished if chunk.retry_at is not None]
        return max(now + wait, *asked) if asked else now + wait

    def _locked(self, tx: Transaction, batch_id: str) -> Batch | None:
        """The batch as it is once its company's fold is ours."""
        batch = tx.batches.get(batch_id)
        if batch is None:
            return None
        tx.events.lock(batch.company_id)
        return tx.batches.get(batch_id)

    def _append_and_fold(self, tx: Transaction, batch: Batch, now: datetime) -> list[MessageRef]:
        results = tx.batches.results(batch.id)
        extractions = [
            Extraction(
                company_id=batch.company_id,
                message_id=key.message_id,
                version=key.version,
                extractor=result.extractor,
                extractor_version=result.extractor_version,
                finished_at=now,
            )
            for result in results
            for key in result.read
        ]
        tx.events.append([o for result in results for o in result.observations], extractions)
        refold(tx, batch.company_id, now)
        tx.batches.set_state(batch.id, BatchState.MERGED, at=now)
        chunk_nos = [chunk.chunk_no for chunk in tx.batches.chunks(batch.id) if chunk.state is ChunkState.DONE]
        return [ref for chunk_no in chunk_nos for ref in tx.batches.chunk_refs(batch.id, chunk_no)]


def _kind(error: Exception) -> str:
    """The name under which a chunk keeps its failure; PASSING and HOPELESS decide by it."""
    if isinstance(error, TransientError) and not isinstance(error, UnusableAnswerError):
        return TransientError.__name__
    return ConfigError.__name__ if isinstance(error, ProviderSettingError) else type(error).__name__


def _retry_at(error: Exception, now: datetime) -> datetime | None:
    asked = error.retry_after if isinstance(error, TransientError) else None
    return now + min(asked, LONGEST_DELAY) if asked else None


def refold(tx: Transaction, company_id: str, now: datetime) -> None:
    """Make the company's events those of its current observations; the caller holds the company's lock."""
    result = fold(company_id, tx.events.current(company_id), tx.events.rejections(company_id))
    tx.events.replace(company_id, result, now)
