"""What a firm's watch tells its reader stands in no notice of another firm, whomever it names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sago.domain.mails import Contact
from sago.domain.notices import Notice
from tests.unit.api.api_house import MakeHouse
from tests.unit.api.firms import COMPANY, MINE, OTHERS, PERSON, PRIVATE, WATCHES, Firms, two_firms

ASKED = {"conditions": ["arr >= 2M"], "investor": {"name": PERSON.name, "email": "Dana@Northgate.example"}}


@pytest.fixture
def firms(make: MakeHouse) -> Firms:
    """Dana wants notices; her firm names her, and so does the other one."""
    firms = two_firms(make)
    with firms.database.begin() as tx:
        tx.contacts.save(Contact(email=PERSON.email or "", name=PERSON.name, digest_at=0))
    for firm, company in ((MINE, COMPANY), (OTHERS, PRIVATE), (OTHERS, COMPANY)):
        assert firms.ask("POST", WATCHES, ASKED | {"company_id": company}, firm).status_code == 201
    return firms


def told(firms: Firms, email: str | None = None) -> dict[str, Notice]:
    made = firms.house.container.digests.make(firms.clock.now(), email)
    assert len({notice.firm_id for notice in made}) == len(made)
    return {notice.firm_id: notice for notice in made}


def test_a_notice_tells_of_one_firms_watches_alone(firms: Firms) -> None:
    made = told(firms)
    companies = {firm: {item.company_id for item in notice.items} for firm, notice in made.items()}
    assert companies == {MINE: {COMPANY}, OTHERS: {COMPANY, PRIVATE}}
    with firms.database.begin() as tx:
        mails = {mail.firm_id: mail.ref for mail in tx.mails.find()}
    assert mails == {firm: notice.id for firm, notice in made.items()}
    assert told(firms) == told(firms, PERSON.email) == {}


def test_what_one_firms_notice_told_is_news_in_the_others(firms: Firms) -> None:
    alone = {
        notice.firm_id: notice.items
        for notice in firms.house.container.digests.preview("dana@northgate.example", firms.clock.now())
    }
    assert {firm: notice.items for firm, notice in told(firms).items()} == alone


def test_a_notice_that_told_of_two_firms_once_counts_for_each(firms: Firms) -> None:
    """As notices were before each was of one firm."""
    made = told(firms)
    both = made[OTHERS].model_copy(update={"items": (*made[OTHERS].items, *made[MINE].items)})
    with firms.database.begin() as tx:
        tx.notices.replace(made[MINE].model_copy(update={"items": ()}))
        tx.notices.replace(both)
    firms.clock.advance(timedelta(days=1))
    assert told(firms) == {}


def test_who_wants_no_notices_gets_none_of_any_firm(firms: Firms) -> None:
    made = told(firms)
    with firms.database.begin() as tx:
        tx.contacts.save(Contact(email=PERSON.email or "", name=PERSON.name))
    with firms.database.begin() as tx:
        assert [firms.house.container.digests.still(tx, notice.id) for notice in made.values()] == [None, None]
