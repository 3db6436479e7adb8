"""The port `Drafts`, in memory and as files; and what a draft file is to a mail program."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterDraft, LetterState
from sago.domain.mails import mail_id
from sago.errors import ConfigError
from sago.ports import Drafts
from sago.stores.eml_drafts import EmlDrafts, as_mail
from sago.stores.memory.drafts import MemoryDrafts
from tests.disks import full_disk

WATCH = UUID(int=7)
BODY = "Hi Nell,\n\nKey highlights:\n\n- Revenue: ARR <b>reached</b> €2.1M.\n\nBest,\n\nIvo"


def letter(window: str = "2026-11", subject: str = "Orchard: €2.1M ARR", number: int = 1) -> Letter:
    return Letter(
        id=uuid5(WATCH, str(number)),
        watch_id=WATCH,
        company_id="orchard",
        window=window,
        sender=Person(name="Ivo Brandt", email="ivo@fund.example"),
        recipient=Person(name="Nell Quist", email="nell@orchard.example"),
        draft=LetterDraft(subject=subject, body=BODY),
        event_ids=(),
        composed_by="offline",
        created_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
    )


@pytest.fixture(params=["memory", "files"])
def drafts(request: pytest.FixtureRequest, tmp_path: Path) -> Drafts:
    return MemoryDrafts() if request.param == "memory" else EmlDrafts(tmp_path / "outreach")


def test_all_of_a_letter_is_taken_away_also_as_it_was_handed_over(drafts: Drafts) -> None:
    first, other = letter(), letter("2026-12", number=2)
    for each in (first, other):
        drafts.put(each)
    if isinstance(drafts, EmlDrafts):
        sent = drafts.folder / "sent" / f"{mail_id('letter', first.id)}.eml"
        sent.parent.mkdir()
        sent.write_text("Subject: handed over")
        assert len(drafts.files(first)) == 2
    drafts.forget(first)
    drafts.forget(first)
    assert (drafts.files(first), drafts.files(other)) == ([], [drafts.place(other)])


def lying(drafts: Drafts) -> int:
    """How many letters lie there."""
    if isinstance(drafts, MemoryDrafts):
        return len(drafts.letters)
    assert isinstance(drafts, EmlDrafts)
    return len(list(drafts.folder.iterdir())) if drafts.folder.exists() else 0


def test_a_successor_takes_the_place_of_its_predecessor(drafts: Drafts) -> None:
    assert drafts.put(letter(number=1)) == drafts.put(letter(number=2, subject="Orchard: news"))
    assert lying(drafts) == 1


def test_a_letters_place_is_known_without_writing_it(drafts: Drafts) -> None:
    place = drafts.place(letter())
    assert lying(drafts) == 0
    assert drafts.put(letter()) == place


def test_windows_lie_side_by_side(drafts: Drafts) -> None:
    places = {drafts.put(letter(window)) for window in ("2026-11", "2026-12", "now:0a1b:2026-11-14")}
    assert len(places) == lying(drafts) == 3


def test_a_letter_no_longer_live_is_taken_away_and_that_may_be_repeated(drafts: Drafts) -> None:
    drafts.put(letter())
    for _ in range(2):
        drafts.put(letter().model_copy(update={"state": LetterState.REJECTED}))
    assert lying(drafts) == 0


def test_a_file_opens_as_an_unsent_mail(tmp_path: Path) -> None:
    place = Path(EmlDrafts(tmp_path).put(letter("now:0a1b:2026-11-14")))
    assert place.name.startswith("orchard-now-0a1b-2026-11-14-")
    read = email.message_from_bytes(place.read_bytes(), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert read["X-Unsent"] == "1"
    assert read["From"].addresses[0].addr_spec == "ivo@fund.example"
    assert read["To"].addresses[0].display_name == "Nell Quist"
    assert read["Subject"] == "Orchard: €2.1M ARR"
    assert str(letter().id) in read["Message-ID"]
    plain, rich = read.get_body(("plain",)), read.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().replace("\r\n", "\n").strip() == BODY
    assert ">Revenue: ARR &lt;b&gt;reached&lt;/b&gt; €2.1M.</li>" in rich.get_content()
    assert not any(part.defects for part in read.walk())


def test_no_field_can_begin_a_header_of_its_own() -> None:
    evil = "Ivo\r\nBcc: all@world.example"
    written = as_mail(
        letter(subject=f"Orchard {evil}").model_copy(
            update={
                "sender": Person(name=evil, email="x@y.example\r\nBcc: all@world.example"),
                "recipient": Person(name=evil),
            }
        )
    ).as_bytes()
    read = email.message_from_bytes(written, policy=email.policy.default)
    assert "Bcc" not in read
    assert read["To"].addresses == ()


def test_without_a_recipient_there_is_no_to(tmp_path: Path) -> None:
    read = as_mail(letter().model_copy(update={"recipient": None}))
    assert "To" not in read
    assert "None" not in read.as_string()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot be written .*set outreach\.folder"):
        EmlDrafts(tmp_path / "file").put(letter())


def test_a_full_disk_leaves_no_half_letter_and_the_earlier_one_as_it_is(tmp_path: Path) -> None:
    drafts = EmlDrafts(tmp_path)
    drafts.put(letter())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with full_disk(), pytest.raises(ConfigError, match="File too large"):
        drafts.put(letter(subject="Another"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
