"""CSV files as people have them: renamed, broken, huge."""

import hashlib
import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.messages import Message
from sago.errors import EmptyInputError, UsageError
from sago.sources.csv_file import _records
from sago.sources.files import BadRow, count_rows, read_path

NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
HEADER = "id,is_chat,chat_sender,email_sender,timestamp,content,company_id,thread_id\n"
GOOD = "a1,true,orla,,2026-03-02T09:00:00Z,good morning,,\n"


def read(tmp_path: Path, body: str | bytes, header: str = HEADER, **mapping: str) -> list[Message | BadRow]:
    path = tmp_path / "in.csv"
    path.write_bytes(header.encode() + (body if isinstance(body, bytes) else body.encode("utf-8")))
    return list(read_path(path, company_id="harbour", mapping=mapping, now=NOW))


def only(rows: list[Message | BadRow]) -> Message | BadRow:
    assert len(rows) == 1
    return rows[0]


def test_a_chat_and_a_mail(tmp_path: Path) -> None:
    mail = 'b2,no,,orla@x.example,1772442251,"Subject: Boats\n\nTwo, ""now""",quay,t7\n'
    chat, letter = read(tmp_path, GOOD + mail)
    assert isinstance(chat, Message)
    assert (chat.id, chat.sender, chat.company_id, chat.text) == ("slack:a1", "orla", "harbour", "good morning")
    assert isinstance(letter, Message)
    assert (letter.id, letter.company_id, letter.thread_id) == ("gmail:b2", "quay", "t7")
    assert (letter.subject, letter.text) == ("Boats", 'Subject: Boats\n\nTwo, "now"')
    assert letter.sent_at == datetime(2026, 3, 2, 9, 4, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a1,true,orla,,someday,hi,,\n", "timestamp 'someday' is no time"),
        ("a1,true,orla,,,hi,,\n", "timestamp is empty"),
        ("a1,true,orla,,2031-01-01,hi,,\n", "in the future"),
        ("a1,true,orla,,1970-01-05,hi,,\n", "before 1990"),
        ("a1,true,orla,,2026-03-02,  ,,\n", "text is empty"),
        ("a1,perhaps,orla,,2026-03-02,hi,,\n", "is_chat is 'perhaps'"),
        ("a1,true,orla,,2026-03-02,hi,Not Ours!,\n", "company_id"),
        (",true,orla,,2026-03-02,hi,,\n", "id is empty"),
        ("a1,true,orla\n", "3 columns where the header has 8"),
        ("a1,true,orla,,2026-03-02,a\x00b,,\n", "NUL"),
        (f"a1,true,orla,,2026-03-02,{'x' * 1_000_000},,\n", "text is over 256 kB"),
        (f"a1,true,orla,,2026-03-02,{'x' * 9_000_000},,\n", "field larger"),
        ("a1,true,orla,,2026-03-02," + "\x01" * 250_000 + ",,\n", "value is over 900 kB"),
        ('a1,true,orla,,2026-03-02,"never closed,,\n', "a quote is never closed"),
        ('a1,true,orla,,2026-03-02,"closed" early,,\n', "not CSV"),
    ],
)
def test_a_bad_row_says_why_and_the_rest_runs(tmp_path: Path, row: str, reason: str) -> None:
    bad, good = read(tmp_path, row + GOOD.replace("a1", "a2"))
    assert isinstance(bad, BadRow)
    assert reason in bad.reason
    assert bad.line == 2
    assert bad.value.decode() == row
    assert isinstance(good, Message)


def test_invalid_utf8_costs_one_row(tmp_path: Path) -> None:
    row = b"a2,true,orla,,2026-03-02,caf\xe9,,\n"
    first, bad, last = read(tmp_path, GOOD.encode() + row + GOOD.replace("a1", "a3").encode())
    assert isinstance(first, Message)
    assert isinstance(bad, BadRow)
    assert isinstance(last, Message)
    assert bad.value == row
    assert (bad.reason.split(";")[0], bad.topic) == ("invalid UTF-8 (byte 29 of the row)", "slack-messages")
    assert bad.origin == hashlib.sha256((tmp_path / "in.csv").read_bytes()).hexdigest() + ":3"


def test_lines_are_counted_through_quoted_ones(tmp_path: Path) -> None:
    rows = read(tmp_path, 'a1,true,o,,2026-03-02,"one\ntwo\nthree",,\n\na2,true,o,,never,hi,,\n')
    assert isinstance(rows[0], Message)
    assert isinstance(rows[1], BadRow)
    assert rows[1].line == 6


