"""extract.chunk and extract.merge: messages become observations with evidence, observations fold into events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sago.domain.batches import HOPELESS, Batch, BatchState, Chunk, ChunkResult, ChunkState, ExtractionRequest
from sago.domain.companies import Company
from sago.domain.events import Extraction
from sago.domain.letters import Letter
from sago.domain.messages import CompactMessage, Message, MessageRef
from sago.domain.model_calls import ModelJob
from sago.domain.orders import GIVES_ORDERS, without_orders
from sago.errors import (
    ConfigError,
    PermanentError,
    ProviderSettingError,
    TransientError,
    UnusableAnswerError,
    is_out_of_time,
)
from sago.pipeline.chunking import LATER_REACH, context_of
from sago.pipeline.folding import fold
from sago.pipeline.grounding import ground
from sago.ports import Buffer, Database, Models, RawStore, Transaction

CONTEXT_REACH = timedelta(days=14)
"""How far back context for a chunk is looked for."""
ROWS_A_MESSAGE = 3
"""Rows looked at for each message of context, as some are edited or deleted."""
LONGEST_WAIT = timedelta(hours=1)
"""Cap of the back-off of a failed batch."""
LONGEST_DELAY = timedelta(days=1)
"""Cap of the delay that another side may ask for."""


@dataclass(frozen=True)
class Extracting:
    """The use cases behind `extract.chunk` and `extract.merge`, over their ports."""

    database: Database
    buffer: Buffer
    raw: RawStore
    models: Models
    context_messages: int
    retry_after: timedelta
    lost_after: timedelta
    withdraw: Callable[[Transaction, str, datetime], list[Letter]]
    """Takes letters back that tell of events held no more: the company's, in the transaction that folded it."""
    lay_out: Callable[[Letter], object]
    """Takes a withdrawn letter's file away, after commit."""

    def chunk(self, batch_id: str, chunk_no: int, now: datetime) -> str:
        """Read one chunk and keep its result, or its failure with the reason: `done`, `failed` or `skipped`.

        Raises only when the database itself does not answer.
        """
        with self.database.begin() as tx:
            batch = tx.batches.get(batch_id)
            open_chunks = {chunk.chunk_no for chunk in tx.batches.chunks(batch_id) if not chunk.state.is_final}
            refs = tx.batches.chunk_refs(batch_id, chunk_no)
            highest = _highest(tx, batch.company_id, refs) if batch else {}
            company = tx.companies.get(batch.company_id) if batch else None
            if batch is not None and chunk_no in open_chunks:
                tx.batches.begin_chunk(batch_id, chunk_no, now, self.lost_after)
        if batch is None or chunk_no not in open_chunks:
            return "skipped"
        try:
            result = self._read(batch, company, refs, highest, now)
        except Exception as error:  # noqa: BLE001 - a header task that raises would keep the chord's body from running
            reason, retry_at = str(error) or repr(error), _retry_at(error, now)
            with self.database.begin() as tx:
                tx.batches.fail_chunk(batch_id, chunk_no, reason, _kind(error), retry_at)
            return "failed"
        with self.database.begin() as tx:
            tx.batches.finish_chunk(batch_id, chunk_no, result)
        return "done"

    def _read(
        self, batch: Batch, company: Company | None, refs: list[MessageRef], highest: dict[str, int], now: datetime
    ) -> ChunkResult:
        """Every version counts as read; the text of one that a person has since edited or deleted goes nowhere, nor
        does one that gives orders to its reader."""
        messages = self._messages(batch, refs)
        current = [each for each in messages if each.text and each.version >= highest.get(each.id, each.version)]
        request = ExtractionRequest(
            company_id=batch.company_id,
            company_name=company.name if company else batch.company_id,
            messages=without_orders(current),
            context=without_orders(self._context(batch.company_id, current)),
        )
        found, model = self.models.ask(
            ModelJob.EXTRACTION, company, lambda model: model.extract(request) if request.messages else []
        )
        observations, dropped = ground(
            found,
            current,
            company_id=batch.company_id,
            extractor=model.name,
            extractor_version=model.version,
            recorded_at=now,
        )
        if left_out := len(current) - len(request.messages):
            dropped[GIVES_ORDERS] = left_out
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
        """Messages around the chunk, so that a boundary between chunks costs little: those said before it, of its
        threads first, and a quarter as many said right after, as far as they are stored.

        Of each its newest version, none where that is a deletion: `read_range` gives the versions of one message side
        by side and leaves out the oldest rows, so that no newest version is cut off before an older one.
        """
        most, rows = self.context_messages, ROWS_A_MESSAGE * self.context_messages
        if not messages or not most:
            return []
        times = [message.sent_at for message in messages]
        start, end = min(times), max(times) + timedelta(milliseconds=1)
        before = _standing(self.raw.read_range(company_id, start - CONTEXT_REACH, start, rows))
        after = _standing(self.raw.read_range(company_id, end, end + LATER_REACH, rows))
        return context_of(messages, before, after, most)

    def merge(self, batch_id: str, now: datetime) -> str:
        """Append the batch's observations, fold the company's events anew, withdraw letters that tell of one that is
        gone, and mark the batch merged, all in one transaction: `merged`, `unfinished` (the reaper fires again what is
        missing) or `skipped`.

        The raw rows are marked afterwards; a merged batch is marked again, in case that failed.
        """
        with self.database.begin() as tx:
            batch = self._locked(tx, batch_id)
            if batch is None:
                return "skipped"
            is_merged = batch.state is BatchState.MERGED
            unfinished = [chunk for chunk in tx.batches.chunks(batch_id) if not chunk.state.is_final]
            if unfinished and not is_merged:
                self._put_off(tx, batch, unfinished, now)
                return "unfinished"
            withdrawn = [] if is_merged else self._append_and_fold(tx, batch, now)
            read = _refs_read(tx, batch_id)
        for letter in withdrawn:
            self.lay_out(letter)
        self.raw.mark(read, batch_id, batch.merged_at or now)
        return "skipped" if is_merged else "merged"

    def _put_off(self, tx: Transaction, batch: Batch, unfinished: list[Chunk], now: datetime) -> None:
        """Until the reaper takes it up again. No attempt where another side said when to come back."""
        tx.batches.set_state(
            batch.id,
            BatchState.FAILED,
            at=now,
            next_attempt_at=self._due(batch, unfinished, now),
            error=next((chunk.error for chunk in unfinished if chunk.error), "chunks without a result"),
            is_attempt=not all(chunk.retry_at for chunk in unfinished),
        )

    def _due(self, batch: Batch, unfinished: list[Chunk], now: datetime) -> datetime:
        """When the reaper takes the batch up again: at once where all that is missing is to be bisected, else when the
        first chunk may be tried: at the moment another side named, which does not double, or after a wait that does."""
        if all(chunk.error_type in HOPELESS for chunk in unfinished):
            return now
        return max(now, min(chunk.retry_at or now + self._wait(batch, chunk) for chunk in unfinished))

    def _wait(self, batch: Batch, chunk: Chunk) -> timedelta:
        """Doubles with each failure of this chunk, so that a half begins anew; with the batch's where nothing of the
        chunk is at fault and none is counted."""
        failed = chunk.attempts - 1 if chunk.attempts else batch.attempts
        wait: timedelta = self.retry_after * 2 ** min(failed, 10)
        return min(wait, LONGEST_WAIT)

    def _locked(self, tx: Transaction, batch_id: str) -> Batch | None:
        """The batch as it is once its company's fold is ours."""
        batch = tx.batches.get(batch_id)
        if batch is None:
            return None
        tx.events.lock(batch.company_id)
        return tx.batches.get(batch_id)

    def _append_and_fold(self, tx: Transaction, batch: Batch, now: datetime) -> list[Letter]:
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
        return self.withdraw(tx, batch.company_id, now)


