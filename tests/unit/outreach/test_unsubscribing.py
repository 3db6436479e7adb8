"""The link in a mail: what stands in the headers and the foot, who it is good for, and what it does."""

from __future__ import annotations

import re
from email.message import EmailMessage
from uuid import UUID

import pytest

from sago.domain.companies import Person
from sago.domain.letters import LetterState
from sago.domain.mails import MailState, Suppression, new_mail
from sago.errors import UsageError
from sago.outreach.unsubscribing import Links
from sago.stores.eml_drafts import as_mail
from tests.unit.outreach.mailroom import DANA, HOUR, LINKS, MINUTE, NOW, Mailroom, letter, to

MAIL = new_mail("letter", UUID(int=1), DANA, firm_id="default", company_id="scaleflow", now=NOW)


def dressed(links: Links = LINKS) -> EmailMessage:
    return links.dress(as_mail(letter()), MAIL, NOW)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def test_a_mail_says_in_its_headers_and_at_its_foot_how_to_get_no_more() -> None:
    mail, link = dressed(), f"https://sago.example.com/unsubscribe/{LINKS.token(MAIL)}"
    token = LINKS.token(MAIL)
    assert mail["List-Unsubscribe"] == f"<mailto:stop@sago.example.com?subject=unsubscribe%20{token}>, <{link}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert body(mail, "plain").endswith(f"\n\nBest wishes\n\nIf you would rather not get such mails: {link}\n")
    assert f'<a href="{link}"' in body(mail, "html")
    assert body(mail, "html").rstrip().endswith("</html>")
    parsed = mail.as_bytes()
    assert parsed.count(b"List-Unsubscribe:") == 1


def test_a_mail_has_an_id_that_stays_and_the_date_it_goes_and_is_no_draft() -> None:
    first, second = dressed(), LINKS.dress(as_mail(letter()), MAIL, NOW + HOUR)
    assert first["Message-ID"] == second["Message-ID"] == f"<{MAIL.id}@scaleflow.example>"
    assert (first["Date"].datetime, second["Date"].datetime) == (NOW, NOW + HOUR)
    assert first["X-Unsent"] is None
    nameless = as_mail(letter(sender=Person(name="Mira")))
    assert LINKS.dress(nameless, MAIL, NOW)["Message-ID"] == f"<{MAIL.id}@sago.invalid>"


def test_without_a_page_a_mailbox_is_offered_alone() -> None:
    mail = dressed(Links("", b"", "stop@sago.example.com"))
    assert mail["List-Unsubscribe"] == "<mailto:stop@sago.example.com?subject=unsubscribe>"
    assert mail["List-Unsubscribe-Post"] is None, "one click is for a page"
    assert body(mail, "plain").endswith("such mails: mailto:stop@sago.example.com?subject=unsubscribe\n")


def test_with_neither_page_nor_mailbox_a_mail_says_nothing_of_it() -> None:
    mail = dressed(Links("", b""))
    assert mail["List-Unsubscribe"] is None
    assert "rather not" not in body(mail, "plain") + body(mail, "html")
    assert body(mail, "plain") == body(as_mail(letter()), "plain")


def test_a_link_is_good_for_its_own_mail_alone_and_holds_no_address() -> None:
    room = Mailroom()
    with room.database.begin() as tx:
        tx.mails.add(MAIL)
        other = MAIL.model_copy(update={"id": UUID(int=2), "ref": UUID(int=2)})
        tx.mails.add(other)
        token = LINKS.token(MAIL)
        assert LINKS.mail_of(tx, token) == MAIL
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
        own_id_anothers_tag = LINKS.token(other)[:21] + token[21:]
        wrong = ["", "x", "é" * 43, token[:-1], token + "A", token[:-2] + "AA", token.lower(), own_id_anothers_tag]
        wrong.append(Links(LINKS.url, b"another secret").token(MAIL))
        wrong.append(LINKS.token(MAIL.model_copy(update={"id": UUID(int=9)})))
        wrong.append(LINKS.token(MAIL.model_copy(update={"recipient": Person(name="E", email="eve@x.example")})))
        assert [each for each in wrong if LINKS.mail_of(tx, each)] == []


def test_who_unsubscribes_gets_nothing_more_and_what_waits_is_cancelled() -> None:
    sent, waiting, other = letter("a"), letter("b"), to(1)
    room = Mailroom(sent, waiting, other)
    room.deliver()
    waits = sent if room.letter(sent) is LetterState.QUEUED else waiting
    gone = waiting if waits is sent else sent
    token = LINKS.token(room.mail(gone))
    assert room.suppressing.is_known(token)
    for _ in range(2):
        assert room.suppressing.unsubscribe(token, room.clock.now())
    assert room.states(waits) == (MailState.CANCELLED, LetterState.REJECTED)
    assert room.states(gone) == (MailState.SENT, LetterState.SENT)
    with room.database.begin() as tx:
        (word,) = tx.contacts.suppressions()
    assert (word.email, word.who) == (DANA.email, "reader")
    assert not room.suppressing.unsubscribe("nonsense", room.clock.now())


def test_a_claim_that_has_not_begun_is_cancelled_too() -> None:
    one = letter()
    room = Mailroom(one, now=NOW + 8 * HOUR)
    room.deliver()
    room.change(one, lambda mail: mail.claimed(room.clock.now() + HOUR))
    claimed = room.mail(one)
    room.suppressing.suppress(Suppression(email=DANA.email or "", because="asked", who="ana", at=room.clock.now()))
    assert room.states(one) == (MailState.CANCELLED, LetterState.REJECTED)
    with room.database.begin() as tx:
        assert not tx.mails.replace(claimed, claimed.sending(room.clock.now(), room.clock.now() + HOUR))


def test_mail_may_come_again_after_a_persons_word() -> None:
    room = Mailroom()
    room.suppressing.suppress(Suppression(email="Dana@Northgate.example", because="550", who="sago", at=NOW))
    room.suppressing.unsuppress("dana@northgate.example", NOW, "cli:ana", "a mistake")
    with pytest.raises(UsageError, match="is not suppressed"):
        room.suppressing.unsuppress("dana@northgate.example", NOW, "cli:ana", "a mistake")


def test_a_queued_letter_can_be_recalled_and_no_other() -> None:
    queued, sent, draft = to(1), to(2), to(3, state=LetterState.DRAFT)
    room = Mailroom(queued, sent, draft, now=NOW + 8 * HOUR)
    room.deliver()
    recalled = room.suppressing.recall(queued.id, room.clock.now(), "cli:ana", "she called")
    assert recalled.state is MailState.CANCELLED
    assert room.letter(queued) is LetterState.DRAFT
    room.deliver(16 * HOUR - MINUTE)
    assert [each.recipient for each in room.mailer.received] == ["p2@x2.example"]
    for one, why in ((sent, "its mail is sent"), (draft, "it has no mail yet"), (queued, "its mail is cancelled")):
        with pytest.raises(UsageError, match=why):
            room.suppressing.recall(one.id, room.clock.now(), "cli:ana", "too late")
