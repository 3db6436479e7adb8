"""Mails that nobody of this project wrote, by every way a mail comes in: each is taken, left out or refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sago.domain.messages import Message
from sago.sources.rows import BadRow
from tests.unit.sources.mail_forms import Fate, as_eml, as_gmail, as_mbox, gmail_full, gmail_raw

DATE, SENDER = b"Date: Mon, 02 Mar 2026 09:04:11 +0000\n", b"From: Kim <kim@acme.example>\n"
OUTLOOK_FILE = "mail_outlook_1"
NO_DATE, NO_SENDER = "the mail has no Date", "the mail names no sender: there is no address in From or Sender"
NO_MAIL = "an Outlook .msg, which is no mail as it was sent: save it as .eml"
SOURCES = Path(__file__).parents[3] / "docs" / "sources.md"


def fates_told(heading: str) -> dict[str, int]:
    """The counts that docs/sources.md tells under a heading."""
    part = SOURCES.read_text(encoding="utf-8").split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {fate: int(count) for fate, count in rows if count.isdigit()}


AS_FILES = fates_told("Mails of others, as files")
BY_GMAIL = fates_told("Mails of others, from Gmail")
WITH_HEAD = fates_told("Mails of others, by whatever way")


@pytest.fixture(scope="module")
def corpus(shared: Path) -> dict[str, bytes]:
    folder = shared / "data" / "real" / "email"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def whole(corpus: dict[str, bytes]) -> dict[str, bytes]:
    """Each with a time and a sender."""
    dated = {name: DATE + raw if told(as_eml(raw)) == (f"refused: {NO_DATE}",) else raw for name, raw in corpus.items()}
    return {
        name: SENDER + raw if told(as_eml(raw)) == (f"refused: {NO_SENDER}",) else raw for name, raw in dated.items()
    }


def kind(fate: Fate) -> str:
    return "taken" if isinstance(fate, Message) else fate


def told(fate: Fate) -> tuple[str, ...]:
    """What must be the same by every way; the sender's time is the file's or Gmail's."""
    return (fate.sender, str(fate.subject), fate.text) if isinstance(fate, Message) else (fate,)


def test_every_mail_as_a_file_has_a_fate(corpus: dict[str, bytes]) -> None:
    assert Counter(kind(as_eml(raw)) for raw in corpus.values()) == AS_FILES


def test_every_mail_in_gmails_raw_format_has_a_fate(corpus: dict[str, bytes]) -> None:
    assert Counter(kind(as_gmail(gmail_raw(raw))) for raw in corpus.values()) == BY_GMAIL


def test_every_mail_in_one_mbox_has_the_fate_it_has_alone(corpus: dict[str, bytes], tmp_path: Path) -> None:
    rows, ignored = as_mbox(corpus.values(), tmp_path / "all.mbox")
    fates = Counter(f"refused: {row.reason}" if isinstance(row, BadRow) else "taken" for row in rows)
    assert fates + Counter({f"ignored: {reason}": count for reason, count in ignored.items()}) == AS_FILES
    alone = [fate.text for raw in corpus.values() if isinstance(fate := as_eml(raw), Message)]
    assert [row.text for row in rows if isinstance(row, Message)] == alone


def test_a_mail_says_the_same_by_file_mbox_and_both_formats_of_gmail(whole: dict[str, bytes], tmp_path: Path) -> None:
    whole = {name: raw for name, raw in whole.items() if not name.endswith(OUTLOOK_FILE)}
    by_file = {name: as_eml(raw) for name, raw in whole.items()}
    assert Counter(map(kind, by_file.values())) + Counter([f"refused: {NO_MAIL}"]) == WITH_HEAD
    for name, raw in whole.items():
        assert told(as_gmail(gmail_raw(raw))) == told(by_file[name]), name
        assert told(as_gmail(gmail_full(raw))) == told(by_file[name]), name
    rows, _ = as_mbox(whole.values(), tmp_path / "all.mbox")
    taken = [each for each in by_file.values() if isinstance(each, Message)]
    assert [told(row) for row in rows if isinstance(row, Message)] == [told(each) for each in taken]
    same_id = [each for each in taken if not each.id.startswith("gmail:sha256-")]
    assert len(same_id) == 19
    assert {each.id for each in same_id} <= {row.id for row in rows if isinstance(row, Message)}


def test_a_message_of_each_passes_through_kafka(whole: dict[str, bytes]) -> None:
    for raw in whole.values():
        fate = as_eml(raw)
        if isinstance(fate, Message):
            assert Message.from_json(fate.to_json()).content_sha() == fate.content_sha()


def test_no_line_behind_a_quotes_mark_is_in_a_text(whole: dict[str, bytes]) -> None:
    fates = [as_eml(raw) for raw in whole.values()]
    lines = [line for fate in fates if isinstance(fate, Message) for line in fate.text.split("\n")]
    assert len(lines) > 1000
    assert not [line for line in lines if line.lstrip().startswith(">")]