def _standing(rows: list[Message]) -> list[CompactMessage]:
    """The newest version of each message, in order; none of a deleted one."""
    newest = {message.id: message for message in rows}
    return [message.compact() for message in newest.values() if not message.deleted]


def _refs_read(tx: Transaction, batch_id: str) -> list[MessageRef]:
    chunk_nos = [chunk.chunk_no for chunk in tx.batches.chunks(batch_id) if chunk.state is ChunkState.DONE]
    return [ref for chunk_no in chunk_nos for ref in tx.batches.chunk_refs(batch_id, chunk_no)]


def _highest(tx: Transaction, company_id: str, refs: list[MessageRef]) -> dict[str, int]:
    """The highest version of each message that any batch has taken over."""
    return tx.batches.highest_versions({company_id: [ref.message_id for ref in refs]})[company_id]


def _kind(error: Exception) -> str:
    """The name under which a chunk keeps its failure; PASSING and HOPELESS decide by it.

    A chunk that takes too long is asked for in halves like one whose answer is unusable, and a lone message that does
    so each time is given up like one. A provider's own kind of PermanentError is hopeless like any.
    """
    if is_out_of_time(error):
        return UnusableAnswerError.__name__
    if isinstance(error, TransientError) and not isinstance(error, UnusableAnswerError):
        return TransientError.__name__
    if isinstance(error, ProviderSettingError):
        return ConfigError.__name__
    return PermanentError.__name__ if isinstance(error, PermanentError) else type(error).__name__


def _retry_at(error: Exception, now: datetime) -> datetime | None:
    asked = error.retry_after if isinstance(error, TransientError) else None
    return now + min(asked, LONGEST_DELAY) if asked else None


def refold(tx: Transaction, company_id: str, now: datetime) -> None:
    """Make the company's events those of its current observations; the caller holds the company's lock."""
    result = fold(company_id, tx.events.current(company_id), tx.events.rejections(company_id))
    tx.events.replace(company_id, result, now)
