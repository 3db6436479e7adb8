"""The keyring: what it asks the database for, what it keeps in mind, and what never leaves it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from sago.domain.companies import DEFAULT_FIRM
from sago.domain.keys import ApiKey, new_key, prefix_of
from sago.errors import PermanentError, UsageError
from sago.pipeline import keyring as module
from sago.pipeline.keyring import NOTED_EVERY, TRUSTED_FOR, Keyring
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase, MemoryTransaction

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = timedelta(milliseconds=1)


class CountedDatabase(MemoryDatabase):
    """Counts its transactions."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    @contextmanager
    def begin(self) -> Iterator[MemoryTransaction]:
        self.asked += 1
        with super().begin() as tx:
            yield tx


class Ring(NamedTuple):
    """A keyring with one key on it, and what is behind it."""

    database: CountedDatabase
    clock: ManualClock
    keyring: Keyring
    text: str
    key: ApiKey

    def asked(self, text: str) -> int:
        """How often the database is asked to find this key."""
        before = self.database.asked
        self.keyring.find(text)
        return self.database.asked - before


@pytest.fixture
def ring() -> Ring:
    database, clock = CountedDatabase(), ManualClock(NOW)
    keyring = Keyring(database, clock)
    text, key = keyring.issue("console", ["read"], DEFAULT_FIRM, "dana", NOW + timedelta(days=1))
    return Ring(database, clock, keyring, text, key)


def test_a_key_is_looked_up_once_in_five_seconds(ring: Ring) -> None:
    assert ring.keyring.recent(ring.text) is None
    assert ring.asked(ring.text) == 1
    ring.clock.advance(TRUSTED_FOR - TICK)
    assert ring.keyring.recent(ring.text) == ring.key
    assert ring.asked(ring.text) == 0
    ring.clock.advance(TICK)
    assert ring.keyring.recent(ring.text) is None
    assert ring.asked(ring.text) == 1


def test_a_key_that_is_revoked_here_ends_at_once(ring: Ring) -> None:
    assert ring.keyring.find(ring.text) is not None
    ended = ring.keyring.revoke(ring.key.prefix, "dana", "lost")
    assert ended.revoked_at == NOW
    assert ring.keyring.recent(ring.text) is None
    assert ring.keyring.find(ring.text) is None


def test_a_key_that_is_kept_in_mind_ends_when_it_expires(ring: Ring) -> None:
    ring.clock.advance(timedelta(days=1) - TICK)
    assert ring.keyring.find(ring.text) is not None
    ring.clock.advance(TICK)
    assert ring.keyring.recent(ring.text) is None
    assert ring.keyring.find(ring.text) is None


def test_another_key_with_a_known_prefix_opens_nothing_and_closes_nothing(ring: Ring) -> None:
    forged = f"sago_{ring.key.prefix}_{'x' * 43}"
    assert prefix_of(forged) == ring.key.prefix
    assert ring.keyring.find(forged) is None
    assert ring.keyring.find(ring.text) is not None
    assert ring.keyring.recent(forged) is None
    assert ring.keyring.find(forged) is None
    assert ring.keyring.recent(ring.text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sago_",
        "sago_00000000_short",
        "Sago_00000000_" + "a" * 43,
        "sago_0000000g_" + "a" * 43,
        "\ud800",
        "é" * 9000,
    ],
)
def test_for_what_is_no_key_no_server_is_asked(ring: Ring, text: str) -> None:
    assert ring.asked(text) == 0
    assert ring.keyring.find(text) is None


def test_a_key_that_nobody_issued_is_not_kept_in_mind(ring: Ring) -> None:
    stranger = new_key().key
    assert ring.asked(stranger) == 1
    assert ring.asked(stranger) == 1


def test_the_last_use_is_noted_to_the_minute(ring: Ring) -> None:
    noted = []
    for _ in range(int(NOTED_EVERY / TRUSTED_FOR) + 1):
        ring.keyring.find(ring.text)
        noted.append(ring.database.state.api_keys[ring.key.id].used_at)
        ring.clock.advance(TRUSTED_FOR)
    assert noted == [NOW] * (len(noted) - 1) + [NOW + NOTED_EVERY]


def test_more_keys_than_fit_are_looked_up_anew(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    keys = [ring.text, *(ring.keyring.issue("more", ["read"], DEFAULT_FIRM, "dana")[0] for _ in range(2))]
    assert [ring.asked(text) for text in keys] == [1, 1, 1]
    assert [ring.keyring.recent(text) is not None for text in keys] == [False, False, True]


@pytest.mark.parametrize(
    ("scopes", "firm", "said"),
    [
        (["read"], None, "the key must be a firm's"),
        (["operate"], DEFAULT_FIRM, "is not for a firm's key"),
        (["share:acme"], DEFAULT_FIRM, "is not for a firm's key"),
        (["ingest"], None, "write ingest:COMPANY"),
        (["ingest:No Company"], None, "is no company id"),
        (["read:acme"], DEFAULT_FIRM, "write read"),
        (["admin"], None, "none is called so"),
        ([], DEFAULT_FIRM, "scopes"),
    ],
)
def test_a_key_that_could_open_what_it_must_not_is_never_made(
    ring: Ring, scopes: list[str], firm: str | None, said: str
) -> None:
    before = ring.database.state
    with pytest.raises(UsageError, match=said):
        ring.keyring.issue("console", scopes, firm, "dana")
    assert ring.database.state is before


def test_a_key_of_a_firm_that_is_not_known_is_neither_kept_nor_told_of(ring: Ring) -> None:
    before = ring.database.state
    with pytest.raises(PermanentError, match="firm nobody is not known"):
        ring.keyring.issue("console", ["read"], "nobody", "dana")
    assert ring.database.state is before


def test_a_prefix_that_nobody_has_cannot_be_revoked(ring: Ring) -> None:
    with pytest.raises(UsageError, match="there is none; see `sago keys list`"):
        ring.keyring.revoke("00000000", "dana", "lost")


def test_a_key_is_nowhere_but_with_its_holder(ring: Ring, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = ring.text.removeprefix(f"sago_{ring.key.prefix}_")
    found = ring.keyring.find(ring.text)
    ring.keyring.find(f"{ring.text[:-1]}x")
    ended = ring.keyring.revoke(ring.text, "dana", "lost")
    assert ended.prefix == ring.key.prefix
    with pytest.raises(UsageError) as raised:
        ring.keyring.revoke(secret, "dana", "lost")
    told = (found, ended, ring.keyring, ring.database.state, raised.value, caplog.text)
    for each in told:
        assert secret not in repr(each)
        assert repr(ring.key.key_sha256) not in repr(each)
