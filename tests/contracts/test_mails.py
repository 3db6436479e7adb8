"""One suite for the MailStore port, run on memory and on Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError, Event
from typing import Any
from uuid import UUID

import pytest

from sago.domain.companies import Person
from sago.domain.mails import Mail, MailState, Suppression, WaitsFor, mail_id, new_mail
from sago.outreach.freight import End
from sago.outreach.unsubscribing import Links, Suppressing
from sago.ports import Database, Transaction

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DANA = Person(name="Dana Reed", email="Dana@Northgate.example")


def mail(number: int = 1, **other: Any) -> Mail:
    made = new_mail("letter", UUID(int=number), DANA, firm_id="default", company_id="scaleflow", now=NOW)
    return made.model_copy(update=other)


def kept(database: Database, *mails: Mail) -> None:
    with database.begin() as tx:
        assert all(tx.mails.add(each) for each in mails)


def test_a_letter_or_a_notice_has_one_mail(database: Database) -> None:
    notice = new_mail("notice", UUID(int=1), DANA, firm_id="default", company_id=None, now=NOW, expires_at=NOW + HOUR)
    kept(database, mail(), notice)
    with database.begin() as tx:
        assert not tx.mails.add(mail())
        assert not tx.mails.add(mail(state=MailState.SENT))
        assert tx.mails.get(notice.id) == notice
        assert tx.mails.get(mail_id("letter", UUID(int=1))) == mail()
        assert tx.mails.get(UUID(int=7)) is None


def test_a_mail_changes_only_from_the_state_and_token_it_was_seen_in(database: Database) -> None:
    kept(database, mail())
    claimed = mail(state=MailState.CLAIMED, token=1, attempts=1, lease_until=NOW + HOUR)
    with database.begin() as tx:
        assert tx.mails.replace(mail(), claimed)
    with database.begin() as tx:
        assert tx.mails.get(mail().id) == claimed
        assert not tx.mails.replace(mail(), claimed), "another state"
        assert not tx.mails.replace(claimed.model_copy(update={"token": 2}), mail()), "another token"
        assert not tx.mails.replace(mail(2), mail(2)), "another mail"
        assert tx.mails.get(mail().id) == claimed
    with database.begin() as tx:
        other = claimed.model_copy(update={"recipient": Person(name="Eve"), "state": MailState.SENT, "sent_at": NOW})
        assert tx.mails.replace(claimed, other)
        found = tx.mails.get(mail().id)
    assert found == claimed.model_copy(update={"state": MailState.SENT, "sent_at": NOW})


def test_what_is_due_comes_longest_due_first(database: Database) -> None:
    late, early = mail(1, next_attempt_at=NOW), mail(2, next_attempt_at=NOW - HOUR)
    kept(database, late, early, mail(3, next_attempt_at=NOW + HOUR), mail(4, state=MailState.SENT))
    with database.begin() as tx:
        assert tx.mails.due(NOW) == [early.id, late.id]
        assert tx.mails.due(NOW, limit=1) == [early.id]
        assert tx.mails.take(early.id, NOW) == early
        assert tx.mails.take(early.id, NOW - 2 * HOUR) is None
        assert tx.mails.take(mail(4).id, NOW) is None
        assert tx.mails.take(UUID(int=7), NOW) is None


def test_a_mail_that_waits_for_its_reader_can_be_looked_at_before_its_time(database: Database) -> None:
    later = {"next_attempt_at": NOW + HOUR, "waits_since": NOW}
    paced, served = mail(1, waits_for=WaitsFor.PACE, **later), mail(2, waits_for=WaitsFor.SERVER, **later)
    kept(database, paced, served, mail(3, waits_for=WaitsFor.PACE, state=MailState.CLAIMED))
    with database.begin() as tx:
        assert tx.mails.due(NOW) == []
        assert tx.mails.take(paced.id, NOW) == paced
        assert tx.mails.take(served.id, NOW) is None
        assert tx.mails.take(mail(3).id, NOW) is None


@pytest.mark.parametrize("written", ["DÁNA@X.example ", "dána@x.example", " Dána@x.Example"])
def test_an_address_is_compared_as_everywhere_else(database: Database, written: str) -> None:
    """Whatever the database's own idea of lower case is."""
    dana = mail(1, recipient=Person(name="Dána", email=written), state=MailState.SENT, sent_at=NOW)
    other = {"firm_id": "default", "company_id": "other"}
    kept(database, dana, mail(2, recipient=Person(name="Nobody"), **other))
    with database.begin() as tx:
        assert tx.mails.find(email="DÁNA@x.example") == [dana]


def test_a_lease_that_is_over_is_seen_of_claimed_and_sending_alone(database: Database) -> None:
    lease = {"lease_until": NOW}
    claimed = mail(1, state=MailState.CLAIMED, **lease)
    sending = mail(2, state=MailState.SENDING, lease_until=NOW - HOUR)
    kept(database, claimed, sending, mail(3, state=MailState.SENT, **lease))
    kept(database, mail(4, state=MailState.CLAIMED, lease_until=NOW + HOUR))
    with database.begin() as tx:
        assert tx.mails.lapsed(NOW) == [sending, claimed]


