"""Tokens at rest."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from sago.domain.connections import Token
from sago.errors import ConfigError
from sago.stores.fernet_vault import FernetVault, new_key

SLACK, GMAIL = UUID(int=1), UUID(int=2)
TOKEN = Token(
    access=SecretStr("synthetic-access-1"),
    refresh=SecretStr("synthetic-refresh-1"),
    expires_at=datetime(2026, 3, 2, 12, 30, tzinfo=UTC),
    scopes=("channels:history", "users:read"),
)


def vault(*keys: str) -> FernetVault:
    return FernetVault(SecretStr(",".join(keys)))


def test_what_is_sealed_opens_as_it_was_and_shows_nothing_of_it() -> None:
    ours = vault(new_key())
    sealed = ours.seal(TOKEN, SLACK)
    assert b"synthetic" not in sealed
    assert ours.open(sealed, SLACK) == TOKEN
    bare = Token(access=SecretStr("synthetic-access-2"))
    assert ours.open(ours.seal(bare, SLACK), SLACK) == bare


def test_the_newest_key_seals_and_the_older_ones_still_open() -> None:
    old, new = new_key(), new_key()
    sealed_before = vault(old).seal(TOKEN, SLACK)
    both = vault(f" {new}", f"{old} ")
    assert both.open(sealed_before, SLACK) == TOKEN
    sealed_anew = both.seal(both.open(sealed_before, SLACK), SLACK)
    assert vault(new).open(sealed_anew, SLACK) == TOKEN
    with pytest.raises(ConfigError, match="none of its keys"):
        vault(old).open(sealed_anew, SLACK)


def test_a_token_opens_for_its_own_connection_alone() -> None:
    ours = vault(new_key())
    with pytest.raises(ConfigError, match="was sealed for another") as caught:
        ours.open(ours.seal(TOKEN, GMAIL), SLACK)
    assert "synthetic" not in str(caught.value)


@pytest.mark.parametrize("keys", [None, SecretStr(""), SecretStr(" , ")])
def test_without_a_key_it_says_how_to_make_one(keys: SecretStr | None) -> None:
    with pytest.raises(ConfigError, match=r"SAGO_SOURCES__TOKEN_KEYS: is not set.*sago connect key"):
        FernetVault(keys).seal(TOKEN, SLACK)


def test_what_is_no_key_is_named_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="no Fernet key") as caught:
        vault(new_key(), "hunter2-hunter2").seal(TOKEN, SLACK)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("sealed", [b"", b"gAAAAA", b"\x00\xff"])
def test_what_no_key_of_ours_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(ConfigError, match="connect the account again"):
        vault(new_key()).open(sealed, SLACK)


def test_a_sealed_thing_that_is_no_token_is_refused_without_being_shown() -> None:
    key = new_key()
    with pytest.raises(ConfigError) as caught:
        vault(key).open(Fernet(key).encrypt(b'{"refresh": "synthetic-refresh-1"}'), SLACK)
    assert "synthetic" not in str(caught.value)
    assert caught.value.__suppress_context__
