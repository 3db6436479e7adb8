"""The `RawStore` on Cassandra: chat_messages, email_messages and records, by company and day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from sago.domain.batches import StoreOutcome
from sago.domain.erasures import Erasure
from sago.domain.messages import Message, MessageRef, source_of
from sago.errors import TransientError
from sago.sections import CassandraSettings
from sago.stores.cassandra import statements
from sago.stores.cassandra.claims import MAX_ROWS, Owner, claim
from sago.stores.cassandra.rows import (
    EPOCH,
    MILLISECOND,
    TABLES,
    Key,
    Partition,
    Row,
    by_partition,
    is_message,
    key_of,
    message_of,
    milliseconds,
    ref_of,
    row_of,
    table_of,
)
from sago.stores.cassandra.session import CassandraConnection, OpenSession

MESSAGE_PAGE = 100
"""Messages fetched at a time; one may hold 650 kB."""
KEY_PAGE = 5000
WRITE_ROWS = 500
"""Rows of one batch of marks or days."""
WALKED_DAYS = 400
"""A range longer than this asks which days there are before it reads them."""


class CassandraRawStore:
    """Connects at the first call of each process; threads may share it.

    Raises ConfigError where a login, a certificate, a datacenter or the schema is wrong. A node that went away is found
    again without a restart.
    """

    def __init__(self, settings: CassandraSettings) -> None:
        self.connection = CassandraConnection(settings)

    def store(self, messages: Sequence[Message], batch_name: str, received_at: datetime) -> StoreOutcome:
        given = [(key_of(message), message.content_sha(), message) for message in messages]
        first: dict[Key, Row] = {}
        shas: dict[Key, bytes] = {}
        for key, sha, message in given:
            if key not in first:
                first[key], shas[key] = row_of(message, sha, batch_name, received_at), sha
        with self.connection.begin() as session:
            _note_days(
                session,
                received_at,
                sorted({(each.company_id, each.day) for each in (row.partition for row in first.values())}),
            )
            owners = {key: Owner(batch_name, sha) for key, sha in shas.items()} | claim(session, first.values())
        return _outcome(given, owners, batch_name)

    def read(self, refs: Sequence[MessageRef]) -> list[Message]:
        with self.connection.begin() as session:
            requests = [
                session.bind(statements.by_keys(table), (company_id, day, some), MESSAGE_PAGE)
                for (table, company_id, day), slots in by_partition(refs).items()
                for some in _cut(slots, MESSAGE_PAGE)
            ]
            rows = (row for result in session.execute_all(requests) for row in result)
            found = {message.ref: message for message in map(message_of, filter(is_message, rows))}
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
        found: list[Message] = []
        if limit < 1 or start >= end:
            return found
        asked = _Asked(company_id, start, end, source, oldest)
        with self.connection.begin() as session:
            for days in self._windows(session, asked):
                more = _within(session, asked, days, limit - len(found))
                found = found + more if oldest else more + found
                if len(found) >= limit:
                    break
        return found

    def read_day(self, company_id: str, day: date) -> list[MessageRef]:
        with self.connection.begin() as session:
            of_day = (company_id, day.isoformat())
            requests = [session.bind(statements.keys_of_day(table), of_day, KEY_PAGE) for table in TABLES]
            return sorted(ref_of(row) for result in session.execute_all(requests) for row in result if is_message(row))

    def changed_days(self, since: date) -> list[tuple[str, date]]:
        with self.connection.begin() as session:
            received = session.execute(session.bind(statements.RECEIVED_DAYS, (), KEY_PAGE))
            days = [row.received_day for row in received if row.received_day >= since.isoformat()]
            requests = [session.bind(statements.CHANGED_DAYS, (day,), KEY_PAGE) for day in days]
            rows = (row for result in session.execute_all(requests) for row in result)
            return sorted({(row.company_id, date.fromisoformat(row.day)) for row in rows})

    def mark(self, refs: Sequence[MessageRef], batch_id: str, extracted_at: datetime) -> None:
        values = (batch_id, milliseconds(extracted_at))
        with self.connection.begin() as session:
            batches = [
                session.batch(statements.mark(table), [(*values, company_id, day, *slot) for slot in some])
                for (table, company_id, day), slots in by_partition(refs).items()
                for some in _cut(slots, WRITE_ROWS)
            ]
            session.execute_all(batches)

    def count(self, company_id: str | None = None) -> int:
        """Reads the partitions one by one: exact, and slow on a large store."""
        with self.connection.begin() as session:
            requests = [
                session.bind(statements.count(table), (company, day))
                for table, company, day in _partitions(session)
                if company_id in (None, company)
            ]
            return sum(result.one().messages for result in session.execute_all(requests))

    def find(self, erasure: Erasure) -> list[MessageRef]:
        """Reads the company's partitions one by one. A row without a sender is known as emptied by being a deletion."""
        with self.connection.begin() as session:
            requests = [
                session.bind(statements.senders_of_day(table), (company, day), KEY_PAGE)
                for table, company, day in _partitions(session)
                if company == erasure.company_id
            ]
            rows = (row for result in session.execute_all(requests) for row in result if is_message(row))
            return sorted(
                ref_of(row)
                for row in rows
                if (row.sender or not row.deleted) and erasure.covers(row.company_id, row.message_id, row.sender)
            )

    def empty(self, refs: Sequence[MessageRef]) -> None:
        with self.connection.begin() as session:
            for (table, company_id, day), slots in by_partition(refs).items():
                for some in _cut(slots, MAX_ROWS):  # one after the other: rounds of Paxos contend for the partition
                    rows = [(company_id, day, *slot) for slot in some]
                    answer = session.execute(session.batch(statements.empty(table), rows))
                    if not answer.one().applied:
                        raise TransientError(f"cassandra: rows of {company_id} on {day} were not emptied; try again")

    def close(self) -> None:
        """Close this process's session; the next call opens anew."""
        self.connection.close()

    def _windows(self, session: OpenSession, asked: _Asked) -> Iterator[list[str]]:
        """The range's days from the end that is asked for, few at first and then more at once."""
        days = _days(session, asked.company_id, asked.start, asked.end)
        ordered = reversed(list(days)) if asked.oldest else days
        size = 2
        while window := list(islice(ordered, size)):
            yield window
            size = min(size * 2, max(self.connection.settings.in_flight // len(asked.tables), 1))


class _Asked(NamedTuple):
    """Which rows of a range."""

    company_id: str
    start: datetime
    end: datetime
    source: str | None
    oldest: bool

    @property
    def tables(self) -> tuple[str, ...]:
        """Where they lie."""
        return TABLES if self.source is None else (table_of(f"{self.source}:"),)

    def covers(self, row: Any) -> bool:
        """Whether a row is one of them; a table may hold several sources."""
        return is_message(row) and self.source in (None, source_of(row.message_id))


def _outcome(given: Iterable[tuple[Key, bytes, Message]], owners: dict[Key, Owner], batch_name: str) -> StoreOutcome:
    outcome = StoreOutcome([], [], [])
    seen: set[Key] = set()
    for key, sha, message in given:
        owner = owners[key]
        if sha != owner.content_sha:
            outcome.conflicts.append(message.ref)
        elif owner.batch_name != batch_name or key in seen:
            outcome.duplicates.append(message.ref)
        else:
            outcome.stored.append(message.ref)
        seen.add(key)
    return outcome


def _note_days(session: OpenSession, received_at: datetime, days: Sequence[tuple[str, str]]) -> None:
    """Before the rows: a row that its batch did not live to note would be looked for by nobody."""
    received = received_at.astimezone(UTC).date().isoformat()
    noted = [(received, company_id, day) for company_id, day in days]
    session.execute_all([session.batch(statements.INGEST_DAY, some) for some in _cut(noted, WRITE_ROWS)])


def _within(session: OpenSession, asked: _Asked, days: Iterable[str], limit: int) -> list[Message]:
    """The first or last messages of these days that are asked for, oldest first."""
    start, end = _ceil(asked.start), _ceil(asked.end)
    order = "ASC" if asked.oldest else "DESC"
    requests = [
        session.bind(statements.within(table, order), (asked.company_id, day, start, end), min(limit, MESSAGE_PAGE))
        for day in days
        for table in asked.tables
    ]
    of_each = (islice(filter(asked.covers, result), limit) for result in session.execute_all(requests))
    found = sorted((message_of(row) for rows in of_each for row in rows), key=lambda message: message.ref)
    return found[:limit] if asked.oldest else found[-limit:]


def _days(session: OpenSession, company_id: str, start: datetime, end: datetime) -> Iterator[str]:
    """The days that [start, end) touches, newest first."""
    first, last = start.astimezone(UTC).date(), (end - timedelta(microseconds=1)).astimezone(UTC).date()
    if (last - first).days <= WALKED_DAYS:
        return ((last - timedelta(days=back)).isoformat() for back in range((last - first).days + 1))
    held = {day for _, company, day in _partitions(session) if company == company_id}
    return iter(sorted((day for day in held if first.isoformat() <= day <= last.isoformat()), reverse=True))


def _partitions(session: OpenSession) -> Iterator[Partition]:
    requests = [session.bind(statements.partitions(table), (), KEY_PAGE) for table in TABLES]
    for table, result in zip(TABLES, session.execute_all(requests), strict=True):
        for row in result:
            yield Partition(table, row.company_id, row.day)


def _ceil(moment: datetime) -> int:
    """The first whole millisecond that is not before the moment: stored times are whole ones."""
    return -((EPOCH - moment) // MILLISECOND)


def _cut(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
