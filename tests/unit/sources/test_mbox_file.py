"""The variants of mbox, whole and broken; Google Takeout's."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sago.domain.messages import Message
from sago.sources import gmail, mail_file, mbox_file
from sago.sources.files import read_path
from sago.sources.rows import BadRow
from tests.unit.sources.mail_forms import NOW

FROM = b"From kim@acme.example Mon Mar  2 09:04:11 2026\n"


def mail(number: int, body: bytes, *headers: bytes) -> bytes:
    return (
        b"From: Kim <kim@acme.example>\nDate: Mon, 02 Mar 2026 09:04:11 +0000\nMessage-ID: <%d@x>\n" % number
        + b"".join(line + b"\n" for line in headers)
        + b"\n"
        + body
    )


def rows(folder: Path, content: bytes, ignored: Counter[str] | None = None) -> list[Message | BadRow]:
    path = folder / "a.mbox"
    path.write_bytes(content)
    return list(read_path(path, company_id="acme", mapping={}, now=NOW, ignored=ignored))


def texts(folder: Path, content: bytes) -> list[str]:
    return [row.text if isinstance(row, Message) else row.reason for row in rows(folder, content)]


def test_quoted_from_lines_are_the_senders_again(tmp_path: Path) -> None:
    body = b">From May on we are in Berlin.\n\n>>From May on?\n\nyes\n"
    assert texts(tmp_path, FROM + mail(1, body) + b"\n" + FROM + mail(2, b"two\n")) == [
        "From May on we are in Berlin.\n\n\nyes",
        "two",
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"From May on we are in Berlin.",
        b"From our talk on 3 March 2026 at 10:30 we took much.",
        b"From: is what the line begins with",
        b"From here on it is ours: x",
    ],
)
def test_a_line_of_the_body_that_begins_with_from_ends_no_mail(tmp_path: Path, line: bytes) -> None:
    found = texts(tmp_path, FROM + mail(1, b"Hi,\n\n" + line + b"\nKim: yes\n") + b"\n" + FROM + mail(2, b"two"))
    assert found == [f"Hi,\n\n{line.decode()}\nKim: yes", "two"]


@pytest.mark.parametrize(
    "separator",
    [
        FROM,
        b"From - Mon Mar  2 09:04:11 2026\r\n",
        b"From 1583930843871398761@xxx Mon Mar 02 09:04:11 +0000 2026\n",
        b"From MAILER-DAEMON Mon Mar  2 09:04:11 2026\n",
        b"From kim@acme.example\n",
        b"From kim@acme.example  Mon, 2 Mar 2026 09:04:11 +0000\n",
    ],
)
def test_every_programs_first_line_is_known(tmp_path: Path, separator: bytes) -> None:
    content = separator + mail(1, b"one\n") + b"\n" + separator + mail(2, b"two\n")
    assert texts(tmp_path, content) == ["one", "two"]
    assert texts(tmp_path, content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) == ["one", "two"]


def test_mails_without_a_blank_line_between_are_two(tmp_path: Path) -> None:
    assert texts(tmp_path, FROM + mail(1, b"one\n") + FROM + mail(2, b"two")) == ["one", "two"]


def test_a_content_length_that_is_true_counts(tmp_path: Path) -> None:
    body = b"As you wrote:\n\n" + FROM + b"X: y\n\n>From me, quoted of another\n"
    length = b"Content-Length: %d" % len(body)
    assert texts(tmp_path, FROM + mail(1, body, length) + b"\n" + FROM + mail(2, b"two")) == [
        "As you wrote:\n\nFrom kim@acme.example Mon Mar  2 09:04:11 2026\nX: y",
        "two",
    ]
    assert texts(tmp_path, FROM + mail(1, b">From May on.\n", b"Content-Length: 14")) == ["From May on."]


@pytest.mark.parametrize("length", [b"0", b"3", b"99999", b"9999999999", b"-5", b"x"])
def test_a_content_length_that_is_wrong_is_not_followed(tmp_path: Path, length: bytes) -> None:
    content = FROM + mail(1, b"one and more\n", b"Content-Length: " + length) + b"\n" + FROM + mail(2, b"two")
    assert texts(tmp_path, content) == ["one and more", "two"]


def test_a_last_mail_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    part = b"--b\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nV2Ugc2lnbmVkIHRoaXMgbW9ybm"
    content = FROM + mail(1, b"one\n") + b"\n" + FROM + mail(2, part, b"Content-Type: multipart/mixed; boundary=b")
    assert texts(tmp_path, content) == ["one", "We signed this morn"]
    assert texts(tmp_path, FROM + mail(1, b"one\n") + b"\n" + FROM) == ["one", "the mail has no Date"]
    assert texts(tmp_path, FROM + mail(1, b"one\n") + b"\n" + FROM + b"From: ki") == ["one", "the mail has no Date"]


def test_takeouts_labels_leave_out_what_is_no_mail_and_its_number_is_the_thread(tmp_path: Path) -> None:
    labels = [
        b"Inbox,Opened",
        b"Drafts",
        b"Spam,Unread",
        b"Trash",
        b"Chat",
        b"=?UTF-8?Q?Entw=C3=BCrfe?=",
        b'Sent,"My, own"',
    ]
    content = b"".join(
        b"From 158393084387139876%d@xxx Mon Mar 02 09:04:11 +0000 2026\nX-GM-THRID: 1583930843871398761\n" % n
        + b"X-Gmail-Labels: "
        + label
        + b"\n"
        + mail(n, b"We signed.\n")
        + b"\n"
        for n, label in enumerate(labels)
    )
    ignored: Counter[str] = Counter()
    taken = rows(tmp_path, content, ignored)
    assert [row.id for row in taken if isinstance(row, Message)] == ["gmail:0@x", "gmail:6@x"]
    assert ignored == {"a draft": 2, "in spam": 1, "in the bin": 1, "a chat": 1}
    assert {row.thread_id for row in taken if isinstance(row, Message)} == {"15fb40b5e1bd4b69"}


def test_a_mail_over_the_limit_is_refused_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_file, "LIMIT", 1024 * 1024)
    content = FROM + mail(1, b"x" * 70 * 1024 + b"\n" + b"line\n" * 300_000) + b"\n" + FROM + mail(2, b"two")
    assert texts(tmp_path, content) == ["the mail is over 1 MB", "two"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The whole measure, on 500 MB, stands in docs/sources.md."""
    path = tmp_path / "a.mbox"
    with path.open("wb") as file:
        for number in range(100):
            file.write(FROM + mail(number, b"We signed.\n" + b"> and so on and so on and so on\n" * 2000) + b"\n")
    assert path.stat().st_size > 5_000_000
    tracemalloc.start()
    count = sum(1 for _ in read_path(path, company_id="acme", mapping={}, now=NOW))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, mbox_file.count(path)) == (100, 100)
    assert peak < 2_500_000


def test_a_mail_that_breaks_its_reader_is_a_bad_row_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = gmail.read

    def breaking(payload: dict[str, Any], company_id: str) -> Message | str:
        if payload["id"] == "2@x":
            raise KeyError("two")
        return whole(payload, company_id)

    monkeypatch.setattr(gmail, "read", breaking)
    content = b"\n".join(FROM + mail(number, b"two\n" if number == 2 else b"one\n") for number in (1, 2, 3))
    assert texts(tmp_path, content) == ["one", "cannot be read, an error on our side: KeyError", "one"]
    assert "'two'" not in caplog.text