def test_the_same_id_twice(tmp_path: Path) -> None:
    same, again, other, elsewhere = read(
        tmp_path,
        GOOD + GOOD + GOOD.replace("morning", "night") + GOOD.replace("night,,", "").replace(",,\n", ",quay,\n"),
    )
    assert isinstance(same, Message)
    assert same == again
    assert isinstance(other, BadRow)
    assert other.reason == "same id, other content as line 2"
    assert isinstance(elsewhere, Message)


@pytest.mark.parametrize("value", ["TRUE", "1", "Yes", "y"])
def test_a_long_field_and_the_ways_to_say_yes(tmp_path: Path, value: str) -> None:
    row = only(read(tmp_path, f"a1,{value},o,,2026-03-02,{'x' * 200_000},,\n"))
    assert isinstance(row, Message)
    assert len(row.text) == 200_000


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-03-02T09:04:11Z",
        "2026-03-02 09:04:11",
        "2026-03-02T10:04:11+01:00",
        "1772442251",
        "1772442251000",
        "1772442251.0",
        "2026-03-02 09:04:11 UTC",
        "20260302T090411Z",
    ],
)
def test_times_as_people_write_them(tmp_path: Path, stamp: str) -> None:
    row = only(read(tmp_path, f"a1,true,o,,{stamp},hi,,\n"))
    assert isinstance(row, Message)
    assert row.sent_at == datetime(2026, 3, 2, 9, 4, 11, tzinfo=UTC)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_a_byte_order_mark_and_capitals(tmp_path: Path, delimiter: str) -> None:
    header = "\ufeff" + HEADER.upper().replace(",", delimiter)
    row = only(read(tmp_path, GOOD.replace(",", delimiter), header))
    assert isinstance(row, Message)


def test_columns_are_renamed(tmp_path: Path) -> None:
    header = "id,is_chat,chat_sender,email_sender,When,Body text\n"
    row = only(read(tmp_path, GOOD.replace(",,\n", "\n"), header, timestamp="when", content="Body text"))
    assert isinstance(row, Message)
    assert row.text == "good morning"


def test_a_missing_column_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, GOOD, "id,is_chat,chat_sender,email_sender,timestamp,Contents,x,y\n")
    assert "no column content; found id, is_chat" in str(caught.value)
    assert "--map content=Contents" in str(caught.value)


@pytest.mark.parametrize(
    ("mapping", "said"), [({"text": "content"}, "no column of ours"), ({"content": "Body"}, "names the column 'Body'")]
)
def test_a_wrong_map_is_said(tmp_path: Path, mapping: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(tmp_path, GOOD, **mapping)


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    for below in ("", "\n \n"):
        with pytest.raises(EmptyInputError, match=": no rows below the header"):
            read(tmp_path, below)


def test_bytes_that_are_no_header_are_not_offered_as_column_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 1 is no header of a CSV in UTF-8") as caught:
        read(tmp_path, "1,2\n", header="\x00\x01,\x02\n")
    assert str(caught.value).isprintable()


def test_utf16_is_said(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes((HEADER + GOOD).encode("utf-16"))
    with pytest.raises(UsageError, match="UTF-16"):
        read_path(path, company_id="harbour", mapping={}, now=NOW)


@given(st.lists(st.sampled_from(['"', ",", "\n", "a", 'b"', "\r\n"]), max_size=40))
def test_every_line_is_in_exactly_one_row(parts: list[str]) -> None:
    text = "".join(parts)
    lines = text.splitlines(keepends=True)
    records = list(_records(lines, ","))
    assert "".join(record.original for record in records).replace("\n", "").replace("\r", "") == text.replace(
        "\n", ""
    ).replace("\r", "")
    for record, after in itertools.pairwise(records):
        assert record.line < after.line


def test_counting_is_near(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    row = 'a1,true,o,,2026-03-02,"one\ntwo",,\n'
    path.write_text(HEADER + row * 3000, encoding="utf-8")
    assert count_rows(path) == 3000
    path.write_text(HEADER + row * 200_000, encoding="utf-8")
    assert abs(count_rows(path) - 200_000) < 2000


def test_rows_come_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(HEADER + GOOD + "broken\n" * 100_000, encoding="utf-8")
    assert isinstance(next(read_path(path, company_id="harbour", mapping={}, now=NOW)), Message)
