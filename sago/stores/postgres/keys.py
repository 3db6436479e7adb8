"""Keys of the API, kept as hashes."""

from __future__ import annotations

from datetime import datetime
from secrets import token_bytes
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.keys import ApiKey
from sago.errors import PermanentError
from sago.stores.postgres.tables import api_keys, firms, house_seal


class PostgresKeys:
    """The `KeyStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: ApiKey) -> None:
        firm = select(firms.c.id).where(firms.c.id == key.firm_id)
        if key.firm_id is not None and self._connection.scalar(firm) is None:
            raise PermanentError(f"key {key.name}: firm {key.firm_id} is not known")
        row = key.model_dump() | {"scopes": list(key.scopes)}
        added = upsert(api_keys).values(**row).on_conflict_do_nothing(index_elements=["prefix"])
        if self._connection.scalar(added.returning(literal(1))) is None:
            raise PermanentError(f"key {key.name}: its prefix is taken")

    def by_prefix(self, prefix: str) -> ApiKey | None:
        row = self._connection.execute(select(api_keys).where(api_keys.c.prefix == prefix)).one_or_none()
        return _key(row) if row else None

    def all(self, firm_id: str | None = None) -> list[ApiKey]:
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        if firm_id is not None:
            query = query.where(api_keys.c.firm_id == firm_id)
        return [_key(row) for row in self._connection.execute(query)]

    def revoke(self, key_id: UUID, at: datetime) -> bool:
        standing = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        return self._connection.execute(standing.values(revoked_at=at)).rowcount == 1

    def used(self, key_id: UUID, at: datetime) -> None:
        self._connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(used_at=at))

    def seal(self) -> bytes:
        first = upsert(house_seal).values(secret=token_bytes(32)).on_conflict_do_nothing()
        self._connection.execute(first)
        return bytes(self._connection.execute(select(house_seal.c.secret)).scalar_one())


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey.model_validate(row._asdict())
