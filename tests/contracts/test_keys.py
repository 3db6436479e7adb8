"""One suite for the KeyStore port, on memory and on Postgres, and for the keyring over both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sago.domain.keys import ApiKey, new_key
from sago.domain.pages import AuditAsked
from sago.errors import PermanentError
from sago.pipeline.keyring import NOTED_EVERY, TRUSTED_FOR, Keyring
from sago.ports import Database, Tenants
from sago.stores.memory.clock import ManualClock

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def key(name: str = "console", firm: str | None = "northgate", **other: Any) -> ApiKey:
    issued = new_key()
    fields: dict[str, Any] = {
        "id": uuid4(),
        "name": name,
        "prefix": issued.prefix,
        "key_sha256": issued.key_sha256,
        "firm_id": firm,
        "scopes": ("read", "write") if firm else ("ingest:acme", "operate"),
        "created_at": NOW,
        "created_by": "dana",
    }
    return ApiKey(**(fields | other))


@pytest.fixture(autouse=True)
def firms(database: Database) -> None:
    with database.begin() as tx:
        for firm in ("northgate", "alder"):
            tx.shares.ensure_firm(firm, firm.capitalize())


def test_keys_come_back_as_they_went_in_oldest_first(database: Database) -> None:
    later = NOW + timedelta(minutes=1)
    kept = [
        key(expires_at=NOW + timedelta(days=30)),
        key("founder", firm=None, created_at=later),
        key(firm="alder", created_at=later + timedelta(minutes=1)),
    ]
    with database.begin() as tx:
        for each in reversed(kept):
            tx.keys.add(each)
    with database.begin() as tx:
        assert tx.keys.all() == kept
        assert tx.keys.all("alder") == kept[2:]
        assert tx.keys.all("nobody") == []
        assert [tx.keys.by_prefix(each.prefix) for each in kept] == kept
        assert tx.keys.by_prefix("00000000") is None


def test_a_key_of_a_firm_that_is_not_known_is_refused(database: Database) -> None:
    with pytest.raises(PermanentError, match="firm nobody is not known"), database.begin() as tx:
        tx.keys.add(key(firm="nobody"))
    with database.begin() as tx:
        assert tx.keys.all() == []


def test_a_prefix_is_one_keys_also_after_its_end(database: Database) -> None:
    first = key()
    with database.begin() as tx:
        tx.keys.add(first)
        tx.keys.revoke(first.id, NOW)
    with pytest.raises(PermanentError, match="prefix is taken"), database.begin() as tx:
        tx.keys.add(key(firm=None, prefix=first.prefix))
    with database.begin() as tx:
        assert [each.id for each in tx.keys.all()] == [first.id]


def test_a_key_is_revoked_once_and_alone(database: Database) -> None:
    ended, other = key(), key()
    with database.begin() as tx:
        tx.keys.add(ended)
        tx.keys.add(other)
        assert tx.keys.revoke(ended.id, NOW)
        assert not tx.keys.revoke(ended.id, NOW + timedelta(days=1))
        assert not tx.keys.revoke(uuid4(), NOW)
    with database.begin() as tx:
        assert tx.keys.by_prefix(ended.prefix) == ended.model_copy(update={"revoked_at": NOW})
        assert tx.keys.by_prefix(other.prefix) == other


def test_the_last_use_is_kept(database: Database) -> None:
    used, other = key(), key()
    with database.begin() as tx:
        tx.keys.add(used)
        tx.keys.add(other)
        tx.keys.used(used.id, NOW)
        tx.keys.used(used.id, NOW + timedelta(minutes=2))
        tx.keys.used(uuid4(), NOW)
    with database.begin() as tx:
        assert [each.used_at for each in (tx.keys.by_prefix(used.prefix), tx.keys.by_prefix(other.prefix)) if each] == [
            NOW + timedelta(minutes=2),
            None,
        ]


def test_a_key_opens_from_its_issue_to_its_end(database: Database) -> None:
    clock = ManualClock(NOW)
    keyring = Keyring(database, clock)
    text, issued = keyring.issue("console", ["read"], "northgate", "dana", NOW + timedelta(hours=1))
    other, _ = keyring.issue("founder", ["share:acme"], None, "dana")
    with database.begin() as tx:
        assert tx.keys.all("northgate") == [issued]
    assert keyring.find(text) == issued
    clock.advance(NOTED_EVERY)
    again = keyring.find(text)
    assert again is not None
    assert again.used_at == NOW
    clock.advance(timedelta(hours=1))
    assert keyring.find(text) is None
    assert keyring.find(other) is not None
    keyring.revoke(issued.prefix, "dana", "over")
    with database.begin() as tx:
        kept = tx.keys.by_prefix(issued.prefix)
    assert kept is not None
    assert kept.revoked_at == clock.now()


def test_the_seal_of_the_house_is_the_same_in_every_process(database: Database) -> None:
    here, there = (Keyring(database, ManualClock(NOW)) for _ in range(2))
    assert here.seal == there.seal
    assert len(here.seal) == 32


def test_a_key_revoked_by_another_process_opens_five_seconds_more_at_most(database: Database) -> None:
    clock = ManualClock(NOW)
    here, there = Keyring(database, clock), Keyring(database, clock)
    text, issued = here.issue("console", ["read"], "northgate", "dana")
    assert here.find(text) is not None
    there.revoke(issued.prefix, "dana", "lost")
    assert there.find(text) is None
    clock.advance(TRUSTED_FOR - timedelta(milliseconds=1))
    assert here.find(text) is not None
    clock.advance(timedelta(milliseconds=1))
    assert here.find(text) is None
    assert timedelta(seconds=5) == TRUSTED_FOR


def test_the_log_tells_who_made_and_who_ended_a_key_and_holds_no_key(database: Database, tenants: Tenants) -> None:
    keyring = Keyring(database, ManualClock(NOW))
    text, issued = keyring.issue("console", ["read"], "northgate", "dana")
    keyring.revoke(issued.prefix, "kim", "lost")
    keyring.revoke(issued.prefix, "kim", "lost again")
    with tenants.view("northgate") as view:
        said = view.audit(AuditAsked())
    assert [(line.who, line.action, line.subject) for line in said] == [
        ("kim", "key.revoked", issued.who),
        ("dana", "key.created", issued.who),
    ]
    assert text not in repr(said)
    assert text.removeprefix(f"sago_{issued.prefix}_") not in repr(said)
