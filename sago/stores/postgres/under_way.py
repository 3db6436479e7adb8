"""What is on its way from the log to the raw store."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.ports.connections import UNDER_WAY_FOR
from sago.stores.postgres.tables import under_way

c = under_way.c
# Waits for nobody: what another deletes is gone as well.
END = text(
    """
    DELETE FROM under_way WHERE (company_id, message_id) IN (
        SELECT company_id, message_id
        FROM unnest(CAST(:companies AS text[]), CAST(:ids AS text[])) AS ended (company_id, message_id)
        JOIN under_way AS mine USING (company_id, message_id)
        FOR UPDATE OF mine SKIP LOCKED
    )
    """
)
END_OLD = text(
    """
    DELETE FROM under_way WHERE (company_id, message_id) IN (
        SELECT company_id, message_id FROM under_way WHERE at < :before FOR UPDATE SKIP LOCKED
    )
    """
)


class PostgresUnderWay:
    """The `UnderWayStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, messages: Collection[tuple[str, str]], now: datetime) -> None:
        self._connection.execute(END_OLD, {"before": now - UNDER_WAY_FOR})
        rows = [{"company_id": name, "message_id": message_id, "at": now} for name, message_id in sorted(set(messages))]
        if rows:
            self._connection.execute(upsert(under_way).values(rows).on_conflict_do_nothing())

    def companies(self, message_ids: Collection[str], among: Collection[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        query = select(c.message_id, c.company_id).order_by(c.company_id)
        query = query.where(c.company_id.in_(list(among)), c.message_id.in_(list(message_ids)))
        for message_id, company_id in self._connection.execute(query):
            found.setdefault(message_id, []).append(company_id)
        return found

    def end(self, messages: Collection[tuple[str, str]]) -> None:
        if messages:
            companies, ids = (list(each) for each in zip(*messages, strict=True))
            self._connection.execute(END, {"companies": companies, "ids": ids})
