"""The `Mirror` in Cassandra: erasures, the generation, and letters that were let go. Three small partitions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sago.domain.erasures import Erasure
from sago.domain.generations import Announced
from sago.domain.letters import LetterState
from sago.stores.cassandra.session import CassandraConnection

SCOPE = "sago"
NUMBER = "SELECT number FROM generation WHERE scope = ?"
FIRST = "INSERT INTO generation (scope, number) VALUES (?, ?) IF NOT EXISTS"
HIGHER = "UPDATE generation SET number = ? WHERE scope = ? IF number < ?"
NOTES = ("generation", "letter_id", "state", "firm_id", "watch_id", "company_id", "window", "event_ids", "at")
NOTE = f"INSERT INTO announced_letters (scope, {', '.join(NOTES)}) VALUES (?{', ?' * len(NOTES)})"  # noqa: S608
NOTED = f"SELECT {', '.join(NOTES)} FROM announced_letters WHERE scope = ? AND generation > ?"  # noqa: S608
FIELDS = ("id", "company_id", "message_id", "sender", "because", "requested_by", "requested_at")
ERASE = f"INSERT INTO erasures (scope, {', '.join(FIELDS)}) VALUES (?{', ?' * len(FIELDS)})"  # noqa: S608
ERASED = f"SELECT {', '.join(FIELDS)} FROM erasures WHERE scope = ?"  # noqa: S608


class CassandraMirror:
    """Over the connection of the raw store. The number is raised by a conditional write: it never falls."""

    def __init__(self, connection: CassandraConnection) -> None:
        self._connection = connection

    def generation(self) -> int:
        with self._connection.begin() as session:
            row = session.execute(session.bind(NUMBER, (SCOPE,))).one()
        return int(row.number) if row else 0

    def raise_generation(self, number: int) -> None:
        with self._connection.begin() as session:
            first = session.bind(FIRST, (SCOPE, number))
            if self.generation() == 0 and session.execute(first).one().applied:
                return
            session.execute(session.bind(HIGHER, (number, SCOPE, number)))

    def announce(self, letter: Announced) -> None:
        with self._connection.begin() as session:
            values = letter._replace(event_ids=list(letter.event_ids))  # type: ignore[arg-type]
            session.execute(session.bind(NOTE, (SCOPE, *values)))

    def announced(self, after: int) -> list[Announced]:
        with self._connection.begin() as session:
            rows = list(session.execute(session.bind(NOTED, (SCOPE, after), 1000)))
        return sorted(_announced(row) for row in rows)

    def add_erasures(self, erasures: Sequence[Erasure]) -> None:
        with self._connection.begin() as session:
            session.execute_all(
                [session.bind(ERASE, (SCOPE, *(getattr(each, name) for name in FIELDS))) for each in erasures]
            )

    def erasures(self) -> list[Erasure]:
        with self._connection.begin() as session:
            rows = list(session.execute(session.bind(ERASED, (SCOPE,), 1000)))
        found = [Erasure(**row._asdict() | {"requested_at": _aware(row.requested_at)}) for row in rows]
        return sorted(found, key=lambda each: (each.requested_at, str(each.id)))


def _announced(row: Any) -> Announced:
    fields = row._asdict() | {
        "state": LetterState(row.state),
        "event_ids": tuple(row.event_ids or ()),
        "at": _aware(row.at),
    }
    return Announced(**fields)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
