"""What one firm sends, and who unsubscribes by it, is nothing that another firm could tell by its own letters."""

from __future__ import annotations

import pytest

from sago.domain.letters import Letter
from sago.domain.mails import Mail, MailState
from sago.domain.watches import Watch
from sago.outreach.unsubscribing import Links
from tests.unit.api.api_house import MakeHouse
from tests.unit.api.firms import COMPANY, FOUNDER_ADDRESS, MINE, OTHERS, OUTREACH, Firms, two_firms

DAY_AND_WEEKEND = 80
"""Hours in which a letter comes to its reader's working hours, whichever day it is."""


@pytest.fixture
def firms(make: MakeHouse) -> Firms:
    firms = two_firms(make)
    with firms.database.begin() as tx:
        company = tx.companies.get(COMPANY)
        assert company is not None
        founder = {"founder": "Nell Park", "founder_email": FOUNDER_ADDRESS}
        tx.companies.save(company.model_copy(update=founder))
    return firms


def written(firms: Firms, watch: Watch) -> Letter:
    """A letter that goes."""
    letter = firms.compose(watch)
    approved = firms.approve(letter, watch.firm_id, because="compared", stand_by=True)
    assert approved.status_code == 200, approved.text
    return letter


def pass_days(firms: Firms) -> None:
    for _ in range(0, DAY_AND_WEEKEND, 4):
        firms.pass_time(hours=4)
        assert firms.house.container.delivery.deliver().problem is None


def mail_of(firms: Firms, letter: Letter) -> Mail:
    with firms.database.begin() as tx:
        return next(mail for mail in tx.mails.find() if mail.ref == letter.id)


def test_a_letter_goes_when_it_would_have_gone_without_the_other_firms(make: MakeHouse, firms: Firms) -> None:
    del make
    theirs = [written(firms, firms.watch(OTHERS))]
    mine = written(firms, firms.watch(MINE))
    pass_days(firms)
    assert [mail_of(firms, each).state for each in (*theirs, mine)] == [MailState.SENT, MailState.SENT]
    assert mail_of(firms, mine).sent_at == mail_of(firms, theirs[0]).sent_at


def test_who_unsubscribes_by_a_letter_of_one_firm_wants_no_mail_and_no_firm_is_told_why(firms: Firms) -> None:
    container = firms.house.container
    theirs = written(firms, firms.watch(OTHERS))
    pass_days(firms)
    draft = firms.compose(firms.watch(name="draft"))
    queued = written(firms, firms.watch(name="queued"))
    firms.pass_time(minutes=2)
    assert container.delivery.deliver().queued
    before = mail_of(firms, theirs)
    token = Links("https://sago.example.com/unsubscribe", container.links.secret).token(before)
    assert container.suppressing.unsubscribe(token, firms.clock.now())
    told = [firms.get(f"{OUTREACH}/{each.id}") for each in (draft, queued)]
    assert told[0]["needed"][0] == "its reader wants no mail"
    assert told[1]["history"][-1]["because"] == "its reader wants no mail"
    assert str(before.id) not in f"{told}"
    assert str(before.id) in (mail_of(firms, queued).error or ""), "the house knows the cause"
