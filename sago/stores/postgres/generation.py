"""The generation as Postgres knows it: one row, absent before it was first advanced."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.generations import Generation
from sago.stores.postgres.tables import generation

NUMBER = generation.c.number


class PostgresGeneration:
    """The `GenerationStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self) -> Generation:
        query = select(NUMBER, generation.c.advanced_at, generation.c.held)
        row = self._connection.execute(query).one_or_none()
        return Generation(*row) if row else Generation()

    def advance(self, at: datetime) -> int:
        first = upsert(generation).values(number=1, advanced_at=at)
        advanced = first.on_conflict_do_update(index_elements=["one"], set_={"number": NUMBER + 1, "advanced_at": at})
        return int(self._connection.execute(advanced.returning(NUMBER)).scalar_one())

    def accept(self, number: int, at: datetime, *, held: bool) -> None:
        first = upsert(generation).values(number=number, advanced_at=at, held=held)
        later = case((number > NUMBER, at), else_=generation.c.advanced_at)
        taken = first.on_conflict_do_update(
            index_elements=["one"],
            set_={"number": func.greatest(NUMBER, number), "advanced_at": later, "held": held},
        )
        self._connection.execute(taken)

    def release(self) -> None:
        self._connection.execute(update(generation).values(held=False))
