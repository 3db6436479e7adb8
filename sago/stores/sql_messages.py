"""The raw store where no Cassandra runs: the same rows in Postgres, in `sql_messages` and `ingest_days`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    Connection,
    Row,
    and_,
    column,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.batches import StoreOutcome
from sago.domain.erasures import Erasure
from sago.domain.messages import Message, MessageRef
from sago.stores.postgres.columns import Words, storable
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.tables import ingest_days, sql_messages

C = sql_messages.c
IN_ORDER = (C.sent_at, C.message_id, C.version)
NOTHING: dict[str, Any] = {"sender": "", "subject": None, "text": "", "raw": {}, "raw_cut": False, "deleted": True}
EMPTIED = and_(C.deleted, C.sender == "", C.subject.is_(None), C.text == "", C.raw == {})


class Key(NamedTuple):
    """The primary key of a row."""

    company_id: str
    message_id: str
    version: int


class SqlRawStore:
    """The `RawStore` on Postgres; each call is a transaction of its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def store(self, messages: Sequence[Message], batch_name: str, received_at: datetime) -> StoreOutcome:
        given = [(_key(message), message.content_sha(), message) for message in messages]
        first: dict[Key, dict[str, Any]] = {}
        for key, sha, message in given:
            if key not in first:
                first[key] = _row(message, sha) | {"batch_name": batch_name, "received_at": received_at}
        with self._connections.begin() as connection:
            new = _insert(connection, first, received_at.date())
            there = _stored(connection, first.keys() - new)
        outcome = StoreOutcome([], [], [])
        seen: set[Key] = set()
        for key, sha, message in given:
            owner, stored_sha = there.get(key) or (batch_name, first[key]["content_sha"])
            if sha != stored_sha:
                outcome.conflicts.append(message.ref)
            elif owner != batch_name or key in seen:
                outcome.duplicates.append(message.ref)
            else:
                outcome.stored.append(message.ref)
            seen.add(key)
        return outcome

    def read(self, refs: Sequence[MessageRef]) -> list[Message]:
        if not refs:
            return []
        with self._connections.begin() as connection:
            rows = connection.execute(select(sql_messages).where(_is_one_of(_keys(refs))))
            found = {message.ref: message for message in map(_message, rows)}
        return [found[ref] for ref in refs if ref in found]

    def read_range(
        self,
        company_id: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        *,
        source: str | None = None,
        oldest: bool = False,
    ) -> list[Message]:
        query = select(sql_messages).where(C.company_id == company_id, C.sent_at >= start, C.sent_at < end)
        if source is not None:
            query = query.where(C.source == source)
        first = query.order_by(*(each.asc() if oldest else each.desc() for each in IN_ORDER)).limit(limit)
        with self._connections.begin() as connection:
            found = [_message(row) for row in connection.execute(first)]
        return found if oldest else found[::-1]

    def read_day(self, company_id: str, day: date) -> list[MessageRef]:
        start = datetime.combine(day, time.min, UTC)
        of_day = and_(C.company_id == company_id, C.sent_at >= start, C.sent_at < start + timedelta(days=1))
        query = select(C.company_id, C.sent_at, C.message_id, C.version).where(of_day).order_by(*IN_ORDER)
        with self._connections.begin() as connection:
            return [MessageRef(*row) for row in connection.execute(query)]

    def changed_days(self, since: date) -> list[tuple[str, date]]:
        c = ingest_days.c
        query = select(c.company_id, c.day).where(c.received_day >= since).distinct().order_by(c.company_id, c.day)
        with self._connections.begin() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]

    def mark(self, refs: Sequence[MessageRef], batch_id: str, extracted_at: datetime) -> None:
        if not refs:
            return
        read = update(sql_messages).where(_is_one_of(_keys(refs)))
        marked = read.values(batch_id=batch_id, extracted_at=extracted_at)
        with self._connections.begin() as connection:
            connection.execute(marked)

    def find(self, erasure: Erasure) -> list[MessageRef]:
        query = select(C.company_id, C.sent_at, C.message_id, C.version, C.sender)
        query = query.where(C.company_id == erasure.company_id, ~EMPTIED).order_by(*IN_ORDER)
        if erasure.source is not None:
            query = query.where(C.message_id.startswith(f"{erasure.source}:", autoescape=True))
        elif erasure.message_id is not None:
            query = query.where(C.message_id == erasure.message_id)
        with self._connections.begin() as connection:
            rows = connection.execute(query).all()
        return [MessageRef(*row[:4]) for row in rows if erasure.covers(row.company_id, row.message_id, row.sender)]

    def empty(self, refs: Sequence[MessageRef]) -> None:
        if not refs:
            return
        with self._connections.begin() as connection:
            connection.execute(update(sql_messages).where(_is_one_of(_keys(refs))).values(**NOTHING))

    def count(self, company_id: str | None = None) -> int:
        query = select(func.count()).select_from(sql_messages)
        if company_id is not None:
            query = query.where(C.company_id == company_id)
        with self._connections.begin() as connection:
            return connection.execute(query).scalar_one()


def _insert(connection: Connection, rows: dict[Key, dict[str, Any]], received_day: date) -> set[Key]:
    """In the order of their keys: two batches with the same messages then wait, and never deadlock."""
    if not rows:
        return set()
    statement = upsert(sql_messages).on_conflict_do_nothing().returning(C.company_id, C.message_id, C.version)
    new = {Key(*row) for row in connection.execute(statement, [rows[key] for key in sorted(rows)])}
    days = sorted({(key.company_id, rows[key]["day"]) for key in new})
    if days:
        values = [{"received_day": received_day, "company_id": company, "day": day} for company, day in days]
        connection.execute(upsert(ingest_days).on_conflict_do_nothing().returning(literal(1)), values).all()
    return new


def _stored(connection: Connection, keys: Iterable[Key]) -> dict[Key, tuple[str, bytes]]:
    """The batch name and content of rows that were there before."""
    keys = list(keys)
    if not keys:
        return {}
    query = select(C.company_id, C.message_id, C.version, C.batch_name, C.content_sha).where(_is_one_of(keys))
    return {Key(*row[:3]): (row[3], row[4]) for row in connection.execute(query)}


def _is_one_of(keys: Iterable[Key]) -> ColumnElement[bool]:
    """Three arrays instead of three thousand parameters; `keys` must not be empty."""
    companies, ids, versions = zip(*sorted(set(keys)), strict=True)
    arrays = (
        literal(list(companies), ARRAY(Words)),
        literal(list(ids), ARRAY(Words)),
        literal(list(versions), ARRAY(BigInteger)),
    )
    columns: list[ColumnClause[Any]] = [column(name) for name in Key._fields]
    wanted = func.unnest(*arrays).table_valued(*columns, name="wanted").render_derived()
    return tuple_(C.company_id, C.message_id, C.version).in_(select(*wanted.c))


def _key(message: Message) -> Key:
    return Key(message.company_id, storable(message.id), message.version)


def _keys(refs: Iterable[MessageRef]) -> list[Key]:
    return [Key(ref.company_id, storable(ref.message_id), ref.version) for ref in refs]


def _row(message: Message, sha: bytes) -> dict[str, Any]:
    row = message.model_dump(exclude={"schema_", "id"})
    return row | {"message_id": message.id, "day": message.sent_at.date(), "content_sha": sha}


def _message(row: Row[Any]) -> Message:
    fields = {name: row._mapping[name] for name in Message.model_fields if name in row._mapping}
    return Message(id=row.message_id, **fields)
