"""The `BatchStore` in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sago.domain.batches import (
    LIVE_RUN,
    PASSING,
    UNDER_WAY,
    Batch,
    BatchPlan,
    BatchState,
    Chunk,
    ChunkResult,
    ChunkState,
)
from sago.domain.messages import MessageKey, MessageRef
from sago.domain.significance import Arrivals
from sago.stores.memory.state import Member, State


class MemoryBatches:
    """Batches, chunks and members of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def open(self, batch: Batch, refs: Sequence[tuple[MessageRef, str]]) -> list[MessageRef]:
        members = self._state.members
        if batch.id not in self._state.batches:
            self._state.batches[batch.id] = batch
            for ref, source in refs:
                key = (ref.company_id, ref.message_id, ref.version, batch.run)
                members.setdefault(key, Member(ref, source, batch.id))
        owned = {member.ref for member in members.values() if member.batch_id == batch.id}
        return [ref for ref in dict.fromkeys(ref for ref, _ in refs) if ref in owned]

    def plan(self, plan: BatchPlan) -> bool:
        batch = self._state.batches.get(plan.batch_id)
        if batch is None or batch.state is not BatchState.CLAIMED:
            return False
        for number, refs in enumerate(plan.chunks):
            self._add_chunk(plan.batch_id, number, refs)
        self._state.batches[batch.id] = batch.model_copy(update={"state": BatchState.EXTRACTING})
        return True

    def get(self, batch_id: str) -> Batch | None:
        return self._state.batches.get(batch_id)

    def chunks(self, batch_id: str) -> list[Chunk]:
        return [chunk for (of_batch, _), chunk in sorted(self._state.chunks.items()) if of_batch == batch_id]

    def chunk_refs(self, batch_id: str, chunk_no: int) -> list[MessageRef]:
        members = self._state.members.values()
        return sorted(member.ref for member in members if member[2:] == (batch_id, chunk_no))

    def begin_chunk(self, batch_id: str, chunk_no: int, now: datetime, once_in: timedelta) -> None:
        chunk = self._open_chunk(batch_id, chunk_no)
        if chunk is not None and (chunk.begun_at is None or chunk.begun_at <= now - once_in):
            self._set_chunk(batch_id, chunk_no, begun=chunk.begun + 1, begun_at=now)

    def finish_chunk(self, batch_id: str, chunk_no: int, result: ChunkResult) -> bool:
        if self._open_chunk(batch_id, chunk_no) is None:
            return False
        self._set_chunk(batch_id, chunk_no, state=ChunkState.DONE, begun=0, begun_at=None)
        self._state.results[batch_id, chunk_no] = result
        return True

    def fail_chunk(
        self, batch_id: str, chunk_no: int, error: str, error_type: str, retry_at: datetime | None = None
    ) -> int:
        chunk = self._open_chunk(batch_id, chunk_no)
        if chunk is not None:
            attempts = chunk.attempts + (error_type not in PASSING)
            failed: dict[str, Any] = {"state": ChunkState.FAILED, "attempts": attempts, "begun": 0, "begun_at": None}
            self._set_chunk(batch_id, chunk_no, **failed, error=error, error_type=error_type, retry_at=retry_at)
        now = self._state.chunks.get((batch_id, chunk_no))
        return now.attempts if now else 0

    def split_chunk(self, batch_id: str, chunk_no: int) -> list[int]:
        refs = self.chunk_refs(batch_id, chunk_no)
        if len(refs) < 2 or self._open_chunk(batch_id, chunk_no) is None:
            return []
        self._set_chunk(batch_id, chunk_no, state=ChunkState.SPLIT)
        first = max(chunk.chunk_no for chunk in self.chunks(batch_id)) + 1
        middle = len(refs) // 2
        self._add_chunk(batch_id, first, refs[:middle])
        self._add_chunk(batch_id, first + 1, refs[middle:])
        return [first, first + 1]

    def kill_chunk(self, batch_id: str, chunk_no: int) -> None:
        if self._open_chunk(batch_id, chunk_no) is not None:
            self._set_chunk(batch_id, chunk_no, state=ChunkState.DEAD)

    def results(self, batch_id: str) -> list[ChunkResult]:
        return [
            result for (of_batch, _), result in sorted(self._state.results.items(), key=_by_key) if of_batch == batch_id
        ]

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
        batch = self._state.batches.get(batch_id)
        if batch is None or batch.state is BatchState.MERGED:
            return
        changed: dict[str, Any] = {"state": state, "next_attempt_at": next_attempt_at, "error": error}
        if fired_at is not None:
            changed["fired_at"] = fired_at
        if state is BatchState.MERGED:
            changed["merged_at"] = at
        if state is BatchState.FAILED and is_attempt:
            changed["attempts"] = batch.attempts + 1
        self._state.batches[batch_id] = Batch.model_validate(batch.model_dump() | changed)

    def due(self, now: datetime, limit: int = 100) -> list[Batch]:
        waiting = [batch for batch in self._state.batches.values() if batch.state is not BatchState.MERGED]
        due = [(at, batch.id, batch) for batch in waiting if (at := batch.next_attempt_at) is not None and at <= now]
        return [batch for *_, batch in sorted(due, key=lambda row: row[:2])[:limit]]

    def fail_all(self, now: datetime, reason: str) -> int:
        under_way = [each for each in self._state.batches.values() if each.state in UNDER_WAY]
        for batch in under_way:
            changes = {"state": BatchState.FAILED, "next_attempt_at": now, "error": reason}
            self._state.batches[batch.id] = batch.model_copy(update=changes)
        return len(under_way)

    def highest_versions(self, message_ids: Mapping[str, Collection[str]]) -> dict[str, dict[str, int]]:
        highest: dict[str, dict[str, int]] = {company_id: {} for company_id in message_ids}
        wanted = {(company_id, each) for company_id, ids in message_ids.items() for each in ids}
        for company_id, message_id, version, _ in self._state.members:
            if (company_id, message_id) in wanted:
                of_company = highest[company_id]
                of_company[message_id] = max(version, of_company.get(message_id, version))
        return highest

    def arrivals(self, company_id: str, since: datetime) -> list[Arrivals]:
        sent = Counter(
            (member.source, member.ref.sent_at.date())
            for (owner, _, version, run), member in self._state.members.items()
            if owner == company_id and version == 0 and run == LIVE_RUN and member.ref.sent_at >= since
        )
        return sorted(Arrivals(source, day, count) for (source, day), count in sent.items())

    def remove_member(self, company_id: str, key: MessageKey, run: str) -> None:
        self._state.members.pop((company_id, *key, run), None)

    def counts(self) -> dict[BatchState, int]:
        return dict(Counter(batch.state for batch in self._state.batches.values()))

    def first_due(self) -> datetime | None:
        unfinished = [batch for batch in self._state.batches.values() if batch.state is not BatchState.MERGED]
        return min((batch.next_attempt_at for batch in unfinished if batch.next_attempt_at), default=None)

    def oldest(self) -> dict[BatchState, Batch]:
        unfinished = [batch for batch in self._state.batches.values() if batch.state is not BatchState.MERGED]
        newest_first = sorted(unfinished, key=lambda batch: (batch.claimed_at, batch.id), reverse=True)
        return {batch.state: batch for batch in newest_first}

    def messages_merged(self, since: datetime | None = None) -> int:
        merged = {
            batch.id
            for batch in self._state.batches.values()
            if batch.merged_at is not None and (since is None or batch.merged_at >= since)
        }
        return sum(member.batch_id in merged for member in self._state.members.values())

    def progress(self, company_ids: Sequence[str]) -> tuple[int, int]:
        wanted = set(company_ids)
        states = Counter(batch.state for batch in self._state.batches.values() if batch.company_id in wanted)
        return states.total() - states[BatchState.MERGED], states[BatchState.MERGED]

    def _open_chunk(self, batch_id: str, chunk_no: int) -> Chunk | None:
        chunk = self._state.chunks.get((batch_id, chunk_no))
        return None if chunk is None or chunk.state.is_final else chunk

    def _set_chunk(self, batch_id: str, chunk_no: int, **changed: Any) -> None:
        chunk = self._state.chunks[batch_id, chunk_no]
        self._state.chunks[batch_id, chunk_no] = chunk.model_copy(update=changed)

    def _add_chunk(self, batch_id: str, chunk_no: int, refs: Sequence[MessageRef]) -> None:
        chunk = Chunk(batch_id=batch_id, chunk_no=chunk_no, state=ChunkState.PENDING)
        self._state.chunks[batch_id, chunk_no] = chunk
        mine = set(refs)
        for key, member in self._state.members.items():
            if member.batch_id == batch_id and member.ref in mine:
                self._state.members[key] = member._replace(chunk_no=chunk_no)


def _by_key(item: tuple[tuple[str, int], ChunkResult]) -> tuple[str, int]:
    return item[0]
