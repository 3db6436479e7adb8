"""`batches`, `batch_chunks` and `batch_members`: a message version belongs to the first batch that inserted it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Date, Row, Select, and_, func, insert, literal, or_, select, text, tuple_, update
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

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
from sago.stores.postgres.columns import storable
from sago.stores.postgres.tables import batch_chunks, batch_members, batches

OPEN = (ChunkState.PENDING, ChunkState.FAILED)
"""States in which a chunk still waits for its result."""
ENDED: dict[str, Any] = {"begun": 0, "begun_at": None}
"""Of an attempt, whichever way: none counts any more."""
MEMBER_KEY = tuple_(batch_members.c.message_id, batch_members.c.version)
# Lateral: the index is asked once for each id, whatever the planner believes of the table's size.
HIGHEST = text(
    """
    SELECT wanted.company_id, wanted.message_id, found.version
    FROM unnest(CAST(:companies AS text[]), CAST(:ids AS text[])) AS wanted (company_id, message_id)
    CROSS JOIN LATERAL (
        SELECT max(version) AS version FROM batch_members AS member
        WHERE member.company_id = wanted.company_id AND member.message_id = wanted.message_id
    ) AS found
    WHERE found.version IS NOT NULL
    """
)


class PostgresBatches:
    """The `BatchStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, batch: Batch, refs: Sequence[tuple[MessageRef, str]]) -> list[MessageRef]:
        row = upsert(batches).values(**batch.model_dump(exclude={"state"}), state=batch.state)
        is_new = self._connection.execute(row.on_conflict_do_nothing()).rowcount == 1
        if is_new and refs:
            self._insert_members(batch, refs)
        owned = {MessageRef(*row) for row in self._connection.execute(_refs_of(batch.id))}
        return [ref for ref in dict.fromkeys(ref for ref, _ in refs) if ref in owned]

    def _insert_members(self, batch: Batch, refs: Sequence[tuple[MessageRef, str]]) -> None:
        """In the order of their keys: two batches that want the same members then wait, and never deadlock."""
        members = {(ref.company_id, ref.message_id, ref.version): (ref, source) for ref, source in reversed(refs)}
        rows = [
            {**ref._asdict(), "run": batch.run, "source": source, "batch_id": batch.id}
            for _, (ref, source) in sorted(members.items())
        ]
        won = upsert(batch_members).on_conflict_do_nothing().returning(literal(1))
        self._connection.execute(won, rows).all()

    def plan(self, plan: BatchPlan) -> bool:
        batch = self._locked(plan.batch_id)
        if batch is None or batch.state is not BatchState.CLAIMED:
            return False
        if plan.chunks:
            rows = [_new_chunk(plan.batch_id, number) for number in range(len(plan.chunks))]
            self._connection.execute(insert(batch_chunks), rows)
        for number, refs in enumerate(plan.chunks):
            self._give(plan.batch_id, number, refs)
        state = update(batches).where(batches.c.id == plan.batch_id).values(state=BatchState.EXTRACTING)
        self._connection.execute(state)
        return True

    def get(self, batch_id: str) -> Batch | None:
        row = self._connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
        return _batch(row) if row else None

    def chunks(self, batch_id: str) -> list[Chunk]:
        columns = [column for column in batch_chunks.c if column.name != "result"]
        query = select(*columns).where(batch_chunks.c.batch_id == batch_id).order_by(batch_chunks.c.chunk_no)
        return [Chunk.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def chunk_refs(self, batch_id: str, chunk_no: int) -> list[MessageRef]:
        query = _refs_of(batch_id).where(batch_members.c.chunk_no == chunk_no)
        rows = self._connection.execute(
            query.order_by(batch_members.c.sent_at, batch_members.c.message_id, batch_members.c.version)
        )
        return [MessageRef(*row) for row in rows]

    def begin_chunk(self, batch_id: str, chunk_no: int, now: datetime, once_in: timedelta) -> None:
        c = batch_chunks.c
        counts = or_(c.begun_at.is_(None), c.begun_at <= now - once_in)
        self._connection.execute(_open_chunk(batch_id, chunk_no).where(counts).values(begun=c.begun + 1, begun_at=now))

    def finish_chunk(self, batch_id: str, chunk_no: int, result: ChunkResult) -> bool:
        values = {"state": ChunkState.DONE, **ENDED, "result": result.model_dump(mode="json")}
        return self._connection.execute(_open_chunk(batch_id, chunk_no).values(**values)).rowcount == 1

    def fail_chunk(
        self, batch_id: str, chunk_no: int, error: str, error_type: str, retry_at: datetime | None = None
    ) -> int:
        reason = {"error": error, "error_type": error_type, "retry_at": retry_at}
        counted = batch_chunks.c.attempts + int(error_type not in PASSING)
        failed = _open_chunk(batch_id, chunk_no).values(state=ChunkState.FAILED, attempts=counted, **ENDED, **reason)
        attempts = self._connection.execute(failed.returning(batch_chunks.c.attempts)).scalar_one_or_none()
        if attempts is None:
            query = select(batch_chunks.c.attempts).where(*_is_chunk(batch_id, chunk_no))
            attempts = self._connection.execute(query).scalar_one_or_none()
        return attempts or 0

    def split_chunk(self, batch_id: str, chunk_no: int) -> list[int]:
        self._locked(batch_id)
        refs = self.chunk_refs(batch_id, chunk_no)
        if len(refs) < 2:
            return []
        split = _open_chunk(batch_id, chunk_no).values(state=ChunkState.SPLIT)
        if self._connection.execute(split).rowcount == 0:
            return []
        numbers = select(func.max(batch_chunks.c.chunk_no)).where(batch_chunks.c.batch_id == batch_id)
        first = self._connection.execute(numbers).scalar_one() + 1
        self._connection.execute(insert(batch_chunks), [_new_chunk(batch_id, first), _new_chunk(batch_id, first + 1)])
        middle = len(refs) // 2
        self._give(batch_id, first, refs[:middle])
        self._give(batch_id, first + 1, refs[middle:])
        return [first, first + 1]

    def kill_chunk(self, batch_id: str, chunk_no: int) -> None:
        self._connection.execute(_open_chunk(batch_id, chunk_no).values(state=ChunkState.DEAD))

    def results(self, batch_id: str) -> list[ChunkResult]:
        query = select(batch_chunks.c.result).where(
            batch_chunks.c.batch_id == batch_id, batch_chunks.c.state == ChunkState.DONE
        )
        rows = self._connection.scalars(query.order_by(batch_chunks.c.chunk_no))
        return [ChunkResult.model_validate(result) for result in rows]

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
        values: dict[str, Any] = {"state": state, "next_attempt_at": next_attempt_at, "error": error}
        if fired_at is not None:
            values["fired_at"] = fired_at
        if state is BatchState.MERGED:
            values["merged_at"] = at
        if state is BatchState.FAILED and is_attempt:
            values["attempts"] = batches.c.attempts + 1
        unmerged = and_(batches.c.id == batch_id, batches.c.state != BatchState.MERGED)
        self._connection.execute(update(batches).where(unmerged).values(**values))

    def due(self, now: datetime, limit: int = 100) -> list[Batch]:
        query = (
            select(batches)
            .where(batches.c.state != BatchState.MERGED, batches.c.next_attempt_at <= now)
            .order_by(batches.c.next_attempt_at, batches.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [_batch(row) for row in self._connection.execute(query)]

    def fail_all(self, now: datetime, reason: str) -> int:
        under_way = update(batches).where(batches.c.state.in_(sorted(UNDER_WAY)))
        failed = under_way.values(state=BatchState.FAILED, next_attempt_at=now, error=reason)
        return self._connection.execute(failed).rowcount

    def highest_versions(self, message_ids: Mapping[str, Collection[str]]) -> dict[str, dict[str, int]]:
        highest: dict[str, dict[str, int]] = {company_id: {} for company_id in message_ids}
        pairs = [(company_id, message_id) for company_id, ids in message_ids.items() for message_id in ids]
        if pairs:
            companies, ids = zip(*pairs, strict=True)
            given = {"companies": list(companies), "ids": [storable(message_id) for message_id in ids]}
            for company_id, message_id, version in self._connection.execute(HIGHEST, given):
                highest[company_id][message_id] = version
        return highest

    def arrivals(self, company_id: str, since: datetime) -> list[Arrivals]:
        c = batch_members.c
        day = func.timezone("UTC", c.sent_at).cast(Date)
        query = select(c.source, day, func.count()).where(c.company_id == company_id, c.version == 0)
        query = query.where(c.run == LIVE_RUN, c.sent_at >= since).group_by(c.source, day).order_by(c.source, day)
        return [Arrivals(*row) for row in self._connection.execute(query)]

    def remove_member(self, company_id: str, key: MessageKey, run: str) -> None:
        c = batch_members.c
        self._connection.execute(
            delete_from(batch_members).where(
                c.company_id == company_id, c.message_id == key.message_id, c.version == key.version, c.run == run
            )
        )

    def counts(self) -> dict[BatchState, int]:
        query = select(batches.c.state, func.count()).group_by(batches.c.state)
        return {BatchState(row[0]): row[1] for row in self._connection.execute(query)}

    def first_due(self) -> datetime | None:
        first = select(func.min(batches.c.next_attempt_at)).where(batches.c.state != BatchState.MERGED)
        due: datetime | None = self._connection.execute(first).scalar_one()
        return due

    def oldest(self) -> dict[BatchState, Batch]:
        first = select(batches).where(batches.c.state != BatchState.MERGED).ext(distinct_on(batches.c.state))
        rows = self._connection.execute(first.order_by(batches.c.state, batches.c.claimed_at, batches.c.id))
        return {batch.state: batch for batch in map(_batch, rows)}

    def messages_merged(self, since: datetime | None = None) -> int:
        query = select(func.count()).select_from(batch_members).join(batches, batches.c.id == batch_members.c.batch_id)
        query = query.where(batches.c.state == BatchState.MERGED)
        if since is not None:
            query = query.where(batches.c.merged_at >= since)
        return self._connection.execute(query).scalar_one()

    def progress(self, company_ids: Sequence[str]) -> tuple[int, int]:
        is_merged = batches.c.state == BatchState.MERGED
        query = select(func.count().filter(~is_merged), func.count().filter(is_merged))
        row = self._connection.execute(query.where(batches.c.company_id.in_(list(company_ids)))).one()
        return row[0], row[1]

    def _locked(self, batch_id: str) -> Batch | None:
        row = self._connection.execute(select(batches).where(batches.c.id == batch_id).with_for_update()).one_or_none()
        return _batch(row) if row else None

    def _give(self, batch_id: str, chunk_no: int, refs: Sequence[MessageRef]) -> None:
        keys = [(ref.message_id, ref.version) for ref in refs]
        mine = update(batch_members).where(batch_members.c.batch_id == batch_id, MEMBER_KEY.in_(keys))
        self._connection.execute(mine.values(chunk_no=chunk_no))


def _refs_of(batch_id: str) -> Select[Any]:
    c = batch_members.c
    return select(c.company_id, c.sent_at, c.message_id, c.version).where(c.batch_id == batch_id)


def _is_chunk(batch_id: str, chunk_no: int) -> tuple[Any, Any]:
    return batch_chunks.c.batch_id == batch_id, batch_chunks.c.chunk_no == chunk_no


def _open_chunk(batch_id: str, chunk_no: int) -> Any:
    return update(batch_chunks).where(*_is_chunk(batch_id, chunk_no), batch_chunks.c.state.in_(OPEN))


def _new_chunk(batch_id: str, chunk_no: int) -> dict[str, Any]:
    return {"batch_id": batch_id, "chunk_no": chunk_no, "state": ChunkState.PENDING, "attempts": 0, "begun": 0}


def _batch(row: Row[Any]) -> Batch:
    return Batch.model_validate(row._asdict())
