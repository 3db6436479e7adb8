"""`sago keys` over both databases: made, listed, revoked, and told to the audit log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import keys, lookup
from sago.domain.pages import AuditAsked
from sago.errors import UsageError
from sago.pipeline.keyring import Keyring
from sago.ports import Database, Tenants
from sago.stores.memory.clock import ManualClock

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class Wired:
    """What the commands use of a container."""

    database: Database
    clock: ManualClock
    keyring: Keyring

    def close(self) -> None:
        """The database is the session's."""


@pytest.fixture
def wired(database: Database, monkeypatch: pytest.MonkeyPatch) -> Wired:
    clock = ManualClock(NOW)
    made = Wired(database, clock, Keyring(database, clock))
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    with database.begin() as tx:
        tx.companies.ensure("scaleflow", NOW)
        tx.shares.ensure_firm("northgate", "Northgate")
    return made


def sago(*arguments: str) -> Result:
    app = typer.Typer()
    keys.register(app)
    return CliRunner().invoke(app, ["keys", *arguments])


def test_a_key_opens_from_its_making_to_its_end_and_stays_in_the_list(wired: Wired, tenants: Tenants) -> None:
    made = sago("create", "--name", "crm", "--firm", "Northgate", "--scope", "read", "--expires", "2026-04-01")
    key = made.stdout.strip()
    wired.clock.advance(timedelta(minutes=1))
    assert sago("create", "--name", "feed", "--scope", "ingest:scaleflow", "--expires", "never").exit_code == 0
    found = wired.keyring.find(key)
    assert found is not None
    assert found.expires_at == datetime(2026, 4, 2, tzinfo=UTC)
    assert sago("revoke", found.prefix, "--because", "the laptop was lost").exit_code == 0
    wired.clock.advance(timedelta(seconds=6))
    assert wired.keyring.find(key) is None
    rows = [json.loads(line) for line in sago("list", "--json").stdout.splitlines()]
    assert [(row["name"], row["firm_id"], row["scopes"], row["state"]) for row in rows] == [
        ("crm", "northgate", ["read"], "revoked"),
        ("feed", None, ["ingest:scaleflow"], "holds"),
    ]
    assert rows[0]["used_at"] == "2026-03-02T12:01:00Z"
    assert key[14:] not in sago("list").stdout
    with tenants.view("northgate") as view:
        lines = view.audit(AuditAsked())
    assert [(line.action, line.subject, line.detail["why"]) for line in lines] == [
        ("key.revoked", found.who, "the laptop was lost"),
        ("key.created", found.who, "crm: read"),
    ]


def test_of_a_key_that_cannot_be_nothing_is_kept(wired: Wired) -> None:
    for arguments in (("--scope", "ingest:nobody"), ("--scope", "read", "--firm", "Nobody Knows"), ("--scope", "read")):
        assert isinstance(sago("create", "--name", "crm", *arguments).exception, UsageError)
    with wired.database.begin() as tx:
        assert tx.keys.all() == []
        assert tx.companies.get("nobody") is None
