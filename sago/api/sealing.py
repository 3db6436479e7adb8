"""Cursors whose place their caller may neither read nor choose: it counts what is not shown."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.fernet import Fernet, InvalidToken

from sago.api.paging import wrong_cursor


class Sealed:
    """Cursors of one question of one caller: `bound_to` names both. None of another opens here."""

    def __init__(self, seal: bytes, *bound_to: str) -> None:
        key = hashlib.sha256(seal + json.dumps(["cursors", *bound_to]).encode()).digest()
        self._box = Fernet(base64.urlsafe_b64encode(key))

    def cursor_of(self, *parts: str) -> str:
        """A place, as a caller hands it back."""
        return self._box.encrypt(json.dumps(parts).encode()).decode().rstrip("=")

    def opened(self, cursor: str, count: int) -> list[str]:
        """The place in a cursor; raises a problem with status 422 where it is none that was made here for this."""
        try:
            parts = json.loads(self._box.decrypt(cursor + "=" * (-len(cursor) % 4)))
        except (InvalidToken, ValueError):
            raise wrong_cursor() from None
        if len(parts) != count:
            raise wrong_cursor()
        return [str(part) for part in parts]
