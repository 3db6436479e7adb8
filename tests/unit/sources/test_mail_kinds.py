"""Mails that are left out on purpose, each with its reason, and those that look like them and are read."""

from __future__ import annotations

import pytest

from sago.domain.messages import Message
from tests.unit.sources.mail_forms import PLAIN, Fate, as_eml, as_gmail, gmail_full, gmail_raw, mail, parts

FAILED = b"Authentication-Results: mx.google.com;\n spf=pass (google.com: x) smtp.mailfrom=eve@evil.example;\n"
FAILED += b" dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=acme.example"
PASSED = FAILED.replace(b"dmarc=fail", b"dmarc=pass")


def reason_of(fate: Fate) -> str:
    assert isinstance(fate, str), fate
    return fate.partition(": ")[2]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail(b"We signed", FAILED, PASSED), "not from whom it says: DMARC failed"),
        (mail(b"away", b"Auto-Submitted: auto-replied"), "an automatic mail"),
        (mail(b"away", b"Auto-Submitted: auto-generated; x=y"), "an automatic mail"),
        (mail(b"away", b"Subject: Automatic reply: us"), "an automatic mail"),
        (mail(b"away", b"Subject: =?utf-8?q?Abwesenheitsnotiz?="), "an automatic mail"),
        (mail(b"away", b"X-Autoreply: yes"), "an automatic mail"),
        (mail(b"away", b"Precedence: auto_reply"), "an automatic mail"),
        (mail(b"BEGIN:VCALENDAR", b"Content-Type: text/calendar; method=REPLY"), "an automatic mail"),
        (mail(b"news", b"Precedence: bulk", b"List-Id: <n.x.example>"), "a newsletter"),
        (mail(b"news", b"List-Unsubscribe: <https://x.example>"), "a newsletter"),
        (mail(b"news", b"List-Id: <n.x.example>", b"List-Post: NO"), "a newsletter"),
        (parts(PLAIN, b"Content-Type: message/delivery-status\n\nAction: failed", kind=b"report"), "a delivery report"),
        (mail(b"x", b"X-Failed-Recipients: a@x.example"), "a delivery report"),
        (mail(b"x", b"Subject: Undeliverable: x").replace(b"kim@", b"postmaster@"), "a delivery report"),
        (parts(b"Content-Type: application/pgp-encrypted\n\nVersion: 1", kind=b"encrypted"), "encrypted"),
        (mail(b"x", b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m"), "encrypted"),
        (mail(b"-----BEGIN PGP MESSAGE-----\n\nhQ\n-----END PGP MESSAGE-----"), "encrypted"),
        (mail(b"---------- Forwarded message ---------\nFrom: o@x.example\n\nno", b"Subject: Fwd: x"), "forwarded"),
        (parts(b"Content-Type: message/rfc822\n\nSubject: x\n\nContoso signed"), "forwarded"),
        (mail(b"> We signed.", b"Subject: Re: x"), "nothing but what others wrote"),
        (mail(b" \n"), "no words"),
        (mail(b"-- \nKim", b"Subject: Re: x"), "no words"),
    ],
)
def test_what_is_left_out_on_purpose_has_its_reason(raw: bytes, reason: str) -> None:
    for found in (as_eml(raw), as_gmail(gmail_full(raw)), as_gmail(gmail_raw(raw))):
        assert reason_of(found).startswith(reason)
        assert str(found).startswith("ignored: ")


@pytest.mark.parametrize("headers", [(), (PASSED, FAILED), (FAILED.replace(b"mx.google.com", b"mx.x.example"), FAILED)])
def test_only_what_gmail_found_itself_is_not_the_senders_word(headers: tuple[bytes, ...]) -> None:
    raw = mail(b"We signed", *headers)
    for found in (as_eml(raw), as_gmail(gmail_full(raw)), as_gmail(gmail_raw(raw))):
        assert isinstance(found, Message), found


def test_a_list_that_people_write_to_is_peoples_words() -> None:
    raw = mail(b"We signed", b"List-Id: <us.acme.example>", b"List-Post: <mailto:us@acme.example>", b"Precedence: list")
    found = as_eml(raw)
    assert isinstance(found, Message)
    assert found.text == "We signed"


@pytest.mark.parametrize(
    "subject",
    ["Automated response is live for 3 customers", "Out of office space: we move", "I: MRR fell", "R: 3 of 4"],
)
def test_a_subject_that_begins_like_a_machines_or_a_forwards_is_the_senders(subject: str) -> None:
    found = as_eml(mail(b"We signed", b"Subject: " + subject.encode()))
    assert isinstance(found, Message)
    assert found.text == f"Subject: {subject}\n\nWe signed"


@pytest.mark.parametrize(
    "raw",
    [
        mail(b"We signed", b"Subject: I: MRR fell", b"References: <1@x.example>"),
        mail(b"We signed\n\n---------- Forwarded message ---------\nFrom: o@x.example\n\nno", b"Subject: I: MRR"),
    ],
)
def test_the_subject_of_an_italian_forward_is_anothers(raw: bytes) -> None:
    found = as_eml(raw)
    assert isinstance(found, Message)
    assert found.text == "We signed"


@pytest.mark.parametrize("subject", ["Out of Office", "Out of Office AutoReply: x", "Auto-Antwort: x"])
def test_the_usual_form_of_a_machines_subject_leaves_a_mail_out(subject: str) -> None:
    assert as_eml(mail(b"away", b"Subject: " + subject.encode())) == "ignored: an automatic mail"


@pytest.mark.parametrize(("label", "reason"), [("DRAFT", "a draft"), ("SPAM", "in spam"), ("TRASH", "in the bin")])
def test_gmails_labels_of_what_is_no_mail_leave_it_out(label: str, reason: str) -> None:
    assert as_gmail(gmail_full(mail()) | {"labelIds": [label, "INBOX"]}) == f"ignored: {reason}"
    assert isinstance(as_gmail(gmail_full(mail()) | {"labelIds": ["SENT", 7]}), Message)


@pytest.mark.parametrize(
    "raw",
    [
        mail(b"x", b"Content-Type: application/ms-tnef; name=winmail.dat"),
        mail(b"x", b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"),
    ],
)
def test_a_text_that_lies_in_what_is_not_opened_is_refused(raw: bytes) -> None:
    assert "not opened" in str(as_eml(raw))
    assert str(as_eml(raw)).startswith("refused")
