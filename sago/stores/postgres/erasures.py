"""Erasures, and the one place that knows where Postgres keeps words of people outside the raw rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    any_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.batches import ChunkResult, DeadLetter
from sago.domain.erasures import ERASED, Erasure, holds_words
from sago.domain.letters import Letter
from sago.ports import Derived, Note, Taken
from sago.stores.postgres.columns import Words
from sago.stores.postgres.derived import bad, left_of_company, left_of_firm, noting, quoting, sources, take_derived
from sago.stores.postgres.tables import (
    audit_log,
    batch_chunks,
    batches,
    compositions,
    dead_letters,
    erasures,
    event_aliases,
    mails,
    observations,
    outreach,
    significant_events,
    verdicts,
    watches,
)


class PostgresErasures:
    """The `ErasureStore` of one transaction. Senders are compared here, not in SQL: its lower case knows only ASCII."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, erasure: Erasure) -> bool:
        row = upsert(erasures).values(**erasure.model_dump()).on_conflict_do_nothing()
        return self._connection.execute(row).rowcount == 1

    def of(self, company_ids: Collection[str] | None = None) -> list[Erasure]:
        query = select(erasures).order_by(erasures.c.requested_at, erasures.c.id)
        if company_ids is not None:
            query = query.where(erasures.c.company_id.in_(sorted(company_ids)))
        return [Erasure.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def mark_applied(self, erasure_id: UUID, at: datetime) -> None:
        self._connection.execute(update(erasures).where(erasures.c.id == erasure_id).values(applied_at=at))

    def take_words(self, erasure: Erasure, message_ids: Collection[str], unassigned: Collection[str] = ()) -> Taken:
        c = observations.c
        gone = (c.company_id == erasure.company_id) & self._is_theirs(erasure, message_ids)
        taken = list(self._connection.scalars(delete(observations).where(gone).returning(c.message_id)))
        ids = {*taken, *message_ids}
        self._take_from_results(erasure, ids)
        self._take_reasons(erasure.company_id)
        if erasure.source is None:  # whoever was judged by a source that nobody shares has lost the verdict before
            self._connection.execute(delete(verdicts).where(verdicts.c.company_id == erasure.company_id))
        return Taken(len(taken), self._empty_dead_letters(erasure, ids, unassigned), self._quoting(erasure, ids))

    def _is_theirs(self, erasure: Erasure, message_ids: Collection[str]) -> ColumnElement[bool]:
        c = observations.c
        if erasure.is_whole:
            return true()
        if erasure.source is not None:
            return c.message_id.startswith(f"{erasure.source}:", autoescape=True)
        senders = self._connection.scalars(select(c.sender).where(c.company_id == erasure.company_id).distinct())
        theirs = [sender for sender in senders if _covers(erasure, "", sender)]
        return or_(_among(c.message_id, message_ids), c.sender.in_(theirs))

    def _take_from_results(self, erasure: Erasure, ids: Collection[str]) -> None:
        """A finished chunk keeps what it read until its batch is merged, and afterwards."""
        c = batch_chunks.c
        query = select(c.batch_id, c.chunk_no, c.result).join(batches, batches.c.id == c.batch_id)
        query = query.where(batches.c.company_id == erasure.company_id, c.result.is_not(None))
        rows = self._connection.execute(query.where(func.jsonb_array_length(c.result["observations"]) > 0)).all()
        for batch_id, chunk_no, stored in rows:
            result = ChunkResult.model_validate(stored)
            kept = [
                o
                for o in result.observations
                if o.message_id not in ids and not _covers(erasure, o.message_id, o.sender)
            ]
            if len(kept) == len(result.observations):
                continue
            left = result.model_copy(update={"observations": tuple(kept)}).model_dump(mode="json")
            chunk = update(batch_chunks).where(c.batch_id == batch_id, c.chunk_no == chunk_no)
            self._connection.execute(chunk.values(result=left))

    def _take_reasons(self, company_id: str) -> None:
        """Kinds and counts stay."""
        mine = {
            batches: batches.c.company_id == company_id,
            batch_chunks: batch_chunks.c.batch_id.in_(select(batches.c.id).where(batches.c.company_id == company_id)),
            mails: mails.c.company_id == company_id,
            compositions: compositions.c.watch_id.in_(select(watches.c.id).where(watches.c.company_id == company_id)),
        }
        mine[mails] |= mails.c.ref.in_(noting(company_id))
        for table, theirs in mine.items():
            quoting = update(table).where(theirs, table.c.error.is_not(None))
            self._connection.execute(quoting.values(error=ERASED))

    def _empty_dead_letters(self, erasure: Erasure, ids: Collection[str], unassigned: Collection[str]) -> int:
        c = dead_letters.c
        query = select(dead_letters).where(bad(erasure.company_id, unassigned), c.value != b"")
        letters = [DeadLetter.model_validate(row._asdict()) for row in self._connection.execute(query)]
        gone = [letter.origin for letter in letters if holds_words(letter, erasure, ids)]
        self._connection.execute(update(dead_letters).where(_among(c.origin, gone)).values(value=b""))
        return len(gone)

    def _quoting(self, erasure: Erasure, ids: Iterable[str]) -> tuple[UUID, ...]:
        """Every event, active or not, with one of these messages among its proofs; of a whole company simply all."""
        c = significant_events.c
        mine = select(c.id).where(c.company_id == erasure.company_id)
        if erasure.is_whole:
            return tuple(self._connection.scalars(mine))
        proof = func.jsonb_array_elements(c.source_messages).table_valued("value")
        quotes = exists(select(proof.c.value).where(_among(proof.c.value.op("->>")("message_id"), ids)))
        return tuple(self._connection.scalars(mine.where(quotes)))

    def take_events(self, company_id: str, event_ids: Collection[UUID]) -> None:
        c = significant_events.c
        inactive = delete(significant_events).where(c.company_id == company_id, c.id.in_(event_ids), ~c.is_active)
        gone = list(self._connection.scalars(inactive.returning(c.id)))
        self._connection.execute(delete(event_aliases).where(event_aliases.c.event_id.in_(gone)))

    def take_letter(self, letter: Letter) -> None:
        values: dict[str, Any] = letter.model_dump(mode="json", include={"draft", "receipts", "thread"})
        self._connection.execute(update(outreach).where(outreach.c.id == letter.id).values(**values))

    def take_derived(self, firm_id: str, company_id: str) -> Derived:
        return take_derived(self._connection, firm_id, company_id)

    def left_of_firm(self, firm_id: str, company_id: str) -> dict[str, int]:
        return left_of_firm(self._connection, firm_id, company_id)

    def quoting(self, company_id: str, sources: Collection[str]) -> int:
        return quoting(self._connection, company_id, sources)

    def left_of_company(
        self, company_id: str, sources: Collection[str] | None = None, unassigned: Collection[str] = ()
    ) -> dict[str, int]:
        return left_of_company(self._connection, company_id, sources, unassigned)

    def sources(self, company_id: str) -> set[str]:
        return sources(self._connection, company_id)

    def note(self, entry: Note) -> None:
        detail = {"why": entry.why} | ({"sha256": entry.sha256} if entry.sha256 else {})
        row = {name: value for name, value in entry._asdict().items() if name in audit_log.c}
        self._connection.execute(insert(audit_log).values(**row, detail=detail))


def _among(column: ColumnElement[str], ids: Iterable[str]) -> ColumnElement[bool]:
    """One array: a company's ids may be more than a statement has parameters for."""
    return column == any_(literal(sorted(ids), ARRAY(Words)))


def _covers(erasure: Erasure, message_id: str, sender: str) -> bool:
    return erasure.covers(erasure.company_id, message_id, sender)
