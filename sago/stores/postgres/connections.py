"""What founders have connected."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.connections import LEFT_ALONE, Connection, ConnectionState, Route
from sago.stores.postgres.tables import connection_tokens, connections, routes, served


class PostgresConnections:
    """The `ConnectionStore` of one transaction."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    def save(self, connection: Connection) -> None:
        row = {**connection.model_dump(), "containers": list(connection.containers)}
        changed = {name: value for name, value in row.items() if name != "id"}
        kept = upsert(connections).values(**row)
        self._connection.execute(kept.on_conflict_do_update(index_elements=["id"], set_=changed))
        if connection.company_id:
            self._serve(connection.id, connection.company_id)

    def get(self, connection_id: UUID, *, lock: bool = False) -> Connection | None:
        query = select(connections).where(connections.c.id == connection_id)
        row = self._connection.execute(_locked(query) if lock else query).one_or_none()
        return Connection.model_validate(row._asdict()) if row else None

    def find(self, source: str, account: str) -> Connection | None:
        c = connections.c
        query = select(connections).where(c.source == source, c.account == account)
        row = self._connection.execute(query).one_or_none()
        return Connection.model_validate(row._asdict()) if row else None

    def all(self, *, lock: bool = False) -> list[Connection]:
        query = select(connections).order_by(connections.c.source, connections.c.account)
        rows = self._connection.execute(_locked(query) if lock else query)
        return [Connection.model_validate(row._asdict()) for row in rows]

    def refuse(self, connection_id: UUID, reason: str) -> None:
        c = connections.c
        refused = update(connections).where(c.id == connection_id, c.state == ConnectionState.ACTIVE)
        self._connection.execute(refused.values(state=ConnectionState.REFUSED, reason=reason))

    def keep_token(self, connection_id: UUID, sealed: bytes) -> None:
        kept = upsert(connection_tokens).values(connection_id=connection_id, sealed=sealed)
        again = kept.on_conflict_do_update(index_elements=["connection_id"], set_={"sealed": sealed})
        self._connection.execute(again)

    def token(self, connection_id: UUID, *, lock: bool = False) -> bytes | None:
        query = select(connection_tokens.c.sealed).where(connection_tokens.c.connection_id == connection_id)
        sealed = self._connection.scalar(query.with_for_update() if lock else query)
        return None if sealed is None else bytes(sealed)

    def forget_token(self, connection_id: UUID) -> None:
        self._connection.execute(delete(connection_tokens).where(connection_tokens.c.connection_id == connection_id))

    def route(self, route: Route) -> None:
        kept = upsert(routes).values(**route.model_dump())
        where = ["connection_id", "kind", "key"]
        self._connection.execute(
            kept.on_conflict_do_update(index_elements=where, set_={"company_id": route.company_id})
        )
        if route.company_id != LEFT_ALONE:
            self._serve(route.connection_id, route.company_id)

    def unroute(self, connection_id: UUID, kind: str, key: str) -> None:
        c = routes.c
        self._connection.execute(delete(routes).where(c.connection_id == connection_id, c.kind == kind, c.key == key))

    def routes(self, connection_id: UUID) -> list[Route]:
        c = routes.c
        query = select(routes).where(c.connection_id == connection_id).order_by(c.kind, c.key)
        return [Route.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def served(self, connection_id: UUID) -> list[str]:
        c = served.c
        query = select(c.company_id).where(c.connection_id == connection_id).order_by(c.company_id)
        return list(self._connection.scalars(query))

    def _serve(self, connection_id: UUID, company_id: str) -> None:
        kept = upsert(served).values(connection_id=connection_id, company_id=company_id)
        self._connection.execute(kept.on_conflict_do_nothing())


def _locked(query: Select[Any]) -> Select[Any]:
    """As an update locks: rows that refer to it can still be written."""
    return query.with_for_update(key_share=True)
