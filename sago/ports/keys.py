"""Keys of the API, kept as hashes."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from sago.domain.keys import ApiKey


class KeyStore(Protocol):
    """`api_keys`."""

    def add(self, key: ApiKey) -> None:
        """Keep a new key; raises PermanentError where its firm is not known or its prefix is taken."""

    def by_prefix(self, prefix: str) -> ApiKey | None:
        """The key with this prefix, also one that opens nothing any more; or None."""

    def all(self, firm_id: str | None = None) -> list[ApiKey]:
        """Keys of a firm, or every one; oldest first."""

    def revoke(self, key_id: UUID, at: datetime) -> bool:
        """End a key; False where there is none or it was ended before."""

    def used(self, key_id: UUID, at: datetime) -> None:
        """Note that it was used."""

    def seal(self) -> bytes:
        """The house's own secret, of 32 random bytes: for what callers hand back and may neither read nor choose. Made
        when it is first asked for; the same from then on."""
