"""Tokens at rest, sealed with Fernet (AES-128-CBC and HMAC-SHA256) by keys that only the environment has."""

from __future__ import annotations

import json
from functools import cached_property
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr, ValidationError

from sago.domain.connections import Token
from sago.errors import ConfigError

VARIABLE = "SAGO_SOURCES__TOKEN_KEYS"
MAKE_ONE = "make one with `sago connect key >> .env && chmod 600 .env`"


class _Held(Token):
    """What is sealed."""

    connection_id: UUID


class FernetVault:
    """The `Vault`. The first key seals, each opens: put a new one before the others, `sago connect rekey`, and the old
    ones can go. The connection is sealed in with its token: rows that were swapped do not open."""

    def __init__(self, keys: SecretStr | None) -> None:
        self._keys = keys

    def seal(self, token: Token, connection_id: UUID) -> bytes:
        held = {
            "connection_id": str(connection_id),
            "access": token.access.get_secret_value(),
            "refresh": token.refresh.get_secret_value() if token.refresh else None,
            "expires_at": token.expires_at.isoformat() if token.expires_at else None,
            "scopes": list(token.scopes),
        }
        return self._box.encrypt(json.dumps(held).encode())

    def open(self, sealed: bytes, connection_id: UUID) -> Token:
        try:
            held = _Held.model_validate_json(self._box.decrypt(sealed))
        except (InvalidToken, ValidationError):
            # Without its cause: it may hold what was sealed.
            raise ConfigError(
                f"{VARIABLE}: none of its keys opens this token; put the key back that sealed it, or connect the "
                "account again"
            ) from None
        if held.connection_id != connection_id:
            raise ConfigError(
                f"the token of connection {connection_id} was sealed for another: somebody has changed "
                "`connection_tokens`; connect the account again"
            )
        return Token.model_validate(held.model_dump(exclude={"connection_id"}))

    @cached_property
    def _box(self) -> MultiFernet:
        written = self._keys.get_secret_value() if self._keys else ""
        keys = [key.strip() for key in written.split(",") if key.strip()]
        if not keys:
            raise ConfigError(f"{VARIABLE}: is not set, and tokens are kept sealed only; {MAKE_ONE}")
        try:
            return MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ConfigError(
                f"{VARIABLE}: one of its keys is no Fernet key (44 characters, commas between them); {MAKE_ONE}"
            ) from None


def new_key() -> str:
    """A key of 32 random bytes, as it stands in the environment."""
    return Fernet.generate_key().decode()
