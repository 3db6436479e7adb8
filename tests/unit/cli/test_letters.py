"""A person's work on letters at a terminal, over stores in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid5

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people
from sago.cli.letters import deciding, editing, ticking
from sago.domain.letters import Letter, LetterState
from sago.domain.mails import Contact, Suppression
from sago.domain.pacing import SendWindow
from sago.errors import ConfigError, UngroundedError, UsageError
from sago.outreach.permission import ApprovalRules, TickRule
from sago.outreach_sections import OutreachSettings, SmtpSettings
from tests.unit.cli import test_people
from tests.unit.outreach.stories import NOW

Sago = Callable[..., Result]


@dataclass
class House(test_people.House):
    """With a clock that passes, and a folder for its state."""

    moment: datetime = NOW
    approval_rules: ApprovalRules = field(default_factory=ApprovalRules)

    def now(self) -> datetime:
        return self.moment

    def unproven(self) -> Letter:
        """A letter of the time before receipts were kept."""
        letter = self.compose().model_copy(update={"receipts": ()})
        with self.database.begin() as tx:
            tx.erasures.take_letter(letter)
        return letter

    def letter(self) -> Letter:
        with self.database.begin() as tx:
            return tx.outreach.letters(live=False)[0]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> House:
    made = House()
    made.settings.state_dir = tmp_path
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    return made


@pytest.fixture
def sago(house: House) -> Sago:
    app = typer.Typer()
    people.register(app)

    def run(*arguments: str, wide: int = 80, typed: str | None = None) -> Result:
        return CliRunner(env={"COLUMNS": str(wide)}).invoke(app, ["outreach", *arguments], input=typed)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits there."""
    for module in (deciding, editing, ticking):
        monkeypatch.setattr(module, "is_terminal", lambda: True)


