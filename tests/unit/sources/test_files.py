"""Which kind a path is; mails and Slack exports, whole and broken."""

import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sago.domain.messages import Message
from sago.errors import UsageError
from sago.sources.conversations import conversation_of
from sago.sources.files import BadRow, Kind, count_rows, describe, read_path
from sago.sources.registry import READERS, reader

DATA = Path(__file__).parents[2] / "data"
NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)


def read(path: Path) -> list[Message | BadRow]:
    return list(read_path(path, company_id="harbour", mapping={}, now=NOW))


def export(path: Path, **days: object) -> Path:
    users = [{"id": "U1", "name": "orla", "profile": {"display_name": "", "real_name": "Orla Byrne"}}]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.json", json.dumps(users))
        archive.writestr("channels.json", json.dumps([{"id": "C7", "name": "docks"}]))
        for day, messages in days.items():
            body = messages if isinstance(messages, str) else json.dumps(messages)
            archive.writestr(f"docks/2026-03-{day[1:]}.json", body)
    return path


def said(text: str, **more: object) -> dict[str, object]:
    return {"type": "message", "user": "U1", "text": text, "ts": "1772442251.000200", **more}


def test_an_export_says_which_conversations_are_direct(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    lists = {"channels": ("C7", "docks"), "mpims": ("C8", "mpdm-orla--jiri-1"), "dms": ("D9", None)}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("users.json", "[]")
        for name, (channel, called) in lists.items():
            archive.writestr(f"{name}.json", json.dumps([{"id": channel} | ({"name": called} if called else {})]))
            archive.writestr(f"{called or channel}/2026-03-02.json", json.dumps([said(name)]))
    found = {row.text: conversation_of(row) for row in read(path) if isinstance(row, Message)}
    direct = {name: (place.channel, place.is_direct) for name, place in found.items()}
    assert direct == {"channels": ("C7", False), "mpims": ("C8", True), "dms": ("D9", True)}


def test_every_kind_has_a_reader() -> None:
    assert set(READERS) == set(Kind)
    for kind in Kind:
        assert callable(reader(kind).read)
        assert callable(reader(kind).count)


@pytest.mark.parametrize("name", ["in.csv", "in.mbox", "in.eml", "in.zip"])
def test_an_empty_file_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match="is empty"):
        describe(tmp_path / name)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "in.pdf").write_bytes(b"%PDF-1.7")
    for path, reason in (
        (tmp_path / "no.csv", "no such file"),
        (tmp_path / "in.pdf", "cannot tell"),
        (tmp_path, "eml"),
    ):
        with pytest.raises(UsageError, match=reason):
            describe(path)


def test_an_mbox(tmp_path: Path) -> None:
    first, second, clockless, bare = read(DATA / "harbour.mbox")
    assert isinstance(first, Message)
    assert first.id == "gmail:one@harbour.example"
    assert first.text.startswith("Subject: Ferry timetable\n\nThe morning boat leaves at seven.")
    assert isinstance(second, Message)
    assert (second.thread_id, second.sender) == ("one@harbour.example", "jiri@harbour.example")
    assert (second.subject, second.text) == ("Re: Ferry timetable café", "Two boats, one café")
    assert second.sent_at == datetime(2026, 3, 2, 9, 4, 11, tzinfo=UTC)
    assert first.thread_id == second.thread_id
    assert isinstance(clockless, BadRow)
    assert (clockless.line, clockless.reason, clockless.topic) == (3, "the mail has no Date", "gmail-messages")
    assert isinstance(bare, BadRow)
    assert bare.reason == "the mail names no sender: there is no address in From or Sender"
    assert str(bare.message_id).startswith("gmail:sha256-")
    assert count_rows(DATA / "harbour.mbox") == 4


def test_a_file_that_is_no_mbox(tmp_path: Path) -> None:
    (tmp_path / "in.mbox").write_text("hello")
    with pytest.raises(UsageError, match="not an mbox"):
        read(tmp_path / "in.mbox")


def test_mails_in_a_folder(tmp_path: Path) -> None:
    mail = (
        b"From: o@x.example\r\nDate: Mon, 02 Mar 2026 09:04:11 +0000\r\nSubject: s\r\nMessage-ID: <%d@x>\r\n\r\nhi\r\n"
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.eml").write_bytes(mail % 2)
    (tmp_path / "sub" / "a.eml").write_bytes(mail % 1)
    (tmp_path / "odd.eml").write_bytes(os.urandom(0) + b"\xff\xfe\x00 not a mail")
    rows = read(tmp_path)
    assert [row.id for row in rows if isinstance(row, Message)] == ["gmail:2@x", "gmail:1@x"]
    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["the mail has no Date"]
    assert rows[0].text == "Subject: s\n\nhi" if isinstance(rows[0], Message) else False
    assert describe(tmp_path / "b.eml") is Kind.EML
    assert count_rows(tmp_path) == 3


def test_an_export(tmp_path: Path) -> None:
    path = export(
        tmp_path / "export.zip",
        d03=[said("second", thread_ts="1772442251.000200"), said("joined", subtype="channel_join")],
        d02=[said("first &amp; best", edited={"user": "U1", "ts": "1772442260.000000"}), said("", files=[{}]), 7],
        d01=[said("half a sign \ud83d")],
        d04=[said("from ahead", ts="1972442251.000200")],
        d05="[{",
        d06={"not": "a list"},
    )
    half, first, odd, second, ahead, broken, no_list = read(path)
    assert isinstance(half, BadRow)
    assert "lone surrogate" in half.reason
    assert isinstance(first, Message)
    assert (first.id, first.sender) == ("slack:C7:1772442251.000200", "Orla Byrne")
    assert (first.text, first.version) == ("first & best", 1_772_442_260_000_000)
    assert isinstance(second, Message)
    assert second.thread_id == "1772442251.000200"
    reasons = [row.reason for row in (odd, ahead, broken, no_list) if isinstance(row, BadRow)]
    assert len(reasons) == 4
    for reason, part in zip(reasons, ("JSON object", "in the future", "not JSON", "must be a list"), strict=True):
        assert part in reason
    assert len({row.origin for row in (odd, ahead, broken, no_list) if isinstance(row, BadRow)}) == 4


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = export(tmp_path / "export.zip", d02=" " * 30_000_000 + "[]", d03=[said("hello")])
    bomb, fine = read(path)
    assert isinstance(bomb, BadRow)
    assert "unpacks to 30000002 bytes" in bomb.reason
    assert isinstance(fine, Message)


def test_a_zip_that_is_no_export(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("../../users.json", "[]")
        archive.writestr("holiday.jpg", "x")
    with pytest.raises(UsageError, match="not a Slack export"):
        read(tmp_path / "in.zip")
    (tmp_path / "in.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UsageError, match="not a readable zip"):
        read(tmp_path / "in.zip")


def test_columns_are_renamed_in_a_csv_only() -> None:
    with pytest.raises(UsageError, match="--map renames the columns of a CSV"):
        read_path(DATA / "harbour.mbox", company_id="harbour", mapping={"content": "Body"}, now=NOW)
