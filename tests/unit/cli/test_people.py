"""The people's commands over stores in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli import lookup, people, proposals
from sago.domain.companies import ModelPolicy
from sago.domain.letters import EVENT_REJECTED, Letter, LetterState
from sago.domain.significance import Scale
from sago.errors import RestoredError, UsageError
from sago.llm.gateway import Gateway
from sago.llm.letters import compose_offline
from sago.llm.providers.marker import MarkerModel
from sago.outreach.composing import compose_letter
from sago.outreach.judging import Judging
from sago.outreach.permission import ApprovalRules, TickRule
from sago.outreach.standing import withdraw_unfounded
from sago.outreach_sections import OutreachSettings, SmtpSettings
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
    approval_rules: ApprovalRules = field(default_factory=lambda: ApprovalRules(TickRule.NEVER))
    settings: Any = field(default_factory=lambda: SimpleNamespace(outreach=OutreachSettings(), smtp=SmtpSettings()))
    raw: MemoryRawStore = field(default_factory=MemoryRawStore)
    models: Gateway = field(default_factory=lambda: Gateway(MarkerModel(), MarkerModel(), ManualClock(NOW)))
    closed: bool = False

    def monotonic(self) -> float:
        return 0.0

    @property
    def generations(self) -> Generations:
        return Generations(self.database, self.mirror)

    @property
    def judging(self) -> Judging:
        return Judging(self.database, 60, Scale(), self.clock)

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
    return lambda *arguments, typed="": CliRunner().invoke(app, list(arguments), input=typed)


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


def test_explains_a_watch_beside_the_verdict_of_the_day_before(sago: Callable[..., Result], house: House) -> None:
    waiting = watch("arr >= 2M")
    with house.database.begin() as tx:
        tx.outreach.add_watch(waiting)
    fold_into(house.database, EVENTS, [])
    house.judging.keep_all(NOW - timedelta(days=1))
    fold_into(house.database, EVENTS)
    shown = " ".join(sago("watch", "explain", str(waiting.id)[:8]).stdout.split())
    assert "NOW Orchard · Ivo Brandt, met on 2 March" in shown
    assert "✓ arr >= 2M: $2.1M on 14 November “We just passed $2.1M ARR!”" in shown
    assert "Since 19 November was NOT YET, is NOW" in shown
    (told,) = lines(sago("watch", "explain", str(waiting.id), "--json"))
    assert (told["outcome"], told["verdict_before"]) == ("now", "2026-11-19 09:00:00+00:00")
    assert told["scores"][0]["because"].startswith("severity high 3.0 × ")
    assert "was NOT YET, is NOW" in told["changes"]


def test_explains_as_of_a_day_and_every_watch_of_a_company(sago: Callable[..., Result], house: House) -> None:
    told = lines(sago("watch", "explain", "--company", "orchard", "--as-of", "2026-11-12", "--json"))
    assert [each["as_of"] for each in told] == ["2026-11-12T23:59:59.999000Z"]
    assert len(told[0]["scores"]) == 1, "of three events one was said by then"
    with house.database.begin() as tx:
        tx.outreach.remove_watch(UPDATE.id)
    assert "no watches yet" in sago("watch", "explain").stderr


def test_an_unknown_watch_or_company_is_one_line(sago: Callable[..., Result]) -> None:
    assert "there is none; see `sago watch list`" in str(sago("watch", "explain", "zzzz").exception)
    assert "known are: orchard" in str(sago("watch", "explain", "--company", "orchrad").exception)


def test_watches_of_several_firms_are_told_apart(sago: Callable[..., Result]) -> None:
    assert "firm" not in sago("watch", "list").stdout
    made = lines(sago("watch", "add", "orchard", "--when", "arr >= 3M", "--firm", "Kestrel Fund", "--json"))[0]
    assert made["firm_id"] == "kestrel-fund"
    both = sago("watch", "list").stdout
    assert "firm" in both
    assert "kestrel-fund" in both
    assert lines(sago("watch", "list", "--firm", "Kestrel Fund", "--json")) == [made]
    assert made not in lines(sago("watch", "list", "--firm", UPDATE.firm_id, "--json"))
    assert "kestrel" not in sago("watch", "list", "--firm", UPDATE.firm_id).stdout
    assert "known are:" in str(sago("watch", "list", "--firm", "Nobody").exception)


def test_adds_lists_and_removes_a_watch(sago: Callable[..., Result], house: House) -> None:
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
    (line,) = [each for each in house.database.state.audit_log if each.action == "watch.removed"]
    assert (line.subject, line.why) == (made["id"], "waits for arr >= 2M, enterprise_deal >= 1")


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
        (("orchard", "--investor", "Ivo\nBcc: x@y.example <ivo@fund.example>"), "invisible character U+000A"),
        (("orchard", "--when", "arr >= 2M", "--direction", "to_investor"), "goes to nobody, without an address"),
        (("orchard", "--when", "arr >= 2M", "--when", "arr < 1M"), "can never hold at once"),
        (("orchard", "--when", "no setback in 0d"), "a period has a length"),
        (("orchard", "--weight", "enterprise_del=1"), "did you mean enterprise_deal?"),
        (("orchard", "--weight", "setback=2"), "lies between 0 and 1"),
        (("orchard", "--reason", "too early"), "proposes no condition"),
    ],
)
def test_a_wrong_watch_says_how_to_mend_it(sago: Callable[..., Result], arguments: tuple[str, ...], said: str) -> None:
    result = sago("watch", "add", *arguments)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


REASON = ("orchard", "--reason", "ARR below 2M, no enterprise logo, churn too high")
PROPOSED = ["arr >= 2M", "enterprise_deal >= 1"]


def _watches(house: House) -> list[list[str]]:
    with house.database.begin() as tx:
        return [[each.text for each in watch.conditions] for watch in tx.outreach.watches("orchard")]


def test_a_reason_alone_proposes_and_adds_nothing_where_nobody_can_be_asked(
    sago: Callable[..., Result], house: House
) -> None:
    told = sago("watch", "add", *REASON)
    assert isinstance(told.exception, UsageError)
    assert "--when 'arr >= 2M'" in told.stdout
    assert "--when 'enterprise_deal >= 1'" in told.stdout
    assert "as in `churn <= 3%`" in " ".join(told.stderr.split())
    told = sago("watch", "add", *REASON, "--json")
    assert isinstance(told.exception, UsageError)
    assert [each["when"] for each in json.loads(told.stdout)["proposed"]] == PROPOSED
    assert _watches(house) == [[]]


def test_what_is_proposed_is_accepted_by_a_flag_or_at_the_terminal(
    sago: Callable[..., Result], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sago("watch", "add", *REASON, "--accept-proposed").exit_code == 0
    assert _watches(house) == [[], PROPOSED]
    monkeypatch.setattr(proposals, "has_terminal", lambda: True)
    refused = sago("watch", "add", *REASON, "--met", "2026-03-02", typed="n\n")
    assert isinstance(refused.exception, UsageError)
    assert len(_watches(house)) == 2
    assert sago("watch", "add", *REASON, "--met", "2026-03-02", typed="\n").exit_code == 0
    assert _watches(house)[2] == PROPOSED


def test_proposes_without_a_stack(sago: Callable[..., Result], house: House) -> None:
    told = lines(sago("watch", "propose", "ARR below 2M, churn too high", "--json"))[0]
    assert told["proposed"] == [{"when": "arr >= 2M", "because": "ARR below 2M"}]
    assert told["unclear"][0]["words"] == "churn too high"
    assert sago("watch", "propose", "too early").exit_code == 1
    assert not house.closed


def test_weights_are_kept_and_change_a_watch_that_is_there(sago: Callable[..., Result], house: House) -> None:
    words = ("watch", "add", "orchard", "--when", "arr >= 2M", "--json")
    first = lines(sago(*words, "--weight", "enterprise_deal=1.0"))[0]
    assert first["weights"] == {"enterprise_deal": 1.0}
    again = lines(sago(*words, "--weight", "enterprise-deal=0.5", "--weight", "hiring=0"))[0]
    assert (again["id"], again["weights"]) == (first["id"], {"enterprise_deal": 0.5, "hiring": 0.0})
    assert lines(sago(*words))[0]["weights"] == again["weights"]
    assert len(_watches(house)) == 2


def test_a_letter_that_lacks_an_address_is_said(sago: Callable[..., Result]) -> None:
    said = " ".join(sago("watch", "add", "orchard", "--when", "arr >= 2M", "--investor", "Ivo Brandt").stderr.split())
    assert "Ivo Brandt has no address to send from" in said


def test_lists_the_new_kinds_as_they_were_written(sago: Callable[..., Result]) -> None:
    for text in ("mrr growth 3m >= 20%", "no setback high in 60d", "enterprise_deal high >= 2 in 90d"):
        assert sago("watch", "add", "orchard", "--when", text).exit_code == 0
        assert text in " ".join(sago("watch", "list").stdout.split())


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
    assert "written into output/outreach/sent once 60 s to undo it are over" in " ".join(first.stderr.split())
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
    assert house.database.state.audit_log[-1].why == EVENT_REJECTED


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
    assert "Nell" in listed
    assert "letter to the founder" in " ".join(sago("outreach", "show", str(letter.id)).stdout.split())
    assert "ARR reached $2.1M" in sago("events", "list").stdout.replace("\n", " ")
    assert "orchard" in sago("watch", "list").stdout
