"""Letters that are due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql.dml import Update

from sago.domain.letters import Composition, CompositionState, DueLetter
from sago.stores.postgres.tables import compositions

C = compositions.c
KEY = ["watch_id", "as_of"]


class PostgresCompositions:
    """The `CompositionStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, letters: Sequence[DueLetter], now: datetime) -> int:
        rows = [letter._asdict() | _new(now) for letter in sorted(set(letters))]
        if not rows:
            return 0
        statement = upsert(compositions)
        statement = statement.on_conflict_do_update(
            index_elements=KEY, set_=_new(now) | {"error": None}, where=C.state != CompositionState.DUE
        )
        return len(self._connection.scalars(statement.returning(C.watch_id), rows).all())

    def end_overtaken(self, watch_ids: Collection[UUID]) -> int:
        later = compositions.alias().c
        told = exists().where(
            later.watch_id == C.watch_id, later.as_of > C.as_of, later.state != CompositionState.FAILED
        )
        overtaken = update(compositions).where(C.state == CompositionState.DUE, C.watch_id.in_(watch_ids), told)
        return self._connection.execute(overtaken.values(state=CompositionState.DONE, error=None)).rowcount

    def take_due(self, now: datetime, again_at: datetime, limit: int = 500) -> list[DueLetter]:
        due = select(C.watch_id, C.as_of).where(C.state == CompositionState.DUE, C.next_attempt_at <= now)
        due = due.order_by(C.next_attempt_at, *(C[name] for name in KEY)).limit(limit)
        taken = [DueLetter(*row) for row in self._connection.execute(due.with_for_update(skip_locked=True))]
        if taken:
            sent = update(compositions).where(tuple_(C.watch_id, C.as_of).in_(taken))
            self._connection.execute(sent.values(next_attempt_at=again_at))
        return taken

    def begin(self, letter: DueLetter, lease_until: datetime, now: datetime) -> int | None:
        lease = {"retry_at": lease_until, "next_attempt_at": lease_until}
        statement = upsert(compositions).values(**letter._asdict(), **_new(now) | lease | {"attempts": 1})
        statement = statement.on_conflict_do_update(
            index_elements=KEY,
            set_=lease | {"attempts": C.attempts + 1},
            where=(C.state == CompositionState.DUE) & (C.retry_at <= now),
        )
        attempts: int | None = self._connection.scalar(statement.returning(C.attempts))
        return attempts

    def postpone(self, letter: DueLetter, retry_at: datetime, error: str, *, is_counted: bool) -> None:
        attempts = C.attempts if is_counted else func.greatest(C.attempts - 1, 0)
        waiting = _of(letter).where(C.state == CompositionState.DUE)
        values = {"attempts": attempts, "retry_at": retry_at, "next_attempt_at": retry_at, "error": error}
        self._connection.execute(waiting.values(**values))

    def end(self, letter: DueLetter, state: CompositionState, error: str | None = None) -> None:
        self._connection.execute(_of(letter).values(state=state, error=error))

    def find(self, state: CompositionState | None = None) -> list[Composition]:
        query = select(compositions).order_by(C.as_of, C.watch_id)
        if state is not None:
            query = query.where(C.state == state)
        return [Composition.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def counts(self) -> dict[CompositionState, int]:
        query = select(C.state, func.count()).group_by(C.state)
        return {CompositionState(row[0]): row[1] for row in self._connection.execute(query)}


def _of(letter: DueLetter) -> Update:
    return update(compositions).where(C.watch_id == letter.watch_id, C.as_of == letter.as_of)


def _new(now: datetime) -> dict[str, Any]:
    return {"state": CompositionState.DUE, "attempts": 0, "retry_at": now, "next_attempt_at": now}
