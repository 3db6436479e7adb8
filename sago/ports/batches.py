"""Who reads which message."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sago.domain.batches import (
    Batch,
    BatchPlan,
    BatchState,
    Chunk,
    ChunkResult,
)
from sago.domain.messages import MessageKey, MessageRef
from sago.domain.significance import Arrivals


class BatchStore(Protocol):
    """`batches`, `batch_chunks`, `batch_members`: the truth about who reads which message."""

    def open(self, batch: Batch, refs: Sequence[tuple[MessageRef, str]]) -> list[MessageRef]:
        """Insert the batch and its members (reference, source); the references it won. Again: the same answer."""

    def plan(self, plan: BatchPlan) -> bool:
        """Write chunks and their numbers on the members; state `extracting`. False, and nothing done, where the batch
        is planned: of several that take it over at the same moment, one alone is told True."""

    def get(self, batch_id: str) -> Batch | None:
        """The batch, or None."""

    def chunks(self, batch_id: str) -> list[Chunk]:
        """Its chunks by number."""

    def chunk_refs(self, batch_id: str, chunk_no: int) -> list[MessageRef]:
        """The members of one chunk, oldest first."""

    def begin_chunk(self, batch_id: str, chunk_no: int, now: datetime, once_in: timedelta) -> None:
        """Count an attempt at an unfinished chunk, unless one was counted less than `once_in` ago; an attempt's end,
        whichever, takes all counts back."""

    def finish_chunk(self, batch_id: str, chunk_no: int, result: ChunkResult) -> bool:
        """Keep the chunk's first result; False when one was there already."""

    def fail_chunk(
        self, batch_id: str, chunk_no: int, error: str, error_type: str, retry_at: datetime | None = None
    ) -> int:
        """Keep why an unfinished chunk failed, and the moment before which it is not tried again; failures that are
        not `PASSING` count as attempts: how many so far."""

    def split_chunk(self, batch_id: str, chunk_no: int) -> list[int]:
        """Replace a failing chunk of several messages by two halves; their numbers."""

    def kill_chunk(self, batch_id: str, chunk_no: int) -> None:
        """Give a chunk up: its message is dead-lettered."""

    def results(self, batch_id: str) -> list[ChunkResult]:
        """The results of finished chunks by number."""

    def set_state(
        self,
        batch_id: str,
        state: BatchState,
        *,
        at: datetime,
        next_attempt_at: datetime | None = None,
        fired_at: datetime | None = None,
        error: str | None = None,
        is_attempt: bool = True,
    ) -> None:
        """Move the batch; `merged` also writes `merged_at`, `failed` counts an attempt, unless it only waits. Without
        a `fired_at` the last one stays."""

    def due(self, now: datetime, limit: int = 100) -> list[Batch]:
        """Batches not merged whose `next_attempt_at` has passed, longest due first; rows locked by others left out."""

    def fail_all(self, now: datetime, reason: str) -> int:
        """Fail what is under way, to be taken up at `now`; how many. What failed before keeps its moment."""

    def highest_versions(self, message_ids: Mapping[str, Collection[str]]) -> dict[str, dict[str, int]]:
        """For each company given, of its message ids those that have a member row, with their highest version."""

    def arrivals(self, company_id: str, since: datetime) -> list[Arrivals]:
        """Messages of ordinary traffic (originals) sent at or after `since`, by source and day of `sent_at`. Reads all
        the company's member rows: for a nightly look, not for each message."""

    def remove_member(self, company_id: str, key: MessageKey, run: str) -> None:
        """Forget a member row, so that a replay is read again."""

    def counts(self) -> dict[BatchState, int]:
        """Batches by state."""

    def first_due(self) -> datetime | None:
        """When the first of those not merged is, or was, to be taken up."""

    def oldest(self) -> dict[BatchState, Batch]:
        """Of each state but `merged` the batch that was claimed first; a state without batches is left out."""

    def messages_merged(self, since: datetime | None = None) -> int:
        """Message versions that merged batches have read: ever, or in batches merged at or after `since`."""

    def progress(self, company_ids: Sequence[str]) -> tuple[int, int]:
        """Batches of these companies that are not merged yet, and that are."""
