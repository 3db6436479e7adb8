"""Shares given and ended by their use cases, over both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sago.domain.companies import DEFAULT_FIRM, Granularity
from sago.domain.pages import AuditAsked
from sago.errors import NotThereError
from sago.outreach.giving import Giving, Wish
from sago.pipeline.ending import Ending
from sago.pipeline.revoking import Revoking
from sago.ports import SHARE_ERASED, Database, Tenants
from sago.stores.memory.clock import ManualClock
from tests.unit.pipeline.house import NOW, House, deal

WISH = Wish(("slack",), Granularity.BANDS, NOW + timedelta(days=90))


class Over(House):
    """The house over one of the databases, where a company has told of one deal."""

    def __init__(self, database: Database) -> None:
        self.given = database
        super().__init__(threshold=1)
        self.clock = ManualClock(NOW)
        self.giving = Giving(self.database, self.clock, setback_days=60)
        revoking = Revoking(self.database, self.erasing)
        self.ending = Ending(self.database, self.clock, revoking, self.recovery, self.log)
        self.store(deal(1))
        self.run()

    def furnish(self) -> None:
        super().furnish()
        self.database = self.given  # type: ignore[assignment]


@pytest.fixture
def house(database: Database) -> Over:
    return Over(database)


def noted(tenants: Tenants, firm: str = "northgate") -> list[str]:
    with tenants.view(firm) as view:
        return [f"{line.action} {line.who}" for line in view.audit(AuditAsked())][::-1]


def test_a_share_is_previewed_given_once_and_listed(house: Over, tenants: Tenants) -> None:
    before = house.giving.preview("acme", "northgate", WISH)
    assert (before.is_given, len(before.seen.events)) == (False, 1)
    assert noted(tenants) == []
    given = house.giving.give("acme", "northgate", "Northgate", WISH, "key:1f0c93ab")
    house.clock.advance(timedelta(days=1))
    assert house.giving.give("acme", "northgate", "Another name", WISH, "key:2") == given
    assert noted(tenants) == ["share.granted key:1f0c93ab"]
    assert [(each.share.firm_id, each.firm) for each in house.giving.of("acme")] == [
        (DEFAULT_FIRM, "This house"),
        ("northgate", "Northgate"),
    ]
    assert house.giving.preview("acme", "northgate", Wish()).is_given is True
    house.clock.advance(timedelta(days=90))
    again = house.giving.give("acme", "northgate", "Northgate", WISH._replace(until=None), "key:3").share
    assert again.created_at == house.clock.now()


def test_a_share_ends_once_and_takes_the_evidence_with_the_last_one(house: Over, tenants: Tenants) -> None:
    house.giving.give("acme", "northgate", "Northgate", WISH, "key:1f0c93ab")
    first = house.ending.end("northgate", "acme", "key:1f0c93ab", "closed")
    assert first.evidence is None
    assert house.ending.proof("northgate", "acme").left.counts == {}
    assert noted(tenants)[1:] == ["share.revoked key:1f0c93ab", f"{SHARE_ERASED} key:1f0c93ab"]
    house.clock.advance(timedelta(hours=1))
    assert house.ending.end("northgate", "acme", "key:2", "again") == first
    assert len(noted(tenants)) == 3
    last = house.ending.end(DEFAULT_FIRM, "acme", "key:1f0c93ab", "closed")
    assert last.evidence is not None
    assert (last.evidence.rows, last.evidence.events) == (1, 1)
    assert house.ending.proof(DEFAULT_FIRM, "acme").left.counts == {}
    assert house.deals() == []


def test_what_is_not_known_is_not_there(house: Over) -> None:
    with pytest.raises(NotThereError):
        house.giving.of("nobody")
    with pytest.raises(NotThereError):
        house.giving.preview("nobody", "northgate", Wish())
    with pytest.raises(NotThereError):
        house.giving.give("nobody", "northgate", "Northgate", Wish(), "key:1")
    with pytest.raises(NotThereError):
        house.ending.end("northgate", "acme", "key:1", "never given")
    with pytest.raises(NotThereError):
        house.ending.proof("northgate", "acme")
