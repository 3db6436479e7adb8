"""On which days messages were said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.connections import Heard
from sago.domain.rhythm import BASELINE
from sago.stores.postgres.tables import connections, heard

c = heard.c


class PostgresHeard:
    """The `HeardStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, connection_id: UUID, company_id: str, moments: Mapping[str, Collection[datetime]]) -> None:
        newest = {(container, at.date()): at for container, said in moments.items() for at in sorted(said)}
        row = select(connections.c.id).where(connections.c.id == connection_id)
        if not newest or self._connection.scalar(row.with_for_update(read=True, key_share=True)) is None:
            return
        mine = {"connection_id": connection_id, "company_id": company_id}
        rows = [
            {**mine, "container": container, "day": day, "newest_at": at}
            for (container, day), at in sorted(newest.items())
        ]
        kept = upsert(heard).values(rows)
        self._connection.execute(
            kept.on_conflict_do_update(
                index_elements=["connection_id", "company_id", "container", "day"],
                set_={"newest_at": kept.excluded.newest_at},
                where=c.newest_at < kept.excluded.newest_at,
            )
        )

    def forget(self, connection_id: UUID, company_id: str | None = None) -> None:
        mine = delete(heard).where(c.connection_id == connection_id)
        self._connection.execute(mine if company_id is None else mine.where(c.company_id == company_id))

    def all(self) -> list[Heard]:
        place = c.connection_id, c.container
        last = func.max(c.day).over(partition_by=place)
        dated = select(*place, c.day, c.newest_at, last.label("last")).subquery().c
        is_recent = dated.day > dated.last - BASELINE.days
        query = select(
            dated.connection_id,
            dated.container,
            func.array_agg(dated.day).filter(is_recent).label("days"),
            func.min(dated.day).label("oldest"),
            func.max(dated.newest_at).label("newest_at"),
        )
        both = dated.connection_id, dated.container
        rows = self._connection.execute(query.group_by(*both).order_by(*both))
        return [Heard(row.connection_id, row.container, frozenset(row.days), row.oldest, row.newest_at) for row in rows]
