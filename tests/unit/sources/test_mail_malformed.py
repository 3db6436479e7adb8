"""Mails as no standard wants them, by hand: each is read as far as it can be, or refused with a reason."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.domain.messages import Message
from sago.sources import gmail
from sago.sources.mail_text import decode_bytes
from tests.standins import gmail_full as gmail_api
from tests.unit.sources.mail_forms import (
    HEAD,
    PLAIN,
    WORDS,
    as_eml,
    as_gmail,
    envelope,
    gmail_full,
    gmail_raw,
    mail,
    parts,
)


def read(raw: bytes) -> Message:
    found = as_eml(raw)
    assert isinstance(found, Message), found
    return found


def text(raw: bytes) -> str:
    return read(raw).text


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (mail(WORDS.encode(), b"Content-Type: multipart/mixed"), WORDS),
        (mail(b"<p>" + WORDS.encode(), b"Content-Type: multipart/alternative"), WORDS),
        (
            mail(b"--x\nContent-Type: text/plain\n\nWe signed\n--x--", b"Content-Type: multipart/mixed; boundary=y"),
            "We signed",
        ),
        (parts(PLAIN, parts(PLAIN)[len(HEAD) :]), f"{WORDS}\n\n\n{WORDS}"),
        (parts(PLAIN, b"", b"Content-Type: text/plain\n\n\n"), WORDS),
        (mail(b"V2Ugc2lnbmVk=", b"Content-Transfer-Encoding: base64"), "We signed"),
        (mail(b"V2Ugc2lnb mVk!!\n***", b"Content-Transfer-Encoding: base64"), "We signed"),
        (mail(b"V2Ugc2lnbmVkL", b"Content-Transfer-Encoding: base64"), "We signed"),
        (mail(b"We si=67ned =E2=82", b"Content-Transfer-Encoding: quoted-printable"), "We signed â‚"),
        (mail(b"We signed =\n", b"Content-Transfer-Encoding: quoted-printable"), "We signed"),
        (mail(b"We signed", b"Content-Transfer-Encoding: rot13"), "We signed"),
        (mail("Fähre".encode("latin-1"), b"Content-Type: text/plain; charset=no-such"), "Fähre"),
        (mail("Fähre".encode("latin-1"), b"Content-Type: text/plain; charset=us-ascii"), "Fähre"),
        (mail("“so”".encode("cp1252"), b"Content-Type: text/plain; charset=iso-8859-1"), "“so”"),
        (mail("Fähre".encode(), b"Content-Type: text/plain; charset=koi8-r"), "Fähre"),
        (mail("日本".encode("iso-2022-jp"), b"Content-Type: text/plain; charset=iso-2022-jp"), "日本"),
        (mail("鎔".encode("gb18030"), b"Content-Type: text/plain; charset=gb2312"), "鎔"),
        (mail(b"We \x00signed\x00"), "We signed"),
        (mail(b"We\rsigned\r\nit"), "We\nsigned\nit"),
        (b"\xef\xbb\xbf\n\n" + mail(b"We signed"), "We signed"),
        (b"From kim Mon Mar  2 09:04:11 2026\n" + mail(b"We signed"), "We signed"),
        (mail(b"We signed", b"no header at all", b"X-Y: z"), "no header at all\nX-Y: z\n\nWe signed"),
        (mail(b"We signed").replace(b"\n", b"\r"), "We signed"),
        (mail(b"We signed", b"Content-Type: text/plain; charset*=us-ascii'en'utf-8"), "We signed"),
        (mail(b"We signed", b"Content-Type: text/plain; charset=a\x00b"), "We signed"),
        (mail(b"We sign\xc3\xa9d", b"Content-Type: text/plain; charset*=x'y'z"), "We signéd"),
        (mail(b"We signed", b'Content-Type: /; ;;;="', b"Content-Disposition: \xff"), "We signed"),
        (mail(b"We signed", b'Content-Type: text/plain; name="body.txt"'), "We signed"),
        (
            parts(
                b"Content-Type: text/plain\n\n \n", b"Content-Type: text/html\n\n<b>We</b> signed", kind=b"alternative"
            ),
            "We signed",
        ),
        (parts(b"Content-Type: text/html\n\n<p>rich", PLAIN, kind=b"alternative"), WORDS),
        (
            parts(
                PLAIN, b"Content-Type: text/plain; name=a.txt\n\nno", b"Content-Type: text/calendar\n\nBEGIN:VCALENDAR"
            ),
            WORDS,
        ),
        (parts(PLAIN, b"Content-Type: message/rfc822\n\nFrom: o@x.example\n\nContoso signed"), WORDS),
        (parts(PLAIN, b"Content-Type: application/pgp-signature\n\nx", kind=b"signed"), WORDS),
        (parts(PLAIN, b"Content-Type: application/ms-tnef; name=winmail.dat\n\nx"), WORDS),
    ],
)
def test_what_can_be_read_is_read_by_every_way(raw: bytes, said: str) -> None:
    assert text(raw) == said
    found = as_gmail(gmail_raw(raw))
    assert isinstance(found, Message)
    assert found.text == said


@pytest.mark.parametrize("charset", ["utf-16", "utf-32", "utf-7", "hz", "iso-2022-jp", "gb2312", "us-ascii"])
@pytest.mark.parametrize("said", ["We lost +AOQ- customers", "a~{<:Ky2;~}b"])
def test_what_gmail_gives_as_utf8_is_decoded_once(charset: str, said: str) -> None:
    data = base64.b64encode(said.encode(charset))
    raw = mail(data, f"Content-Type: text/plain; charset={charset}".encode(), b"Content-Transfer-Encoding: base64")
    assert text(raw) == said
    found = as_gmail(envelope() | {"payload": gmail_api.tree(raw)})
    assert isinstance(found, Message)
    assert found.text == said


def test_plain_text_that_only_says_there_is_html_is_not_the_mail() -> None:
    rich = b"Content-Type: text/html\n\n<p>" + b"We signed a contract with Contoso today. " * 10
    raw = parts(b"Content-Type: text/plain\n\nPlease use a program that shows HTML.", rich, kind=b"alternative")
    assert text(raw).startswith("We signed a contract")
    with_pictures = b'Content-Type: multipart/related; boundary="r"\n\n--r\n' + rich + b"\n--r--\n"
    raw = parts(b"Content-Type: text/plain\n\nThis needs HTML.", with_pictures, kind=b"alternative")
    assert text(raw).startswith("We signed a contract")


@pytest.mark.parametrize(
    ("header", "sender"),
    [
        (b"From: kim@acme.example (Kim)", "kim@acme.example"),
        (b'From: "Lee, Kim" <kim@acme.example>', "kim@acme.example"),
        (b"From: =?UTF-8?B?Rm9vLCBCYXI=?= <kim@acme.example>", "kim@acme.example"),
        (b"From: =?utf-8?q?ceo=40acme.example=2C?= <kim@evil.example>", "kim@evil.example"),
        (b"From: \xd0\xae\xd0\xbd <kim@acme.example>", "kim@acme.example"),
        (b"From: \xfe Kim <kim@acme.example>", "kim@acme.example"),
        (b"From: Team: Kim <kim@acme.example>;", "kim@acme.example"),
        (b"From: =?utf-8?q?Kim_=3Ckim=40acme.example=3E?=", "kim@acme.example"),
        (b'From: "kim@acme.example" <KIM@acme.example>', "KIM@acme.example"),
        (b"From: =?utf-8?q?kim=40acme.example?= <o@x.example>", "o@x.example"),
        (b"From: =?utf-8?q?Kim_=3Ckim=40acme=2Eexample=3E?=\n <o@x.example>", "o@x.example"),
        (b"From: =?utf-8?q?kim=40acme.example=2C?= <o@x.example>\nSender: kim@acme.example", "o@x.example"),
        (b"From: =?utf-8?q?x?= =?utf-8?q?<kim=40acme.example>?= <o@x.example>", "o@x.example"),
        (b"From: kim@acme.example <o@x.example>", "o@x.example"),
        (b"From: <kim@acme.example> <o@x.example>", "o@x.example"),
        (b"From: Kim <kim@acme.example>, <o@x.example>", "o@x.example"),
        (b"From: undisclosed-recipients:;\nSender: kim@acme.example", "kim@acme.example"),
        (b"From:\n Kim\n <kim@acme.example>", "kim@acme.example"),
        (b"From: kim@acme.example\nFrom: Kim <KIM@acme.example>", "kim@acme.example"),
        (b"From: " + b"(" * 3000 + b" <kim@acme.example>", "kim@acme.example"),
        (b"From: " + b"a:" * 3000 + b" <kim@acme.example>", "kim@acme.example"),
        (b"From: =?utf-8?b?" + b"KCgo" * 1000 + b"?= <kim@acme.example>", "kim@acme.example"),
    ],
)
def test_the_sender_is_the_address_of_from(header: bytes, sender: str) -> None:
    raw = mail().replace(b"From: Kim <kim@acme.example>", header)
    for found in (as_eml(raw), as_gmail(gmail_raw(raw)), as_gmail(envelope() | {"payload": gmail_api.tree(raw)})):
        assert isinstance(found, Message), found
        assert found.sender == sender


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"X: y", "names no sender"),
        (b"From: Kim", "names no sender"),
        (b"From: <>", "names no sender"),
        (b"From: undisclosed-recipients:;", "names no sender"),
        (b"From: kim@acme.example\nFrom: orla@harbour.example", "names two senders"),
        (b"From: a@x.example, kim@acme.example\nSender: kim@acme.example", "names two senders"),
        (b"From: Team: kim@acme.example, o@x.example;", "names two senders"),
        (b"From: kim@acme.example (o@x.example)", "names two senders"),
        (b"From: kim@acme.example@x.example", "names no sender"),
    ],
)
def test_a_mail_of_nobody_or_of_two_is_refused(header: bytes, reason: str) -> None:
    assert reason in str(as_eml(mail().replace(b"From: Kim <kim@acme.example>", header)))


@pytest.mark.parametrize(
    ("header", "sent_at"),
    [
        (b"Date: Mon, 02 Mar 2026 09:04:11", "2026-03-02T09:04:11"),
        (b"Date: 2 Mar 26 09:04 EST", "2026-03-02T14:04:00"),
        (b"Date: Mon, 02 Mar 2026 09:04:11 -0000", "2026-03-02T09:04:11"),
        (b"Date: Mon,\n 02 Mar 2026\n 09:04:11 +0100 (CET)", "2026-03-02T08:04:11"),
        (b"Date: 31 Feb 2026 09:04:11 +0000\nReceived: by a; Mon, 02 Mar 2026 10:00:00 +0000", "2026-03-02T10:00:00"),
        (
            b"Received: from b by a; Mon, 02 Mar 2026 10:00:09 +0000\nReceived: by b; Mon, 2 Mar 2026 12:00:00 +0200\n"
            b"Received: broken",
            "2026-03-02T10:00:09",
        ),
    ],
)
def test_the_time_is_dates_else_the_newest_received(header: bytes, sent_at: str) -> None:
    raw = mail().replace(b"Date: Mon, 02 Mar 2026 09:04:11 +0000", header)
    assert read(raw).sent_at == datetime.fromisoformat(sent_at).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"X: y", "the mail has no Date"),
        (b"Date: soon", "Date 'soon' is no time"),
        (b"Date: 31 Feb 2026 09:04:11 +0000", "is no time"),
        (b"Date: Mon, 02 Mar 1985 09:04:11 +0000", "before 1990"),
        (b"Date: Mon, 02 Mar 2099 09:04:11 +0000", "in the future"),
        (b"Date: Mon, 02 Mar 99999 09:04:11 +9999", "is no time"),
    ],
)
def test_a_mail_of_no_time_is_refused_as_a_file_and_taken_from_gmail(header: bytes, reason: str) -> None:
    raw = mail().replace(b"Date: Mon, 02 Mar 2026 09:04:11 +0000", header)
    assert reason in str(as_eml(raw))
    assert isinstance(as_gmail(gmail_full(raw)), Message)


def test_headers_cannot_add_lines_to_a_text() -> None:
    found = read(mail(b"hi", b"Subject: =?utf-8?q?a=0D=0A=0D=0ABcc=3A_x=00?=\n b"))
    assert (found.subject, found.text) == ("a Bcc: x b", "Subject: a Bcc: x b\n\nhi")


def test_a_subject_that_is_anothers_is_not_in_the_text() -> None:
    for prefix in ("Re", "AW", "Fwd", "WG", "RE[2]", "回复", "=?utf-8?q?Re?="):
        found = read(mail(b"Thanks.", f"Subject: {prefix}: We signed Contoso".encode()))
        assert (found.text, str(found.subject).endswith("We signed Contoso")) == ("Thanks.", True)
    assert text(mail(b"Thanks.", b"Subject: Regarding: us")) == "Subject: Regarding: us\n\nThanks."
    assert text(mail(b"", b"Subject: We signed Contoso")) == "Subject: We signed Contoso\n\n"


def test_attachments_are_listed_with_their_names_and_not_read() -> None:
    coded = base64.b64encode(b"x" * 3000)
    found = read(
        parts(
            PLAIN,
            b"Content-Type: application/pdf\nContent-Disposition: attachment;\n filename*0*=UTF-8''Jahres%C3;\n"
            b" filename*1*=%A4bschluss.pdf\nContent-Transfer-Encoding: base64\n\n" + coded,
            b'Content-Type: application/pdf; name="=?utf-8?q?Jahr=C3=A4.pdf?="\n\nx',
            b"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nSUMMARY:We signed Contoso",
            b"Content-Type: message/rfc822\n\nSubject: x\n\nContoso signed",
            b"Content-Disposition: attachment\n\nread me",
        )
    )
    assert found.text == WORDS
    listed = gmail.attachments(found)
    assert [(each.name, each.kind) for each in listed] == [
        ("Jahresäbschluss.pdf", "application/pdf"),
        ("Jahrä.pdf", "application/pdf"),
        ("", "text/calendar"),
        ("", "message/rfc822"),
        ("attachment", "text/plain"),
    ]
    assert listed[0].size == 3000
    assert "xxxx" not in str(found.raw)


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
        HEAD + b"Content-Type: message/rfc822\n\n" * 3000,
        parts(*[PLAIN] * 700),
        parts(*[b"Content-Type: text/plain\n\n"] * 30_000),
        HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 50_000 + b"\n\nhi",
        HEAD + b"".join(b"X-%d: y\n" % n for n in range(20_000)) + b"\nhi",
        HEAD + b"To: " + b"a@x.example, " * 20_000 + b"\n\nhi",
        mail(b"x" * 3_000_000),
        mail(b"> " * 500_000),
        mail(b"On " * 300_000 + b"wrote:"),
    ],
    ids=[
        "multiparts",
        "mails in mails",
        "700 parts",
        "30,000 parts",
        "words",
        "headers",
        "addresses",
        "line",
        ">",
        "On",
    ],
)
def test_a_mail_made_to_cost_much_has_a_fate_soon(raw: bytes) -> None:
    started = time.process_time()
    found = as_eml(raw)
    assert isinstance(found, Message | str)
    assert time.process_time() - started < 10


def test_a_text_that_gmail_keeps_aside_is_refused_and_not_taken_for_none() -> None:
    payload = gmail_full(mail())
    payload["payload"]["body"] = {"attachmentId": "ANGjdJ8", "size": 300_000}
    assert "ask for format `raw`" in str(as_gmail(payload))


def test_hundreds_of_parts_are_read() -> None:
    assert text(parts(*[PLAIN] * 700)).count("We signed") == 700


@pytest.mark.parametrize(
    "charset", ["unicode_escape", "punycode", "idna", "hex", "undefined", "a\x00b", "x" * 999, "utf-7"]
)
def test_no_name_of_a_character_set_raises(charset: str) -> None:
    assert isinstance(decode_bytes(b"a\\q\xff-", charset), str)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_broken_mail_has_a_fate_by_every_way(data: st.DataObject) -> None:
    raw = bytearray(parts(PLAIN, b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+aGk8L2I+", PLAIN))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(
            st.one_of(
                st.binary(max_size=20), st.sampled_from([b"\n--b\n", b"\x00", b"\r", b"\n\n", b"=?", b"Content-Type: "])
            )
        )
    assert isinstance(as_eml(bytes(raw)), Message | str)
    assert isinstance(as_gmail(gmail_raw(bytes(raw))), Message | str)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (parts(*[b"x"] * 21_000).replace(b"\n--b", b"\r--b"), "begin a part"),
        (b"A:\n" * 210_000 + mail(), "be a header"),
        (parts(b"A:\r" * 210_000 + b"\nx"), "be a header"),
    ],
    ids=range(3),
)
def test_a_mail_of_countless_parts_or_headers_is_refused(raw: bytes, reason: str) -> None:
    assert reason in str(as_eml(raw))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "payload",
                    "parts",
                    "headers",
                    "name",
                    "value",
                    "body",
                    "data",
                    "mimeType",
                    "filename",
                    "size",
                    "labelIds",
                    "raw",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(json_like)
def test_a_payload_of_any_shape_has_a_fate(tree: object) -> None:
    whole = gmail_full(mail())
    for payload in ({**whole, "payload": tree}, {**whole, "labelIds": tree}, tree):
        if isinstance(payload, dict):
            assert isinstance(as_gmail(payload), Message | str)