def test_caps_count_letters_of_the_firm_that_went_or_may_have_gone(database: Database) -> None:
    """What another firm sends to the same reader, about the same company, counts for that firm alone."""
    sent = {"state": MailState.SENT, "sent_at": NOW - HOUR}
    other = {"recipient": Person(name="Eve", email="eve@x.example")}
    to_dana = mail(2, **sent, firm_id="default", company_id="other")
    claimed = mail(3, state=MailState.CLAIMED, **other)
    unknown = mail(4, state=MailState.UNKNOWN, sent_at=NOW - 2 * HOUR, **other, company_id="other")
    sending = mail(5, state=MailState.SENDING, sent_at=NOW, recipient=Person(name="D", email="dana@northgate.EXAMPLE"))
    kept(database, mail(), to_dana, claimed, unknown, sending)
    kept(database, mail(6, **sent | {"sent_at": NOW - 9 * HOUR}), mail(7, state=MailState.REFUSED, sent_at=NOW))
    with database.begin() as tx:
        tx.shares.ensure_firm("southpoint", "Southpoint")
    theirs = mail(10, **sent, firm_id="southpoint")
    kept(database, theirs, mail(8), new_mail("notice", UUID(int=9), DANA, firm_id="default", company_id=None, now=NOW))
    with database.begin() as tx:
        assert tx.mails.beside(mail(), NOW - 8 * HOUR) == [unknown, to_dana, sending, claimed]
        assert tx.mails.beside(mail(), NOW - HOUR) == [sending, claimed]
        assert tx.mails.beside(claimed, NOW) == []
        assert tx.mails.beside(theirs, NOW - 8 * HOUR) == []


def test_mails_are_found_by_state_and_address(database: Database) -> None:
    eve = mail(2, recipient=Person(name="Eve", email="eve@x.example"), next_attempt_at=NOW - HOUR)
    nobody = mail(3, recipient=Person(name="Nobody"), state=MailState.CANCELLED)
    kept(database, mail(), eve, nobody)
    with database.begin() as tx:
        assert tx.mails.find([MailState.QUEUED]) == [eve, mail()]
        assert tx.mails.find(email=" dana@northgate.example") == [mail()]
        assert tx.mails.find([MailState.SENT], email="eve@x.example") == []
        assert len(tx.mails.find()) == 3
        assert tx.mails.counts() == {MailState.QUEUED: 2, MailState.CANCELLED: 1}


def test_of_many_claims_one_sees_the_others(database: Database) -> None:
    """Without the lock all of them would have counted before any has claimed."""
    kept(database, *(mail(number) for number in range(4)))
    gate, counted = Barrier(4), Barrier(4)

    def claim(number: int) -> bool:
        gate.wait()
        with database.begin() as tx:
            tx.mails.lock()
            found = tx.mails.take(mail(number).id, NOW)
            assert found is not None
            others = tx.mails.beside(found, NOW - HOUR)
            with suppress(BrokenBarrierError):  # who has the lock waits here in vain
                counted.wait(0.5)
            if others:
                return False
            return tx.mails.replace(found, found.model_copy(update={"state": MailState.CLAIMED, "token": 1}))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(claim, range(4))) == [False, False, False, True]


def test_a_mail_that_another_holds_is_left_out(database: Database) -> None:
    kept(database, mail(), mail(2, state=MailState.CLAIMED, lease_until=NOW - HOUR))
    asked = Event()

    def look() -> tuple[Mail | None, list[Mail]]:
        with database.begin() as tx:
            asked.set()
            return tx.mails.take(mail().id, NOW), tx.mails.lapsed(NOW)

    with ThreadPoolExecutor(1) as pool, database.begin() as tx:
        first = tx.mails.take(mail().id, NOW)
        (second,) = tx.mails.lapsed(NOW)
        assert first == mail()
        assert tx.mails.replace(mail(), mail(state=MailState.CANCELLED))
        assert tx.mails.replace(second, second.model_copy(update={"state": MailState.QUEUED}))
        seen = pool.submit(look)
        if asked.wait(0.3):  # in memory the other transaction waits before it begins
            assert seen.result(timeout=9) == (None, [])
    assert seen.result(timeout=9) == (None, [])


def test_whoever_suppresses_an_address_waits_for_a_claim_and_takes_it_back(database: Database) -> None:
    """A claim holds its mail's row before it asks for the lock: nobody may hold the lock and wait for the row."""
    kept(database, mail())
    begun = Event()

    def end(tx: Transaction, held: Mail, how: End, _: datetime) -> Mail:
        ended = held.ended(how.state, how.why)
        assert tx.mails.replace(held, ended)
        return ended

    def unwanted() -> list[Mail]:
        begun.set()
        suppressing = Suppressing(database, Links("https://x.example", b"s" * 32, None), end, lambda ended: ended)
        return suppressing.suppress(Suppression(email=DANA.email or "", because="asked", who="x", at=NOW))

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as tx:
            assert tx.mails.take(mail().id, NOW) == mail()
            cancelled = pool.submit(unwanted)
            assert begun.wait(9)
            with suppress(TimeoutError):
                cancelled.result(timeout=0.3)
            tx.mails.lock()
            assert tx.mails.replace(mail(), mail().claimed(NOW + HOUR))
        assert [each.state for each in cancelled.result(timeout=9)] == [MailState.CANCELLED]


@pytest.mark.parametrize("state", list(MailState))
def test_every_state_can_be_kept(database: Database, state: MailState) -> None:
    kept(database, mail(state=state))
    with database.begin() as tx:
        assert tx.mails.counts() == {state: 1}