def words(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def refused(result: Result, kind: type[Exception] = UsageError) -> str:
    assert isinstance(result.exception, kind)
    return str(result.exception)


def test_a_letter_goes_from_a_draft_to_an_approval_with_the_steps_it_is_told(house: House, sago: Sago) -> None:
    letter = house.compose()
    short = str(letter.id)[:8]
    assert f"next: sago outreach show {short}" in words(sago("list"))
    shown = words(sago("show", short))
    assert "✗ 10 of 10 claims are not ticked: 2 '$2.1M', 3 'Kestrel Air', 4 '143%', 7 '$2.1M' and 6 more;" in shown
    assert f"next: sago outreach tick {short}" in shown
    assert "10 of 10 claims are not ticked" in refused(sago("approve", short))
    assert "left of 10 claims: 2, 4, " in words(sago("tick", short, "--claim", "3"))
    ticked = words(sago("tick", short, "--all", "--because", "compared with the thread"))
    assert ticked == f"10 claims ticked next: sago outreach approve {short}"
    assert "next: sago outreach approve" in words(sago("show", short))
    approved = words(sago("approve", short, "--because", "reads well"))
    assert f"next: sago outreach undo {short} (for 60 s)" in approved
    told = words(sago("history", short))
    assert "ticked claims 1, 2, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14 by cli:" in told
    assert f": reads well text {letter.draft.sha256[:8]}" in told


@pytest.mark.parametrize("wide", [80, 40])
def test_lists_and_letters_can_be_read_and_commands_copied_at_any_width(house: House, sago: Sago, wide: int) -> None:
    short = str(house.compose().id)[:8]
    for command in (["list"], ["show", short], ["tick", short, "--claim", "8"], ["reject", short, "--because", "no"]):
        result = sago(*command, wide=wide)
        assert result.exit_code == 0
        steps = [line for line in result.output.splitlines() if line.lstrip().startswith(("next: sago", "or: sago"))]
        assert steps
        assert all(short in step for step in steps)
        others = [line for line in result.output.splitlines() if line not in steps]
        assert max(len(line) for line in others) <= wide
    assert "0/10" not in sago("list", "--all", wide=wide).output
    assert "1/10" in sago("list", "--all", wide=wide).output


def test_each_claim_is_asked_about_beside_its_quote(house: House, sago: Sago, terminal: None) -> None:
    short = str(house.compose().id)[:8]
    sago("tick", short, *[word for number in (3, 4, *range(10, 15)) for word in ("--claim", str(number))])
    told = words(sago("tick", short, typed="y\nperhaps\nn\n"))
    assert "2 of 14 Orchard: $2.1M ARR" in told
    assert "“We just passed $2.1M ARR!” slack:" in told
    assert "7 of 14" not in told, "the same figure by the same message"
    assert "8 of 14 I’ve kept following Orchard, and saw that your ARR reached $2.1M on 14 November." in told
    assert "claim 8 is wrong, you said: “14 November”" in told
    assert "left of 10 claims: 8" in told
    assert "left of 10 claims: 8" in words(sago("tick", short, typed="s\n"))
    again = words(sago("tick", short, typed="y\n"))
    assert "2 of 14" not in again
    assert "10 claims ticked" in again
    assert house.letter().ticked >= house.letter().to_tick


def test_ticks_are_kept_when_whoever_ticks_is_interrupted(house: House, sago: Sago, terminal: None) -> None:
    short = str(house.compose().id)[:8]
    assert sago("tick", short, typed="y\n").exit_code == 1
    assert house.letter().ticked == {1, 6}, "the figure stands in the body too"


def test_nobody_can_be_asked_without_a_terminal(house: House, sago: Sago) -> None:
    short = str(house.compose().id)[:8]
    assert "name claims, --claim 3, or --all --because" in refused(sago("tick", short))
    assert "say why all of them are true" in refused(sago("tick", short, "--all"))
    assert "give --subject or --body-file" in refused(sago("edit", short))
    assert "has no claim 15; it has claims 1 to 14" in refused(sago("tick", short, "--claim", "15"))


def test_a_letter_without_receipts_is_approved_after_one_question(house: House, sago: Sago, terminal: None) -> None:
    short = str(house.unproven().id)[:8]
    assert "is a draft still" in refused(sago("approve", short, typed="n\n"))
    assert house.letter().state is LetterState.DRAFT
    assert "approved" in words(sago("approve", short, typed="y\n"))
    assert "approved already" in words(sago("approve", short))


def test_a_letter_without_receipts_wants_a_word_where_nobody_can_be_asked(house: House, sago: Sago) -> None:
    short = str(house.unproven().id)[:8]
    assert "read it, then approve it with --yes" in refused(sago("approve", short))
    assert "nothing to tick" in words(sago("tick", short, "--all", "--because", "read"))
    assert sago("approve", short, "--yes").exit_code == 0


def test_words_of_ones_own_that_no_event_has_are_told_and_answered_for(
    house: House, sago: Sago, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.approval_rules = ApprovalRules(TickRule.NEVER)
    short = str(house.compose().id)[:8]
    file = tmp_path / "mine.txt"
    file.write_text("Hi Nell,\n\nYour ARR is $2.1M by now, ahead of plan.\n\nTalk soon,\n\nIvo\n", encoding="utf-8")
    doubt = "no event says “ahead, plan”, in “Your ARR is $2.1M by now, ahead of plan.”"
    assert f"{doubt}: yours to answer for" in words(sago("edit", short, "--body-file", str(file), wide=200))
    assert doubt in words(sago("show", short))
    assert json.loads(sago("show", short, "--json").stdout)["doubts"] == [doubt]
    assert f"{doubt}; read it, then approve it with --yes, or edit it" in refused(sago("approve", short))
    monkeypatch.setattr(deciding, "is_terminal", lambda: True)
    assert "is a draft still" in refused(sago("approve", short, typed="n\n"))
    assert sago("approve", short, "--yes").exit_code == 0
    assert house.letter().state is LetterState.APPROVED


def test_the_house_says_whether_claims_are_ticked_and_how_long_a_decision_can_be_undone(
    house: House, sago: Sago
) -> None:
    house.approval_rules = ApprovalRules(TickRule.NEVER, undo=timedelta(seconds=5))
    short = str(house.compose().id)[:8]
    assert "(for 5 s)" in words(sago("approve", short))
    house.moment += timedelta(seconds=6)
    assert "was approved, 6 s ago; that can be undone for 5 s (outreach.undo)" in refused(sago("undo", short))
    assert sago("reject", short, "--because", "no").exit_code == 0
    assert "is a draft again" in words(sago("undo", short))
    assert house.letter().state is LetterState.DRAFT


def test_an_approval_says_when_and_where_its_letter_goes(house: House, sago: Sago) -> None:
    """NOW is a Friday, 09:00 in UTC."""
    house.approval_rules = ApprovalRules(TickRule.NEVER)
    short = str(house.compose().id)[:8]
    told = words(sago("approve", short))
    assert "is written into output/outreach/sent once 60 s to undo it are over, as far as" in told
    assert "sago outreach deliver then does it at once" in told
    house.settings.smtp = SmtpSettings(host="mail.example.com", username="sago", password="secret")
    assert "goes out by mail once 60 s to undo it are over, as far as" in words(sago("approve", short))
    with house.database.begin() as tx:
        tx.contacts.save(Contact(email="nell@orchard.example", name="Nell", timezone="America/New_York"))
    told = words(sago("approve", short))
    assert "goes out by mail from Friday 20 November, 09:00 America/New_York, as far as outreach.caps allow" in told
    house.settings.outreach = OutreachSettings(window=SendWindow(days=("mon",)))
    assert "mail from Monday 23 November, 09:00 America/New_York" in words(sago("approve", short))
    house.settings.smtp = SmtpSettings()
    assert "outreach/sent from Monday 23 November, 09:00 America/New_York" in words(sago("approve", short))


def test_a_subject_is_edited_and_an_untrue_one_is_refused(house: House, sago: Sago) -> None:
    short = str(house.compose().id)[:8]
    assert "figure '$9M' stands in no cited event" in refused(
        sago("edit", short, "--subject", "Orchard: $9M ARR"), UngroundedError
    )
    edited = sago("edit", short, "--subject", "Orchard: $2.1M ARR", "--json")
    assert json.loads(edited.stdout)["draft"]["subject"] == "Orchard: $2.1M ARR"
    assert "the text is as it was" in words(sago("edit", short, "--subject", "Orchard: $2.1M ARR"))


def test_a_body_comes_from_a_file_with_its_subject(house: House, sago: Sago, tmp_path: Path) -> None:
    short = str(house.compose().id)[:8]
    file = tmp_path / "mine.txt"
    file.write_text("Subject: Orchard again\n\nHi Nell,\n\nYour ARR is $2.1M by now.\n\nIvo\n", encoding="utf-8")
    assert "1 claim to tick" in words(sago("edit", short, "--body-file", str(file)))
    draft = house.letter().draft
    assert (draft.subject, draft.body) == ("Orchard again", "Hi Nell,\n\nYour ARR is $2.1M by now.\n\nIvo")
    file.write_text("Hi Nell,\n\nYour ARR is $7M by now.\n\nIvo\n", encoding="utf-8")
    told = refused(sago("edit", short, "--body-file", str(file)), UngroundedError)
    assert f"your text is in {file}" in told


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (None, "cannot be read (No such file or directory); name a text file"),
        (b"Dear Z\xfcrich,\n\nARR is $2.1M.", "byte 7 is not UTF-8; save it as UTF-8 text"),
        (b"", "holds no text for the letter; write it there"),
        (b" \n\n", "holds no text for the letter"),
        (b"Subject: Orchard: $2.1M ARR\n\n  \n", "holds no text for the letter"),
    ],
)
def test_a_file_that_holds_no_text_for_a_letter_is_refused_in_words(
    house: House, sago: Sago, tmp_path: Path, held: bytes | None, told: str
) -> None:
    letter = house.compose()
    file = tmp_path / "mine.txt"
    if held is not None:
        file.write_bytes(held)
    said = refused(sago("edit", str(letter.id)[:8], "--body-file", str(file)))
    assert said.startswith(f"--body-file {file}: {told}")
    assert "codec" not in said
    assert house.letter() == letter


