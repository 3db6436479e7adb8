"""The `KeyStore` in memory."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sago.domain.keys import ApiKey
from sago.errors import PermanentError
from sago.stores.memory.state import State


class MemoryKeys:
    """Keys of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, key: ApiKey) -> None:
        if key.firm_id is not None and key.firm_id not in self._state.firms:
            raise PermanentError(f"key {key.name}: firm {key.firm_id} is not known")
        if self.by_prefix(key.prefix) is not None:
            raise PermanentError(f"key {key.name}: its prefix is taken")
        self._state.api_keys[key.id] = key

    def by_prefix(self, prefix: str) -> ApiKey | None:
        return next((key for key in self._state.api_keys.values() if key.prefix == prefix), None)

    def all(self, firm_id: str | None = None) -> list[ApiKey]:
        found = [key for key in self._state.api_keys.values() if firm_id in (None, key.firm_id)]
        return sorted(found, key=lambda key: (key.created_at, str(key.id)))

    def revoke(self, key_id: UUID, at: datetime) -> bool:
        key = self._state.api_keys.get(key_id)
        if key is None or key.revoked_at is not None:
            return False
        self._state.api_keys[key_id] = key.model_copy(update={"revoked_at": at})
        return True

    def used(self, key_id: UUID, at: datetime) -> None:
        if key := self._state.api_keys.get(key_id):
            self._state.api_keys[key_id] = key.model_copy(update={"used_at": at})

    def seal(self) -> bytes:
        return self._state.seal
