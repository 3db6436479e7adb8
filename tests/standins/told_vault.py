"""A vault of tests: it hides a token from a glance, and seals nothing."""

from __future__ import annotations

import base64
import json
from uuid import UUID

from sago.domain.connections import Token


class ToldVault:
    """The `Vault` without a key."""

    def seal(self, token: Token, connection_id: UUID) -> bytes:
        shown = token.model_dump(mode="json") | {"access": token.access.get_secret_value()}
        shown["refresh"] = token.refresh.get_secret_value() if token.refresh else None
        return base64.b85encode(json.dumps(shown).encode())

    def open(self, sealed: bytes, connection_id: UUID) -> Token:
        return Token.model_validate_json(base64.b85decode(sealed))
