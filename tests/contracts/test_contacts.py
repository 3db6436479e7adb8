"""One suite for the ContactStore port, run on memory and on Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from sago.domain.mails import Contact, Suppression
from sago.ports import Database
from sago.stores.postgres import PostgresDatabase

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DANA = Contact(email="Dana@Northgate.example", name="Dana Reed", timezone="Europe/Berlin", digest_at=8)
UNWANTED = Suppression(email="Dana@Northgate.example ", because="asked by phone", who="cli:ana", at=NOW)


def test_a_contact_is_known_by_the_address_however_it_is_written(database: Database) -> None:
    eve = Contact(email="eve@x.example", name="Eve")
    with database.begin() as tx:
        tx.contacts.save(eve)
        tx.contacts.save(DANA)
    with database.begin() as tx:
        assert tx.contacts.get(" dana@NORTHGATE.example") == DANA
        assert tx.contacts.get("nobody@x.example") is None
        assert tx.contacts.all() == [DANA, eve]
        moved = DANA.model_copy(update={"timezone": "America/New_York", "digest_at": None})
        tx.contacts.save(moved)
        assert tx.contacts.get(DANA.email) == moved


def test_a_contact_has_a_real_address_time_zone_and_hour() -> None:
    for wrong in ({"email": "dana"}, {"email": "a@b, c@d"}, {"timezone": "Mars/Olympus"}, {"digest_at": 24}):
        with pytest.raises(ValidationError):
            Contact(**({"email": "a@b.example", "name": "A"} | wrong))


def test_an_address_is_suppressed_once_and_until_somebody_says_otherwise(database: Database) -> None:
    later = UNWANTED.model_copy(update={"because": "again", "at": NOW + timedelta(hours=1)})
    with database.begin() as tx:
        assert tx.contacts.suppress(UNWANTED)
        assert not tx.contacts.suppress(later)
        assert tx.contacts.suppression("DANA@northgate.example") == UNWANTED
        assert tx.contacts.suppression("eve@x.example") is None
        eve = Suppression(email="eve@x.example", because="550", who="sago", at=NOW + timedelta(hours=2))
        assert tx.contacts.suppress(eve)
        assert tx.contacts.suppressions() == [eve, UNWANTED]
    with database.begin() as tx:
        assert tx.contacts.unsuppress("Dana@northgate.example", NOW, "cli:ana", "she wrote again")
        assert not tx.contacts.unsuppress("dana@northgate.example", NOW, "cli:ana", "she wrote again")
        assert tx.contacts.suppression("dana@northgate.example") is None


def test_the_audit_log_names_who_suppressed_whom_and_why(postgres: PostgresDatabase) -> None:
    with postgres.begin() as tx:
        tx.contacts.suppress(UNWANTED)
        tx.contacts.suppress(UNWANTED)
        tx.contacts.unsuppress(UNWANTED.email, NOW, "cli:eve", "a mistake")
    with postgres.connections.begin() as connection:
        rows = connection.execute(text("SELECT who, action, subject, detail->>'why' FROM audit_log ORDER BY action"))
        assert [tuple(row) for row in rows] == [
            ("cli:ana", "address.suppressed", "dana@northgate.example", "asked by phone"),
            ("cli:eve", "address.unsuppressed", "dana@northgate.example", "a mistake"),
        ]
