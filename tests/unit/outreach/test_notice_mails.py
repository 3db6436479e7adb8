"""A notice's way out: looked at once more, and not told where it never went."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from sago.domain.companies import Person
from sago.domain.mails import Contact, MailState, Posted, Reply, Suppression, mail_id
from sago.domain.notices import Notice
from sago.errors import RestoredError
from sago.outreach.digests import Digests
from sago.outreach.notice_mails import NoticeFreight
from sago.report.notice import notice_mail
from tests.unit.outreach.mailroom import DAY, HOUR, Mailroom
from tests.unit.outreach.stories import DEAL, EVENTS, INVESTOR, NOW, POINTS, database, fold_into, watch

FIRING = watch("arr >= 2M", name="firing")
HOUSE = Person(name="Sago", email="sago@house.example")
IVO = Contact(email="ivo@fund.example", name="Ivo Brandt", digest_at=0)


class NoticeRoom(Mailroom):
    """One reader whose condition is met, and the way out of their notices."""

    def __init__(self, *, has_sender: bool = True) -> None:
        super().__init__(now=NOW)
        self.database.state = database(FIRING).state
        self.digests = Digests(self.database, self.clock, 60, 5, 8, "UTC")
        write = partial(notice_mail, sender=HOUSE) if has_sender else None
        self.sending.kinds["notice"] = NoticeFreight(self.digests, self.check, write)  # type: ignore[index]
        self.may_go = True
        with self.database.begin() as tx:
            tx.contacts.save(IVO)

    def check(self) -> None:
        if not self.may_go:
            raise RestoredError("Postgres is a restored backup")

    def make(self, after: timedelta = timedelta()) -> Notice:
        self.clock.advance(after)
        (notice,) = self.digests.make(self.clock.now())
        return notice

    def state(self, notice: Notice) -> MailState:
        with self.database.begin() as tx:
            mail = tx.mails.get(mail_id("notice", notice.id))
        assert mail is not None
        return mail.state

    def told(self) -> int:
        with self.database.begin() as tx:
            return len(tx.notices.told(IVO.email))


def test_a_notice_goes_to_its_reader_in_the_houses_name_whatever_the_window() -> None:
    room = NoticeRoom()
    notice = room.make()
    room.clock.advance(11 * HOUR)  # 20:00, and letters go until 17:00
    room.deliver()
    (received,) = room.mailer.received
    assert received.recipient == INVESTOR.email
    mail = received.mail
    assert (str(mail["From"]), str(mail["To"])) == ("Sago <sago@house.example>", "Ivo Brandt <ivo@fund.example>")
    assert str(mail["Subject"]) == "Orchard: ARR passed the $2M you asked for"
    assert "One-Click" in str(mail["List-Unsubscribe-Post"])
    assert room.state(notice) is MailState.SENT
    room.deliver(HOUR)
    assert len(room.mailer.received) == 1
    assert room.told()


def test_what_is_held_no_more_is_cut_before_it_goes() -> None:
    room = NoticeRoom()
    room.make()
    fold_into(room.database, [each for each in EVENTS if each is not DEAL], POINTS)
    room.deliver()
    (received,) = room.mailer.received
    assert "Kestrel" not in received.mail.as_string()


@pytest.mark.parametrize("why", ["nothing left", "off", "no sender"])
def test_a_cancelled_notice_counts_as_not_told(why: str) -> None:
    room = NoticeRoom(has_sender=why != "no sender")
    notice = room.make()
    with room.database.begin() as tx:
        if why == "nothing left":
            tx.outreach.remove_watch(FIRING.id)
        elif why == "off":
            tx.contacts.save(IVO.model_copy(update={"digest_at": None}))
    room.deliver()
    assert room.mailer.received == []
    assert room.state(notice) is MailState.CANCELLED
    assert room.told() == 0


def test_an_address_that_is_suppressed_meanwhile_gets_none() -> None:
    room = NoticeRoom()
    notice = room.make()
    room.suppressing.suppress(Suppression(email=IVO.email, because="asked", who="x", at=NOW))
    assert (room.state(notice), room.told()) == (MailState.CANCELLED, 0)
    assert room.deliver().mails == []


def test_one_that_was_refused_is_told_the_next_day() -> None:
    room = NoticeRoom()
    notice = room.make()
    room.mailer.answers.append(Posted(Reply.REFUSED, "550 no"))
    room.deliver()
    assert (room.state(notice), room.told()) == (MailState.REFUSED, 0)
    assert room.make(DAY).items == notice.items


def test_one_of_which_nobody_knows_whether_it_arrived_is_not_told_again() -> None:
    room = NoticeRoom()
    notice = room.make()
    room.mailer.answers.append(Posted(Reply.UNKNOWN, "the connection broke"))
    room.deliver()
    assert room.state(notice) is MailState.UNKNOWN
    assert room.told()
    room.clock.advance(DAY)
    assert room.digests.make(room.clock.now()) == []


def test_nothing_leaves_a_house_whose_backup_was_restored() -> None:
    room = NoticeRoom()
    notice = room.make()
    room.may_go = False
    assert "restored" in (room.deliver().problem or "")
    assert (room.state(notice), room.mailer.received) == (MailState.QUEUED, [])
