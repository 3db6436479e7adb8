"""The commands about mails on their way out, over stores in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people
from sago.domain.letters import LetterState
from sago.domain.mails import MailState
from sago.errors import TransientError, UsageError
from sago.outreach.permission import ApprovalRules
from sago.stores.eml_folder import EmlFolder
from sago.stores.memory.raw import MemoryRawStore
from tests.unit.outreach.mailroom import HOUR, LINKS, MINUTE, NOW, Mailroom, letter, to

ONE = ("show", "history", "receipt")


@dataclass
class House:
    """What the commands use of a container."""

    room: Mailroom

    def __getattr__(self, name: str) -> Any:
        known = {"mailer": self.room.mailer, "breakers": self.room.sending.breakers, "links": LINKS}
        known |= {"approval_rules": ApprovalRules(), "raw": MemoryRawStore()}
        return known.get(name) or getattr(self.room, name)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def room() -> Mailroom:
    return Mailroom(letter("a"), letter("b"), letter("n", recipient=None), to(1, approved_at=NOW))


@pytest.fixture
def sago(room: Mailroom, monkeypatch: pytest.MonkeyPatch) -> Any:
    app = typer.Typer()
    people.register(app)
    monkeypatch.setattr(lookup, "build", lambda _settings: House(room))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["outreach", *words])

    return run


def test_a_rehearsal_says_what_would_go_and_why_others_wait(sago: Any, room: Mailroom) -> None:
    told = sago("deliver", "--dry-run")
    assert told.exit_code == 0, told.output
    assert "would go" in told.stdout
    assert "to dana@northgate.example: no more than 1 in 7 days" in told.stdout
    assert "2026-03-11 12:00 UTC" in told.stdout
    assert "its recipient has no mail address: send it by hand, or reject it" in told.stdout
    assert room.mailer.asked == []
    assert json.loads(sago("deliver", "--dry-run", "--json").stdout)["dry_run"] is True


def test_a_rehearsal_shows_what_can_be_undone_still_and_until_when(sago: Any, room: Mailroom) -> None:
    fresh = to(1)
    (row,) = [line for line in sago("deliver", "--dry-run").stdout.splitlines() if str(fresh.id)[:8] in line]
    assert " ".join(row.split()[1:]) == "approved Person 1 2026-03-04 12:01 UTC can be undone until then"
    room.clock.advance(MINUTE)
    assert "undone" not in sago("deliver", "--dry-run").stdout
    assert "would go" in next(
        line for line in sago("deliver", "--dry-run").stdout.splitlines() if str(fresh.id)[:8] in line
    )


def test_delivering_by_hand_sends_and_the_outbox_tells_the_rest(sago: Any, room: Mailroom) -> None:
    done = json.loads(sago("deliver", "--json").stdout)
    assert sorted(mail["state"] for mail in done["mails"]) == ["queued", "sent"]
    assert len(done["unmailable"]) == 1
    assert len(room.mailer.received) == 1
    (waiting,) = [json.loads(line) for line in sago("outbox", "--json").stdout.splitlines()]
    assert (waiting["state"], waiting["error"]) == ("queued", "to dana@northgate.example: no more than 1 in 7 days")
    assert len(sago("outbox", "--json", "--all").stdout.splitlines()) == 2
    assert "no more than 1 in 7 days" in sago("outbox").stdout


def test_a_dead_server_is_told_in_one_line_and_loses_nothing(sago: Any, room: Mailroom) -> None:
    room.mailer.answers.append(TransientError("smtp server mail:587 does not answer: refused", retry_after=HOUR))
    stopped = sago("deliver")
    assert stopped.exit_code == 1
    assert "stopped: smtp server mail:587 does not answer" in stopped.stderr
    told = sago("outbox")
    assert "memory is out since 2026-03-04 12:00 UTC, asked again at 2026-03-04 13:00 UTC; nothing is lost" in (
        " ".join(told.stderr.split())
    )
    assert "does not answer: refused" in told.stdout


def test_an_address_is_suppressed_listed_and_taken_off_the_list(sago: Any, room: Mailroom) -> None:
    assert "everybody gets mail" in sago("suppressed").stderr
    assert "0 cancelled" in sago("suppress", "Dana@Northgate.example", "--because", "asked").stderr
    (word,) = [json.loads(line) for line in sago("suppressed", "--json").stdout.splitlines()]
    assert (word["email"], word["because"]) == ("dana@northgate.example", "asked")
    sago("deliver")
    assert {room.letter(letter(name)) for name in "ab"} == {LetterState.REJECTED}
    assert sago("unsuppress", "dana@northgate.example", "--because", "she wrote").exit_code == 0
    assert isinstance(sago("unsuppress", "dana@northgate.example", "--because", "x").exception, UsageError)
    assert isinstance(sago("suppress", "dana", "--because", "x").exception, UsageError)


def test_a_queued_letter_is_recalled_by_its_first_characters(sago: Any, room: Mailroom) -> None:
    sago("deliver")
    waiting = next(each for each in (letter("a"), letter("b")) if room.letter(each) is LetterState.QUEUED)
    assert "it is a draft again" in sago("recall", str(waiting.id)[:8], "--because", "she called").stderr
    assert room.states(waiting) == (MailState.CANCELLED, LetterState.DRAFT)


def test_a_letter_that_lies_in_a_folder_is_called_written_everywhere_and_not_sent(
    sago: Any, room: Mailroom, tmp_path: Path
) -> None:
    object.__setattr__(room.sending, "mailer", EmlFolder(tmp_path))
    delivered = sago("deliver")
    one = next(each for each in (letter("a"), letter("b")) if room.letter(each) is LetterState.SENT)
    (file,) = tmp_path.glob("*.eml")
    assert "1 written" in delivered.stderr
    told = [delivered, sago("outbox", "--all"), sago("list"), *(sago(word, str(one.id)) for word in ONE)]
    for each in told:
        assert each.exit_code == 0, each.output
        assert "written" in each.output
        assert "sent" not in each.stdout.replace(str(tmp_path), "")
    for each in told[3:]:
        assert f"written to {file}: send it by hand" in each.output.replace("\n", "")
    for word in ("show", "receipt"):
        kept = json.loads(sago(word, str(one.id), "--json").stdout)
        assert (kept["state"], kept["file"]) == ("sent", str(file))
    room.set(letter("n", recipient=None), LetterState.SENT)
    assert "sent: " in sago("show", str(letter("n", recipient=None).id)).stdout, "a person said so"


def test_a_contact_has_a_time_zone_that_exists(sago: Any, room: Mailroom) -> None:
    assert sago("contact", "dana@northgate.example", "--timezone", "America/New_York").exit_code == 0
    with room.database.begin() as tx:
        known = tx.contacts.get("dana@northgate.example")
        assert known is not None
        tx.contacts.save(known.model_copy(update={"digest_at": 8}))
    assert "notices at 8:00" in sago("contact", "dana@northgate.example", "--name", "Dana").stderr
    with room.database.begin() as tx:
        known = tx.contacts.get("dana@northgate.example")
    assert known is not None
    assert (known.name, known.timezone, known.digest_at) == ("Dana", "America/New_York", 8)
    wrong = sago("contact", "dana@northgate.example", "--timezone", "Mars/Olympus").exception
    assert isinstance(wrong, UsageError)
    assert str(wrong) == "--timezone: 'Mars/Olympus' is no time zone, as in Europe/Berlin"
    assert sago("contact", "dana@northgate.example", "--digest-at", "8").exit_code == 2, "`notices on --at` says that"
    sago("deliver")
    assert room.mailer.received == [], "it is 7 in the morning there"
    room.clock.advance(timedelta(hours=2))
    sago("deliver")
    assert [each.recipient for each in room.mailer.received] == ["dana@northgate.example", "p1@x1.example"]