def test_a_folder_is_no_text_file_and_a_mark_of_byte_order_is_no_text(house: House, sago: Sago, tmp_path: Path) -> None:
    short = str(house.compose().id)[:8]
    assert "cannot be read (Is a directory); name a text file" in refused(
        sago("edit", short, "--body-file", str(tmp_path))
    )
    file = tmp_path / "notepad.txt"
    file.write_text("Subject: Orchard again\n\nHi Nell,\n\nYour ARR is $2.1M by now.\n\nIvo", encoding="utf-8-sig")
    assert "edited" in words(sago("edit", short, "--body-file", str(file)))
    assert house.letter().draft.subject == "Orchard again"


@pytest.mark.parametrize("microsecond", [0, 123_456, 999_999])
def test_a_first_approval_is_told_as_new_whatever_the_clock_counts(house: House, sago: Sago, microsecond: int) -> None:
    """The audit log keeps whole milliseconds."""
    house.approval_rules = ApprovalRules(TickRule.NEVER)
    short = str(house.compose().id)[:8]
    house.moment = NOW.replace(microsecond=microsecond)
    first = words(sago("approve", short))
    assert f"approved {house.letter().id}" in first
    assert "already" not in first
    house.moment += timedelta(seconds=1)
    assert "is approved already" in words(sago("approve", short))


