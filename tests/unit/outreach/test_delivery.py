"""From an approval to a sent letter: what goes, what waits, what ends, and that nothing goes twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from sago.domain.companies import Person, Share
from sago.domain.events import Fold
from sago.domain.letters import LetterDraft, LetterState
from sago.domain.mails import Contact, Mail, MailState, Posted, Reply, Suppression, WaitsFor
from sago.domain.pacing import Cap, Caps, SendWindow
from sago.errors import ConfigError, PermanentError, TransientError, UngroundedError
from sago.outreach.freight import End, Freight, LetterFreight
from sago.outreach.sending import ATTEMPTS, LEASE
from sago.outreach.withholding import give
from sago.ports import Transaction
from sago.stores.memory.mails import MemoryMails
from tests.unit.outreach import stories
from tests.unit.outreach.mailroom import DANA, DAY, HOUR, MINUTE, NOW, Mailroom, letter, to

SENT = MailState.SENT, LetterState.SENT
QUEUED = MailState.QUEUED, LetterState.QUEUED
MANY = Cap(most=99, days=7)
WIDE = Caps(person=MANY, company=MANY, firm=MANY)


def test_an_approved_letter_is_queued_and_sent_once() -> None:
    one = letter()
    room = Mailroom(one)
    done = room.deliver()
    assert [mail.ref for mail in done.queued] == [mail.ref for mail in done.mails] == [one.id]
    assert room.states(one) == SENT
    assert [received.recipient for received in room.mailer.received] == [DANA.email]
    for _ in range(3):
        assert room.deliver(HOUR) == ([], [], [], None)
    assert len(room.mailer.received) == 1
    said = [(entry.action, entry.who) for entry in room.said_of(one.id)]
    assert said == [("letter.queued", "sago"), ("letter.sent", "sago")]


def test_an_approval_that_can_still_be_undone_is_not_queued() -> None:
    one = letter(approved_at=NOW - timedelta(seconds=59))
    room = Mailroom(one)
    assert room.deliver() == ([], [], [], None)
    room.set(one, LetterState.SUPERSEDED)
    room.deliver(HOUR)
    assert room.mailer.received == []


def test_a_letter_of_which_nobody_knows_when_it_was_approved_is_left_to_its_approver() -> None:
    one = letter(approved_at=None)
    room = Mailroom(one)
    done = room.deliver()
    assert (done.queued, done.mails, done.problem) == ([], [], None)
    ((named, why),) = done.unmailable
    assert (named.id, why) == (one.id, "nobody knows who approved it when: send it by hand, or reject it")


def test_a_recipient_without_address_is_told_and_does_not_hold_up_others() -> None:
    nobody, bad = letter("n", recipient=None), letter("b", recipient=Person(name="B", email="a@b, c@d"))
    room = Mailroom(nobody, bad, to(1))
    done = room.deliver()
    assert {found.id for found, _ in done.unmailable} == {nobody.id, bad.id}
    assert all("no mail address" in why for _, why in done.unmailable)
    assert room.letter(nobody) is LetterState.APPROVED
    assert [received.recipient for received in room.mailer.received] == ["p1@x1.example"]


def test_what_is_outside_the_window_waits_for_the_readers_morning() -> None:
    one = letter()
    room = Mailroom(one, now=datetime(2026, 3, 6, 12, 0, tzinfo=UTC))
    with room.database.begin() as tx:
        tx.contacts.save(Contact(email="dana@northgate.example", name="Dana", timezone="Pacific/Auckland"))
    room.deliver()
    mail = room.mail(one)
    assert (mail.state, mail.next_attempt_at) == (MailState.QUEUED, datetime(2026, 3, 8, 20, 0, tzinfo=UTC))
    assert mail.error == "outside 9:00 to 17:00 on mon tue wed thu fri, Pacific/Auckland"
    assert mail.attempts == 0
    room.deliver(mail.next_attempt_at - room.clock.now())
    assert room.states(one) == SENT


def in_zone(room: Mailroom, zone: str) -> None:
    with room.database.begin() as tx:
        tx.contacts.save(Contact(email="dana@northgate.example", name="Dana", timezone=zone))


def with_rules(room: Mailroom, **rules: Any) -> None:
    """The worker starts again with other settings."""
    object.__setattr__(room.sending, "rules", replace(room.sending.rules, **rules))


def test_a_reader_who_turns_out_to_live_elsewhere_has_the_letter_at_once_or_later() -> None:
    one = letter()
    room = Mailroom(one)
    in_zone(room, "Asia/Tokyo")
    room.deliver()
    assert room.mail(one).next_attempt_at == datetime(2026, 3, 5, 0, 0, tzinfo=UTC)
    in_zone(room, "America/Los_Angeles")
    assert [mail.next_attempt_at for mail in room.delivery.rehearse().mails] == [NOW + 5 * HOUR]
    room.deliver()
    assert room.mail(one).next_attempt_at == NOW + 5 * HOUR, "the outbox tells what is true now"
    in_zone(room, "Europe/Berlin")
    room.deliver()
    assert room.states(one) == SENT


def test_a_letter_whose_time_has_come_waits_where_its_reader_sleeps_by_now() -> None:
    one = letter(approved_at=NOW - DAY)
    room = Mailroom(one, now=NOW - 4 * HOUR)
    room.deliver()
    assert room.mail(one).next_attempt_at == NOW - 3 * HOUR
    in_zone(room, "Asia/Tokyo")
    room.deliver(4 * HOUR)
    assert room.states(one) == QUEUED
    assert room.mailer.asked == []


@pytest.mark.parametrize(
    ("now", "after"),
    [
        (NOW + 8 * HOUR, {"window": SendWindow(opens=9, closes=22)}),
        (NOW + 3 * DAY, {"window": SendWindow(days=("sat",))}),
        (NOW - 4 * HOUR, {"timezone": "Europe/Berlin"}),
    ],
)
def test_a_wider_window_lets_a_waiting_letter_go_at_once(now: datetime, after: dict[str, Any]) -> None:
    one = letter(approved_at=NOW - DAY)
    room = Mailroom(one, now=now)
    room.deliver()
    assert room.states(one) == QUEUED
    with_rules(room, **after)
    room.deliver()
    assert room.states(one) == SENT


def test_a_higher_cap_lets_a_waiting_letter_go_at_once_and_a_lower_one_holds_it() -> None:
    first, second, third = letter("a"), letter("b"), letter("c")
    room = Mailroom(first, second, third)
    room.deliver()
    assert len(room.mailer.received) == 1
    with_rules(room, caps=WIDE.model_copy(update={"person": Cap(most=2, days=7)}))
    room.deliver()
    assert len(room.mailer.received) == 2
    with_rules(room, caps=WIDE.model_copy(update={"person": Cap(most=1, days=30)}))
    room.deliver(8 * DAY)
    assert len(room.mailer.received) == 2


def test_a_wait_that_is_the_same_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, asleep = letter("a"), letter("b"), to(1)
    room = Mailroom(first, second, asleep)
    with room.database.begin() as tx:
        tx.contacts.save(Contact(email="p1@x1.example", name="P", timezone="Asia/Tokyo"))
    room.deliver()
    monkeypatch.setattr(LetterFreight, "obstacle", lambda *_: pytest.fail("claimed once more"))
    room.deliver(MINUTE)


def test_a_pause_that_a_server_asked_for_holds_whatever_its_reader_does() -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.append(TransientError("busy", retry_after=HOUR))
    room.deliver()
    in_zone(room, "Europe/Berlin")
    room.deliver(MINUTE)
    assert len(room.mailer.asked) == 1


@pytest.mark.parametrize(("fresh", "state"), [(20 * DAY, SENT), (DAY, (MailState.EXPIRED, LetterState.EXPIRED))])
def test_how_long_news_is_news_is_asked_again_when_it_goes(fresh: timedelta, state: Any) -> None:
    one = letter(created_at=NOW - 14 * DAY + HOUR)
    room = Mailroom(one)
    in_zone(room, "Asia/Tokyo")
    room.deliver()
    object.__setattr__(room.sending.kinds["letter"], "fresh_for", fresh)
    room.deliver(DAY)
    in_zone(room, "UTC")
    room.deliver()
    assert room.states(one) == state


def test_since_when_a_mail_waits_for_the_server_is_kept_over_its_attempts() -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.extend([TransientError("away"), ConfigError("check smtp.username"), TransientError("away")])
    for after in (timedelta(), HOUR, HOUR):
        room.deliver(after)
        assert (room.mail(one).waits_for, room.mail(one).waits_since) == (WaitsFor.SERVER, NOW)
    room.deliver(6 * HOUR)
    mail = room.mail(one)
    assert (mail.waits_for, mail.waits_since) == (WaitsFor.PACE, NOW + 8 * HOUR)
    room.deliver(DAY - 8 * HOUR)
    assert room.states(one) == SENT
    assert room.mail(one).waits_for is None


def test_caps_hold_within_one_round_and_open_again() -> None:
    first, second = letter("a"), letter("b")
    room = Mailroom(first, second)
    room.deliver()
    states = [room.states(each) for each in (first, second)]
    assert sorted(states, key=str) == sorted([SENT, QUEUED], key=str)
    waiting = second if room.states(second) == QUEUED else first
    assert room.mail(waiting).error == "to dana@northgate.example: no more than 1 in 7 days"
    assert room.mail(waiting).next_attempt_at == NOW + 7 * DAY
    room.deliver(7 * DAY)
    assert room.states(waiting) == SENT


@pytest.mark.parametrize("which", ["company", "firm"])
def test_a_company_and_a_firm_are_capped_over_all_their_letters(which: str) -> None:
    caps = WIDE.model_copy(update={which: Cap(most=2, days=1)})
    letters = [to(n, company_id="scaleflow" if which == "company" else f"c{n}") for n in range(5)]
    room = Mailroom(*letters, caps=caps)
    room.deliver()
    assert len(room.mailer.received) == 2
    room.deliver(DAY)
    assert len(room.mailer.received) == 4


def test_a_suppressed_address_gets_nothing_and_its_letter_is_rejected() -> None:
    one = letter(recipient=Person(name="Dana", email="Dana@Northgate.example"))
    room = Mailroom(one)
    with room.database.begin() as tx:
        tx.contacts.suppress(Suppression(email="dana@northgate.EXAMPLE", because="asked", who="ana", at=NOW))
    room.deliver()
    assert room.states(one) == (MailState.CANCELLED, LetterState.REJECTED)
    assert room.mailer.asked == []
    assert room.said_of(one.id)[-1].why == "its reader wants no mail"


def test_all_that_speaks_against_a_letter_is_named_when_it_is_claimed() -> None:
    one = letter(event_ids=(UUID(int=1),))
    room = Mailroom(one)
    with room.database.begin() as tx:
        tx.contacts.suppress(Suppression(email=DANA.email or "", because="asked", who="ana", at=NOW))
    room.deliver()
    why = room.mail(one).error or ""
    assert why.startswith("its reader wants no mail; rests on 1 of 1 events that are no longer held")


def test_news_that_is_old_is_not_sent_any_more() -> None:
    one = letter(created_at=NOW - 15 * DAY)
    room = Mailroom(one)
    room.deliver()
    assert room.states(one) == (MailState.EXPIRED, LetterState.EXPIRED)


def test_a_wait_ends_where_the_news_does() -> None:
    one = letter(created_at=NOW - 14 * DAY + HOUR)
    room = Mailroom(one)
    with room.database.begin() as tx:
        tx.contacts.save(Contact(email=DANA.email or "", name="Dana", timezone="Asia/Tokyo"))
    room.deliver()
    assert room.mail(one).next_attempt_at == NOW + HOUR
    room.deliver(HOUR)
    assert room.states(one) == (MailState.EXPIRED, LetterState.EXPIRED)


def test_a_letter_whose_events_are_gone_is_superseded() -> None:
    one = letter(event_ids=(UUID(int=1),))
    room = Mailroom(one)
    room.deliver()
    assert room.states(one) == (MailState.CANCELLED, LetterState.SUPERSEDED)
    assert "no longer held" in room.said_of(one.id)[-1].why


def test_a_letter_that_was_taken_back_while_it_waited_does_not_go_and_goes_after_another_approval() -> None:
    one = letter()
    room = Mailroom(one, now=NOW + 8 * HOUR)
    room.deliver()
    assert room.states(one) == QUEUED
    room.set(one, LetterState.DRAFT)
    room.deliver(DAY)
    assert room.states(one) == (MailState.CANCELLED, LetterState.DRAFT)
    assert room.mail(one).error == "its letter is draft"
    token = room.mail(one).token
    room.set(one, LetterState.APPROVED)
    assert [mail.ref for mail in room.deliver(MINUTE).queued] == [one.id]
    room.deliver(14 * HOUR)
    assert room.states(one) == SENT
    assert room.mail(one).token > token, "who held the earlier one can record nothing"
    assert len(room.mailer.received) == 1


def test_a_server_that_is_out_costs_one_attempt_a_round_and_loses_nothing() -> None:
    letters = [to(n) for n in range(8)]
    room = Mailroom(*letters, caps=WIDE)
    room.mailer.answers.extend([TransientError("smtp server x does not answer")] * 5)
    for round_ in range(1, 6):
        assert "does not answer" in (room.deliver(timedelta(seconds=1)).problem or "")
        assert len(room.mailer.asked) == round_
    assert [each.name for each in room.sending.breakers.open()] == ["memory"]
    assert "is not asked for now: smtp server x does not answer" in (room.deliver(timedelta(seconds=1)).problem or "")
    assert len(room.mailer.asked) == 5, "the breaker spares it"
    for _ in range(4):
        room.deliver(HOUR / 4)
    assert [room.states(each) for each in letters] == [SENT] * 8
    assert len(room.mailer.received) == 8


def test_an_open_breaker_costs_no_attempt() -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.append(TransientError("busy", retry_after=HOUR))
    room.deliver()
    assert room.mail(one).attempts == 1
    assert room.mail(one).next_attempt_at >= NOW + HOUR
    room.change(one, lambda mail: mail.model_copy(update={"next_attempt_at": room.clock.now()}))
    assert "not asked" in (room.deliver(MINUTE).problem or "")
    assert (room.mail(one).attempts, len(room.mailer.asked)) == (1, 1)


def test_a_wrong_setting_stops_the_round_and_is_not_counted() -> None:
    one, two = to(1), to(2)
    room = Mailroom(one, two)
    room.mailer.answers.append(ConfigError("check smtp.username"))
    assert room.deliver().problem == "check smtp.username"
    assert len(room.mailer.asked) == 1
    assert {room.mail(one).attempts, room.mail(two).attempts} == {0}
    room.deliver(MINUTE)
    assert room.states(one) == room.states(two) == SENT


def test_a_deferred_mail_comes_again_with_growing_pauses_and_is_given_up_in_the_end() -> None:
    one = letter(approved_at=NOW - MINUTE)
    room = Mailroom(one, fresh=999 * DAY)
    room.mailer.answers.extend([Posted(Reply.DEFERRED, "451 greylisted")] * ATTEMPTS)
    pauses = []
    while room.mail(one).state is MailState.QUEUED if room.mailer.asked else True:
        asked_at = room.clock.now()
        asked = len(room.mailer.asked)
        room.deliver()
        if len(room.mailer.asked) > asked:
            pauses.append(room.mail(one).next_attempt_at - asked_at)
        room.clock.advance(max(room.mail(one).next_attempt_at - room.clock.now(), MINUTE))
    assert pauses[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert max(pauses) == 4 * HOUR
    assert len(room.mailer.asked) == ATTEMPTS
    assert room.states(one) == (MailState.REFUSED, LetterState.EXPIRED)
    assert room.mail(one).error == f"given up after {ATTEMPTS} attempts: 451 greylisted"


def test_a_refused_address_is_noted_and_its_letter_rejected() -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.append(Posted(Reply.NO_SUCH_ADDRESS, "550 5.1.1 no such user"))
    room.deliver()
    assert room.states(one) == (MailState.REFUSED, LetterState.REJECTED)
    with room.database.begin() as tx:
        word = tx.contacts.suppression(DANA.email or "")
    assert word is not None
    assert word.because == "its server refuses it: 550 5.1.1"


@pytest.mark.parametrize(
    ("reply", "said", "noted"),
    [
        (Reply.ACCEPTED, "250 2.0.0 queued for Dana", "250 2.0.0"),
        (Reply.REFUSED, "554 5.7.1 your letter of Kestrel is spam", "refused: 554 5.7.1"),
        (Reply.NO_SUCH_ADDRESS, "550-5.1.1 no Dana here", "no such address: 550-5.1.1"),
        (Reply.UNKNOWN, "mx.example:587 did not say: 421 Dana is away", "mx.example:587 did not say: 421"),
    ],
)
def test_of_a_servers_answer_the_log_keeps_the_codes_and_the_mail_the_words(
    reply: Reply, said: str, noted: str
) -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.append(Posted(reply, said))
    room.deliver()
    assert said in (room.mail(one).error or "")
    with room.database.begin() as tx:
        whys = [change.why for change in tx.outreach.history(one.id)]
    assert whys[-1] == noted


def test_a_refusal_after_the_content_is_certain() -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.append(Posted(Reply.REFUSED, "554 5.7.1 spam"))
    room.deliver()
    assert room.states(one) == (MailState.REFUSED, LetterState.REJECTED)
    assert room.mail(one).sent_at is None, "it counts for no cap"


def test_an_answer_that_never_came_leaves_the_letter_to_a_person() -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.append(Posted(Reply.UNKNOWN, "did not say"))
    room.deliver()
    assert room.states(one) == (MailState.UNKNOWN, LetterState.UNKNOWN)
    room.deliver(30 * DAY)
    assert len(room.mailer.asked) == 1


def test_whatever_goes_wrong_while_the_content_goes_over_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    one = letter()
    room = Mailroom(one)

    def post(mail: EmailMessage, recipient: str, begin: Callable[[], bool]) -> Posted:
        assert begin()
        raise MemoryError

    monkeypatch.setattr(room.mailer, "post", post)
    room.deliver()
    assert room.states(one) == (MailState.UNKNOWN, LetterState.UNKNOWN)


@pytest.mark.parametrize("step", ["obstacle", "before", "content"])
def test_a_task_that_is_out_of_time_ends_and_leaves_what_is_true(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    first, second = to(1), to(2)
    room = Mailroom(first, second)

    def late(*args: Any) -> Any:
        if step == "content":
            assert args[-1]()
        raise SoftTimeLimitExceeded

    with monkeypatch.context() as slow:
        if step == "obstacle":
            slow.setattr(LetterFreight, "obstacle", late)
        else:
            slow.setattr(room.mailer, "post", late)
        with pytest.raises(SoftTimeLimitExceeded):
            room.deliver()
    unknown = {room.mail(each).state for each in (first, second)} == {MailState.UNKNOWN, MailState.QUEUED}
    assert unknown is (step == "content")
    room.deliver(HOUR)
    assert len(room.mailer.received) == (1 if step == "content" else 2)


def test_a_claim_whose_holder_died_is_queued_again_and_a_sending_one_is_unknown() -> None:
    claimed, sending = to(1), to(2)
    room = Mailroom(claimed, sending, now=NOW + 8 * HOUR)
    room.deliver()
    late = room.clock.now() + LEASE
    room.change(claimed, lambda mail: mail.claimed(late))
    room.change(sending, lambda mail: mail.claimed(late))
    room.change(sending, lambda mail: mail.sending(room.clock.now(), late))
    room.deliver(LEASE - MINUTE)
    assert (room.mail(claimed).state, room.mail(sending).state) == (MailState.CLAIMED, MailState.SENDING)
    done = room.deliver(DAY - 8 * HOUR)
    assert room.states(claimed) == SENT
    assert room.states(sending) == (MailState.UNKNOWN, LetterState.UNKNOWN)
    assert {mail.ref for mail in done.mails} == {claimed.id, sending.id}
    assert [received.recipient for received in room.mailer.received] == ["p1@x1.example"]


def test_one_that_was_taken_for_dead_may_not_send(monkeypatch: pytest.MonkeyPatch) -> None:
    one = letter()
    room = Mailroom(one)
    post = room.mailer.post

    def slow(mail: EmailMessage, recipient: str, begin: Callable[[], bool]) -> Posted:
        monkeypatch.setattr(room.mailer, "post", post)
        room.deliver(LEASE + MINUTE)  # another worker: takes the claim back, and sends
        return post(mail, recipient, begin)

    monkeypatch.setattr(room.mailer, "post", slow)
    room.deliver()
    assert room.states(one) == SENT
    assert len(room.mailer.received) == 1


def test_a_late_answer_settles_what_was_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    one = letter()
    room = Mailroom(one)

    def slow(mail: EmailMessage, recipient: str, begin: Callable[[], bool]) -> Posted:
        assert begin()
        room.deliver(LEASE + MINUTE)
        assert room.states(one) == (MailState.UNKNOWN, LetterState.UNKNOWN)
        return Posted(Reply.ACCEPTED, "250 at last")

    monkeypatch.setattr(room.mailer, "post", slow)
    room.deliver()
    assert room.states(one) == SENT


def test_a_mail_that_cannot_be_written_does_not_hold_up_those_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = to(1, approved_at=NOW - HOUR), to(2)
    room = Mailroom(bad, good)
    write = room.sending.kinds["letter"].message

    def message(tx: object, mail: object) -> EmailMessage:
        if getattr(mail, "ref", None) == bad.id:
            raise ValueError("Header values may not contain linefeed")
        return write(tx, mail)  # type: ignore[arg-type]

    object.__setattr__(room.sending.kinds["letter"], "message", message)
    room.deliver()
    assert room.states(good) == SENT
    assert room.mail(bad).error == "it cannot be written: ValueError"
    assert room.mail(bad).attempts == 1


def test_after_a_restored_backup_nothing_leaves_the_house() -> None:
    one = letter()
    room = Mailroom(one)
    room.generations.mirror.raise_generation(5)
    assert "older backup" in (room.deliver().problem or "")
    assert room.mailer.asked == []
    assert room.states(one) == QUEUED


def test_a_letter_is_announced_before_it_goes() -> None:
    one = letter()
    room = Mailroom(one)
    room.mailer.answers.append(Posted(Reply.DEFERRED, "451"))
    room.deliver()
    assert room.generations.mirror.announced(-1) == []
    room.deliver(HOUR)
    (note,) = room.generations.mirror.announced(-1)
    assert (note.letter_id, note.state) == (one.id, LetterState.SENT)


def test_a_rehearsal_says_what_would_go_and_why_others_wait_and_changes_nothing() -> None:
    first, second = letter("a"), letter("b")
    room = Mailroom(first, second)
    before = room.database.state
    done = room.delivery.rehearse()
    assert room.database.state == before
    assert sorted(mail.state for mail in done.mails) == [MailState.CLAIMED, MailState.QUEUED]
    assert [mail.error for mail in done.mails if mail.error] == ["to dana@northgate.example: no more than 1 in 7 days"]
    room.deliver()
    assert len(room.mailer.received) == 1


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (PermanentError("notice x: tells what was told before"), "it cannot be written: notice x: tells what was told"),
        (UngroundedError("says $9M"), "it cannot be written: UngroundedError"),
        (ValueError("a header's words"), "it cannot be written: ValueError"),
    ],
)
def test_a_mail_whose_claim_fails_keeps_its_reason_and_those_behind_it_go(error: Exception, why: str) -> None:
    poisoned, other = to(1), to(2)
    room = Mailroom(poisoned, other, caps=WIDE)
    freight = room.sending.kinds["letter"]
    with pytest.MonkeyPatch.context() as broken:

        def fails(_: object, tx: Transaction, mail: Mail, now: datetime) -> End | None:
            if mail.ref == poisoned.id:
                raise error
            return LetterFreight.obstacle(freight, tx, mail, now)  # type: ignore[arg-type]

        broken.setitem(room.sending.kinds, "letter", Poisoned(freight, fails))  # type: ignore[arg-type]
        rehearsed = room.delivery.rehearse()
        assert rehearsed.problem is not None
        assert why in rehearsed.problem
        assert room.deliver().problem is None
        assert room.states(other) == SENT
        assert room.states(poisoned) == QUEUED
        assert (room.mail(poisoned).error or "").startswith(why)
        for _ in range(ATTEMPTS):
            room.deliver(4 * HOUR)
    assert room.states(poisoned)[1] is LetterState.EXPIRED


class Poisoned:
    """A freight with another `obstacle`."""

    def __init__(self, of: Freight, obstacle: Callable[..., End | None]) -> None:
        self.of, self.fails = of, obstacle

    def obstacle(self, *args: Any) -> End | None:
        return self.fails(self, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)


def test_a_letter_is_judged_and_written_before_it_is_counted_and_a_rehearsal_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(MemoryMails, "lock", lambda _: steps.append("lock"))
    for name in ("obstacle", "message"):
        original = getattr(LetterFreight, name)
        step = partial(_noted, steps, name, original)
        monkeypatch.setattr(LetterFreight, name, lambda *args, step=step: step(*args))
    room = Mailroom(letter())
    room.delivery.rehearse()
    assert steps == ["obstacle", "message"]
    steps.clear()
    room.deliver()
    assert steps == ["obstacle", "message", "lock"]


def _noted(steps: list[str], name: str, original: Callable[..., Any], *args: Any) -> Any:
    steps.append(name)
    return original(*args)


def test_approvals_that_can_be_undone_still_are_named_with_their_end() -> None:
    fresh, older = to(1, approved_at=NOW - MINUTE / 2), to(2, approved_at=NOW - 2 * MINUTE)
    room = Mailroom(fresh, older, to(3, approved_at=None))
    assert [(each.id, at) for each, at in room.delivery.undoable()] == [(fresh.id, NOW + MINUTE / 2)]


@pytest.mark.parametrize("is_claimed", [False, True])
def test_a_letter_that_tells_more_than_is_shared_by_now_never_goes(is_claimed: bool) -> None:
    fact = stories.CFO.model_copy(update={"company_id": "scaleflow", "occurred_at": NOW - DAY})
    words = LetterDraft(subject="Good to hear from you", body="Hello,\n\nsomebody has joined you.\n\nBest wishes")
    one = letter(event_ids=(fact.id,), draft=words)
    room = Mailroom(one, window=SendWindow(opens=14))
    with room.database.begin() as tx:
        tx.events.replace("scaleflow", Fold([fact], []), NOW)
    room.deliver()
    assert room.states(one) == QUEUED
    share = Share(firm_id=one.firm_id, company_id=one.company_id, sources=("gmail",), created_at=NOW)
    post = room.mailer.post

    def narrowed(*args: Any) -> Posted:
        with room.database.begin() as tx:
            give(tx, share, "founder", NOW)
        return post(*args)

    if is_claimed:
        room.mailer.post = narrowed  # type: ignore[method-assign]
    else:
        narrowed(EmailMessage(), "nobody", lambda: False)
    room.deliver(3 * HOUR)
    assert room.mailer.received == []
    assert room.states(one) == (MailState.CANCELLED, LetterState.SUPERSEDED)
