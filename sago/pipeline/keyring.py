"""Keys of the API: made, looked up and revoked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from uuid import uuid4

from pydantic import ValidationError

from sago.domain.keys import ApiKey, new_key, prefix_of
from sago.errors import UsageError
from sago.ports import Clock, Database, Note

TRUSTED_FOR = timedelta(seconds=5)
"""How long a key that was found is not looked up again: a revoked one ends so late."""
NOTED_EVERY = timedelta(minutes=1)
MOST_KEPT = 10_000


@dataclass
class Keyring:
    """The keys of this house. Thread-safe."""

    database: Database
    clock: Clock
    _found: dict[str, tuple[ApiKey, datetime]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(
        self, name: str, scopes: Sequence[str], firm_id: str | None, who: str, expires_at: datetime | None = None
    ) -> tuple[str, ApiKey]:
        """A new key, told once, and its row. Raises UsageError where it cannot have these scopes."""
        now, issued = self.clock.now(), new_key()
        try:
            key = ApiKey(
                id=uuid4(),
                name=name,
                prefix=issued.prefix,
                key_sha256=issued.key_sha256,
                firm_id=firm_id,
                scopes=tuple(dict.fromkeys(scopes)),
                created_at=now,
                created_by=who,
                expires_at=expires_at,
            )
        except ValidationError as error:
            said = error.errors()[0]
            field = ".".join(str(part) for part in said["loc"])
            raise UsageError(
                str(said.get("ctx", {}).get("error", f"key {name[:60]!r}: {field}: {said['msg']}"))
            ) from None
        with self.database.begin() as tx:
            tx.keys.add(key)
            why = f"{name}: {', '.join(key.scopes)}"
            tx.erasures.note(Note(now, who, "key.created", key.who, firm_id, None, why))
        return issued.key, key

    def recent(self, text: str) -> ApiKey | None:
        """The key, where it was looked up a moment ago and holds still; asks no server."""
        prefix, now = prefix_of(text), self.clock.now()
        key, until = self._found.get(prefix or "", (None, now))
        return key if key is not None and now < until and key.holds_at(now) and key.is_of(text) else None

    def knew(self, text: str) -> bool:
        """Whether it was looked up and held, however long ago: whoever sends it is guessing nothing."""
        known = self._found.get(prefix_of(text) or "")
        return known is not None and known[0].is_of(text)

    def find(self, text: str) -> ApiKey | None:
        """The key of this text; None where there is none, or it is revoked or has expired."""
        if key := self.recent(text):
            return key
        prefix = prefix_of(text)
        if prefix is None:
            return None
        now = self.clock.now()
        with self.database.begin() as tx:
            found = tx.keys.by_prefix(prefix)
            if found is None or not found.is_of(text) or not found.holds_at(now):
                if found is None or found.is_of(text):
                    self._forget(prefix)
                return None
            if found.used_at is None or now - found.used_at >= NOTED_EVERY:
                tx.keys.used(found.id, now)
        with self._lock:
            if len(self._found) >= MOST_KEPT:
                self._found.clear()
            self._found[prefix] = found, now + TRUSTED_FOR
        return found

    @cached_property
    def seal(self) -> bytes:
        """The house's own secret, the same in every process."""
        with self.database.begin() as tx:
            return tx.keys.seal()

    def revoke(self, prefix: str, who: str, why: str) -> ApiKey:
        """End a key, named by its prefix or in full; one that is ended already stays as it is. Raises UsageError where
        there is none."""
        now, prefix = self.clock.now(), prefix_of(prefix) or prefix
        with self.database.begin() as tx:
            key = tx.keys.by_prefix(prefix)
            if key is None:
                raise UsageError(f"key {prefix[:8]}: there is none; see `sago keys list`")
            if tx.keys.revoke(key.id, now):
                tx.erasures.note(Note(now, who, "key.revoked", key.who, key.firm_id, None, why))
                key = key.model_copy(update={"revoked_at": now})
        self._forget(prefix)
        return key

    def _forget(self, prefix: str) -> None:
        with self._lock:
            self._found.pop(prefix, None)