def another(house: House, letter: Letter, **other: object) -> Letter:
    """A second letter, of another window."""
    made = letter.model_copy(update={"id": uuid5(letter.id, "again"), "window": "another", **other})
    with house.database.begin() as tx:
        assert tx.outreach.add_letter(made)
    return made


def test_several_letters_that_wait_for_one_person_are_told_wherever_one_is_decided(house: House, sago: Sago) -> None:
    house.approval_rules = ApprovalRules(TickRule.NEVER)
    letter = house.compose()
    assert "letters wait for" not in words(sago("list"))
    second = another(house, letter)
    told = words(sago("list"))
    assert "note: 2 letters wait for Nell Quist: " in told
    for each in (letter, second):
        assert f"{str(each.id)[:8]} (draft, orchard)" in told
    assert "at most 1 in 7 days go to one person (outreach.caps), so reject what you do not mean to send" in told
    approved = words(sago("approve", str(letter.id)))
    assert f"{str(letter.id)[:8]} (approved, orchard)" in approved
    assert f"{str(second.id)[:8]} (draft, orchard)" in approved
    assert "letters wait for" not in words(sago("reject", str(second.id), "--because", "one is enough"))
    assert "letters wait for" not in words(sago("list", "--all"))


def test_letters_to_several_people_or_to_nobody_yet_are_no_crowd(house: House, sago: Sago) -> None:
    nobody = another(house, house.compose(), recipient=None)
    another(house, nobody, window="a third")
    assert "letters wait for" not in words(sago("list"))


