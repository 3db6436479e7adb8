"""The people's commands over stores in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people
from sago.domain.companies import ModelPolicy
from sago.domain.letters import Letter, LetterState
from sago.errors import RestoredError, UsageError
from sago.llm.gateway import Gateway
from sago.llm.letters import compose_offline
from sago.outreach.composing import compose_letter
from sago.outreach.deciding import withdraw_unfounded
from sago.pipeline.generations import Generations
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.keeping import MemoryMirror
from sago.stores.memory.raw import MemoryRawStore
from tests.unit.outreach.stories import ARR, EVENTS, NOW, database, event, fold_into, watch

UPDATE = watch(name="update")


class Writer:
    """The model port over the offline letters."""

    name, version, place = "offline", "1", ModelPolicy.OFFLINE
    compose = staticmethod(compose_offline)


@dataclass
class House:
    """What the commands use of a container, in memory."""

    database: MemoryDatabase = field(default_factory=lambda: database(UPDATE))
    drafts: MemoryDrafts = field(default_factory=MemoryDrafts)
    mirror: MemoryMirror = field(default_factory=MemoryMirror)
    raw: MemoryRawStore = field(default_factory=MemoryRawStore)
    closed: bool = False

    @property
    def generations(self) -> Generations:
        return Generations(self.database, self.mirror)

    @property
    def clock(self) -> House:
        return self

    def now(self) -> datetime:
        return NOW

    def close(self) -> None:
        self.closed = True

    def compose(self) -> Letter:
        letter = compose_letter(
            UPDATE.id, NOW, database=self.database,
            models=Gateway(Writer(), Writer(), ManualClock(NOW)),  # type: ignore[arg-type]
            drafts=self.drafts, clock=ManualClock(NOW), setback_days=60, highlights=5,
        )  # fmt: skip
        assert letter is not None
        return letter


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    made = House()
    monkeypatch.setattr(lookup, "build", lambda _settings: made)
    return made


@pytest.fixture
def sago(house: House) -> Callable[..., Result]:
    app = typer.Typer()
    people.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_lists_and_shows_events(sago: Callable[..., Result], house: House) -> None:
    assert {row["title"] for row in lines(sago("events", "list", "--json"))} == {event.title for event in EVENTS}
    shown = sago("events", "show", str(ARR.id)[:8])
    assert "We just passed $2.1M ARR!" in shown.stdout
    assert "$2.1M ARR" in shown.stdout
    assert house.closed


def test_a_rejected_event_stays_away(sago: Callable[..., Result], house: House) -> None:
    result = sago("events", "reject", str(ARR.id), "--because", "the other Orchard", "--json")
    assert lines(result)[0]["because"] == "the other Orchard"
    with house.database.begin() as tx:
        assert ARR.id not in {event.id for event in tx.events.find("orchard")}
        assert [each.because for each in tx.events.rejections("orchard")] == ["the other Orchard"]


def test_an_unknown_or_ambiguous_id_is_one_line(sago: Callable[..., Result]) -> None:
    for wanted in ("zzzz", ""):
        result = sago("events", "show", wanted)
        assert isinstance(result.exception, UsageError)
        assert "there is none; see `sago events list`" in str(result.exception)


@pytest.mark.parametrize("what", ["events", "outreach", "watch"])
def test_a_list_of_an_unknown_company_is_a_mistake_not_an_empty_list(sago: Callable[..., Result], what: str) -> None:
    result = sago(what, "list", "--company", "orchrad")
    assert str(result.exception) == "company orchrad: not known; known are: orchard"
    assert sago(what, "list", "--company", "orchard").exit_code == 0


def test_adds_lists_and_removes_a_watch(sago: Callable[..., Result]) -> None:
    added = sago(
        "watch", "add", "orchard", "--when", "arr >= 2M", "--when", "enterprise_deal >= 1", "--reason", "ARR below 2M",
        "--met", "2026-03-02", "--investor", "Ivo Brandt <ivo@fund.example>", "--json",
    )  # fmt: skip
    made = lines(added)[0]
    assert made["investor"] == {"name": "Ivo Brandt", "email": "ivo@fund.example"}
    assert [condition["name"] for condition in made["conditions"]] == ["arr", "enterprise_deal"]
    assert made["direction"] == "to_founder"
    assert made in lines(sago("watch", "list", "--json"))
    assert lines(sago("watch", "remove", made["id"][:10], "--json")) == [{"removed": made["id"]}]
    assert made not in lines(sago("watch", "list", "--json"))


def test_the_same_watch_again_adds_nothing(sago: Callable[..., Result], house: House) -> None:
    words = ("watch", "add", "orchard", "--met", "2026-03-02", "--investor", "Ivo Brandt", "--reason", "too [early]")
    first = sago(*words, "--when", "arr >= 2M")
    said = " ".join(first.stderr.split())
    assert "orchard: Ivo Brandt, met on 2026-03-02, waits for arr >= 2M" in said
    assert "“too [early]”; the letter goes to the founder" in said
    again = sago(*words, "--when", "arr >= 2,000k")
    assert again.exit_code == 0
    assert f"is there already: {first.stdout.strip()}" in again.stderr
    assert sago(*words, "--when", "arr >= 3M").stdout.strip() not in ("", first.stdout.strip())
    with house.database.begin() as tx:
        assert len(tx.outreach.watches("orchard")) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("orchard", "--when", "arl >= 2M"), "did you mean arr"),
        (("nobody", "--when", "arr >= 2M"), "known are: orchard"),
        (("orchard", "--investor", "ivo@fund.example"), "write it as 'Dana Reed"),
    ],
)
def test_a_wrong_watch_says_how_to_mend_it(sago: Callable[..., Result], arguments: tuple[str, ...], said: str) -> None:
    result = sago("watch", "add", *arguments)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


def test_shows_and_decides_letters(sago: Callable[..., Result], house: House) -> None:
    letter = house.compose()
    assert [row["id"] for row in lines(sago("outreach", "list", "--json"))] == [str(letter.id)]
    assert "Hi Nell," in sago("outreach", "show", str(letter.id)[:8]).stdout
    assert lines(sago("outreach", "approve", str(letter.id), "--json"))[0]["state"] == "approved"
    assert sago("outreach", "reject", str(letter.id), "--because", "already in touch").exit_code == 0
    assert lines(sago("outreach", "list", "--json")) == []
    assert lines(sago("outreach", "list", "--all", "--json"))[0]["state"] == "rejected"
    assert [entry.why for entry in house.database.state.audit_log][-1] == "already in touch"
    assert house.drafts.letters == {}


def test_an_approved_letter_is_where_it_says_and_stays_approved(sago: Callable[..., Result], house: House) -> None:
    letter = house.compose()
    first = sago("outreach", "approve", str(letter.id))
    assert first.stdout.strip() == house.drafts.put(letter)
    assert "next: open the file in your mail program" in " ".join(first.stderr.split())
    again = sago("outreach", "approve", str(letter.id))
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    assert "is approved already" in " ".join(again.stderr.split())
    assert [entry.why for entry in house.database.state.audit_log] == ["approved on the command line"]


def test_an_approved_letter_is_not_laid_out_again_after_a_restored_backup(
    sago: Callable[..., Result], house: House
) -> None:
    letter = house.compose()
    sago("outreach", "approve", str(letter.id))
    house.drafts.letters.clear()
    with house.database.begin() as tx:
        tx.generation.accept(5, NOW, held=True)
    assert isinstance(sago("outreach", "approve", str(letter.id)).exception, RestoredError)
    assert house.drafts.letters == {}


def test_after_a_restored_backup_letters_wait_for_a_persons_word(sago: Callable[..., Result], house: House) -> None:
    letter = house.compose()
    with house.database.begin() as tx:
        tx.outreach.set_letter_state(letter.id, LetterState.UNKNOWN, NOW, "sago", "lost")
        tx.generation.accept(5, NOW, held=True)
    refused = sago("outreach", "approve", str(letter.id))
    assert isinstance(refused.exception, UsageError)
    assert sago("outreach", "resolve", str(letter.id), "--because", "no answer given").exit_code == 2
    done = sago(
        "outreach", "resolve", str(letter.id)[:8], "--not-sent", "--because", "not among my sent mail", "--json"
    )
    assert lines(done)[0]["state"] == "superseded"
    assert "letters may be approved again" in done.stderr
    assert house.drafts.letters == {}
    assert house.database.state.audit_log[-1].why == "not among my sent mail"


def test_nothing_is_approved_while_another_letter_is_unknown(sago: Callable[..., Result], house: House) -> None:
    letter = house.compose()
    with house.database.begin() as tx:
        tx.generation.accept(5, NOW, held=True)
    refused = sago("outreach", "approve", str(letter.id))
    assert isinstance(refused.exception, RestoredError)
    assert "sago outreach resolve" in str(refused.exception)


def test_a_draft_that_tells_a_rejected_event_is_withdrawn(sago: Callable[..., Result], house: House) -> None:
    letter = house.compose()
    assert ARR.id in letter.event_ids
    assert sago("events", "reject", str(ARR.id), "--because", "the other Orchard").exit_code == 0
    assert house.drafts.letters == {}
    assert lines(sago("outreach", "list", "--all", "--json"))[0]["state"] == "superseded"
    assert house.database.state.audit_log[-1].why == "rejected event: the other Orchard"


def test_only_drafts_of_lost_events_are_withdrawn(house: House) -> None:
    """Told without the command: these events rest on no observations, so its fold would lose all of them."""
    other = event("hiring", "A new finance chief", "Our new CFO starts", days_ago=4)
    letter = house.compose()
    fold_into(house.database, [*EVENTS, other])
    fold_into(house.database, EVENTS)
    with house.database.begin() as tx:
        assert withdraw_unfounded(tx, "orchard", NOW, "test", "an intern") == []
    fold_into(house.database, [each for each in EVENTS if each != ARR])
    with house.database.begin() as tx:
        (gone,) = withdraw_unfounded(tx, "orchard", NOW, "test", "the other Orchard")
    assert (gone.id, gone.state) == (letter.id, "superseded")


def test_a_letter_is_not_approved_when_its_event_has_gone(sago: Callable[..., Result], house: House) -> None:
    letter = house.compose()
    fold_into(house.database, [each for each in EVENTS if each != ARR])
    result = sago("outreach", "approve", str(letter.id))
    assert isinstance(result.exception, UsageError)
    assert f"rests on 1 of {len(letter.event_ids)} events that are no longer held" in str(result.exception)
    assert [row["state"] for row in lines(sago("outreach", "list", "--json"))] == ["draft"]
    assert sago("outreach", "reject", str(letter.id), "--because", "untrue").exit_code == 0


def test_tables_are_for_people(sago: Callable[..., Result], house: House) -> None:
    letter = house.compose()
    listed = sago("outreach", "list").stdout
    assert str(letter.id)[:8] in listed
    assert "founder" in listed
    assert "letter to the founder" in " ".join(sago("outreach", "show", str(letter.id)).stdout.split())
    assert "ARR reached $2.1M" in sago("events", "list").stdout.replace("\n", " ")
    assert "orchard" in sago("watch", "list").stdout