def test_the_steps_after_a_decision_are_those_that_are_possible(house: House, sago: Sago) -> None:
    short = str(house.compose().id)[:8]
    draft = (
        f"next: sago outreach tick {short} or: sago outreach edit {short} or: sago outreach reject {short} --because …"
    )
    rejected = f"next: sago outreach undo {short} (for 60 s) or: sago outreach history {short}"
    assert words(sago("reject", short, "--because", "no")).endswith(rejected)
    assert words(sago("show", short)).endswith(rejected)
    assert words(sago("undo", short)).endswith(f"is a draft again {draft}")
    assert words(sago("edit", short, "--subject", "Orchard: $2.1M ARR")).endswith(f"8 claims to tick {draft}")
    sago("tick", short, "--all", "--because", "compared")
    assert f"next: sago outreach approve {short} or:" in words(sago("edit", short, "--subject", "Hello Orchard"))
    sago("approve", short)
    house.moment += timedelta(seconds=61)
    assert words(sago("show", short)).endswith(f"next: sago outreach reject {short} --because …")
    assert words(sago("reject", short, "--because", "no")).endswith(rejected)
    house.moment += timedelta(seconds=61)
    assert words(sago("show", short)).endswith(f"next: sago outreach history {short}")


def test_what_an_editor_leaves_is_taken_and_kept_where_it_is_refused(
    house: House, sago: Sago, terminal: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = house.compose()
    short = str(letter.id)[:8]
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "sed -i s/2.1M/7.7M/")
    told = refused(sago("edit", short), UngroundedError)
    (kept,) = (tmp_path / "edits").iterdir()
    assert f"your text is in {kept}: mend it, then sago outreach edit {short} --body-file {kept}" in told
    assert "$7.7M" in kept.read_text(encoding="utf-8")
    assert house.letter() == letter
    monkeypatch.setenv("EDITOR", "sed -i -e s/7.7M/2.1M/ -e s/^Hi/Dear/")
    assert "edited" in words(sago("edit", short))
    assert house.letter().draft.body.startswith("Dear Nell,")
    assert list((tmp_path / "edits").iterdir()) == []
    monkeypatch.setenv("EDITOR", "no-such-editor")
    assert "set EDITOR, or give --body-file" in refused(sago("edit", short), ConfigError)


def test_somebody_who_sent_an_approved_letter_says_so(house: House, sago: Sago) -> None:
    short = str(house.unproven().id)[:8]
    assert "is draft; only unknown letters are resolved" in refused(sago("resolve", short, "--sent"))
    sago("approve", short, "--yes")
    assert "is approved; only unknown" in refused(sago("resolve", short, "--not-sent"))
    assert "sent" in words(sago("resolve", short, "--sent"))
    assert (house.letter().state, house.letter().approved_by) == (LetterState.SENT, lookup.me())
    assert "it has left the house" in refused(sago("reject", short, "--because", "too late"))


def test_json_tells_what_is_needed_and_what_was_done(house: House, sago: Sago) -> None:
    short = str(house.compose().id)[:8]
    assert json.loads(sago("show", short, "--json").stdout)["needed"][0].startswith("10 of 10 claims")
    sago("tick", short, "--claim", "2", "--json")
    (change,) = [json.loads(line) for line in sago("history", short, "--json").stdout.splitlines()]
    assert (change["action"], change["detail"]) == ("letter.ticked", {"claims": [1, 6]})
    assert json.loads(sago("undo", short, "--json").stdout or "null") is None


def test_an_approved_letter_whose_reader_wants_no_mail_by_now_is_not_promised(house: House, sago: Sago) -> None:
    letter = house.compose()
    short = str(letter.id)[:8]
    sago("tick", short, "--all", "--because", "compared")
    asked = Suppression(email="Nell@Orchard.example", because="asked", who="kim", at=NOW)
    with house.database.begin() as tx:
        tx.contacts.suppress(asked)
    assert "its reader wants no mail" in refused(sago("approve", short))
    with house.database.begin() as tx:
        tx.contacts.unsuppress(asked.email, NOW, "kim", "she wrote")
    assert "is written into" in words(sago("approve", short))
    with house.database.begin() as tx:
        tx.contacts.suppress(asked)
    again = words(sago("approve", short))
    assert "will not go: its reader wants no mail" in again
    assert "is written into" not in again
