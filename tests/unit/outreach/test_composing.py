"""From a watch to a draft: one live letter a window, and nothing that no event says."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from sago.domain.companies import ModelPolicy
from sago.domain.events import Event
from sago.domain.letters import Letter, LetterDraft, LetterRequest, LetterState
from sago.domain.watches import Watch
from sago.errors import PermanentError, TransientError, UngroundedError, UnusableAnswerError, UsageError
from sago.llm.gateway import Gateway
from sago.llm.letters import compose_offline
from sago.outreach.composing import WRITING_TIME, compose_letter
from sago.outreach.deciding import decide
from sago.outreach.permission import ApprovalRules, TickRule
from sago.outreach.scheduling import due_watches, verdicts
from sago.outreach.standing import lay_out
from sago.pipeline.generations import Generations
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.keeping import MemoryMirror
from tests.unit.outreach.stories import (
    ARR,
    COMPANY,
    DEAL,
    EVENTS,
    NOW,
    NRR,
    POINTS,
    SETBACK,
    database,
    event,
    fold_into,
    metric,
    point,
    watch,
)

UPDATE, FIRING = watch(name="update"), watch("arr >= 2M", name="firing")


class Writer:
    """The model port over the offline letters; counts its calls, and may lie."""

    name, version, place = "offline", "1", ModelPolicy.OFFLINE

    def __init__(self, lie: str = "") -> None:
        self.calls = 0
        self.lie = lie
        self.clock = ManualClock(NOW)

    def compose(self, request: LetterRequest) -> LetterDraft:
        self.calls += 1
        draft = compose_offline(request)
        return draft.model_copy(update={"body": f"{draft.body}{self.lie}"})

    def extract(self, request: object) -> list[object]:
        return []


class Vendor(Writer):
    """Lies, or falls silent, as often as it is told to, and keeps what was objected."""

    name, place = "gemini", ModelPolicy.VENDOR

    def __init__(self, lies: int = 0, silences: int = 0, seconds: float = 0, *, adds: bool = False) -> None:
        super().__init__()
        self.lies, self.silences, self.seconds, self.adds = lies, silences, seconds, adds
        self.objected: list[tuple[str, ...]] = []

    def compose(self, request: LetterRequest) -> LetterDraft:
        self.objected.append(request.objections)
        self.clock.sleep(self.seconds)
        if self.silences >= len(self.objected):
            raise UnusableAnswerError("gemini's answer is empty")
        self.lie = "\n\nRevenue is $9.9M." if self.lies >= len(self.objected) else ""
        self.lie += "\n\nYour customers adore the product." if self.adds else ""
        return super().compose(request)


class Desk:
    """A database, a writer and a drafts folder, and the use case over them."""

    def __init__(self, *watches: Watch, lie: str = "", vendor: Vendor | None = None) -> None:
        self.database: MemoryDatabase = database(*watches)
        self.drafts = MemoryDrafts()
        self.writer = Writer(lie)
        self.writing = vendor or self.writer
        self.models = Gateway(self.writing, self.writer, ManualClock(NOW))  # type: ignore[arg-type]

    def compose(self, of: Watch, as_of: datetime = NOW) -> Letter | None:
        return compose_letter(
            of.id,
            as_of,
            database=self.database,
            models=self.models,
            drafts=self.drafts,
            clock=self.clock_at(as_of),
            setback_days=60,
            highlights=5,
        )

    def clock_at(self, moment: datetime) -> ManualClock:
        """A clock that passes while the writer writes."""
        self.writing.clock = ManualClock(moment)
        return self.writing.clock

    def decide(self, letter_id: UUID, state: LetterState) -> Letter:
        return decide(
            letter_id,
            state,
            database=self.database,
            drafts=self.drafts,
            announce=Generations(self.database, MemoryMirror()).announce,
            who="test",
            why="because",
            at=NOW,
            rules=ApprovalRules(TickRule.NEVER),
        )

    def letters(self, *, live: bool = True) -> list[Letter]:
        with self.database.begin() as tx:
            return tx.outreach.letters("orchard", live=live)


def test_an_update_has_its_months_window_and_lies_in_the_drafts() -> None:
    desk = Desk(UPDATE)
    letter = desk.compose(UPDATE)
    assert letter is not None
    assert letter.window == "2026-11"
    assert set(letter.event_ids) == {each.id for each in EVENTS}
    assert desk.letters() == [letter]
    assert list(desk.drafts.letters.values()) == [letter]


def test_the_same_events_again_give_nothing_and_ask_no_model() -> None:
    desk = Desk(UPDATE)
    first = desk.compose(UPDATE)
    desk.drafts.letters.clear()
    assert desk.compose(UPDATE) is None
    assert desk.writer.calls == 1
    assert list(desk.drafts.letters.values()) == [first], "a draft that was not laid out is laid out now"


@pytest.mark.parametrize("left", [[ARR, DEAL], [ARR, DEAL, NRR.model_copy(update={"evidence": ()})]])
def test_what_is_erased_while_a_letter_is_written_comes_not_back(left: list[Event]) -> None:
    desk = Desk(UPDATE)
    writing = desk.writer.compose

    def compose(request: LetterRequest) -> LetterDraft:
        draft = writing(request)
        fold_into(desk.database, left)
        return draft

    desk.writer.compose = compose  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="its events changed"):
        desk.compose(UPDATE)
    assert (desk.letters(live=False), desk.drafts.letters) == ([], {})


def test_a_letter_erased_before_it_was_laid_out_is_not_laid_out() -> None:
    desk = Desk(UPDATE)
    letter = desk.compose(UPDATE)
    assert letter is not None
    with desk.database.begin() as tx:
        tx.outreach.set_letter_state(letter.id, LetterState.SUPERSEDED, NOW, "test", "erased")
    lay_out(letter, desk.database, desk.drafts)
    assert desk.drafts.letters == {}
    successor = desk.compose(UPDATE)
    lay_out(letter, desk.database, desk.drafts)
    assert list(desk.drafts.letters.values()) == [successor]


def test_a_later_month_without_news_gives_no_second_update_and_keeps_the_first() -> None:
    desk = Desk(UPDATE)
    first = desk.compose(UPDATE)
    assert first is not None
    assert desk.compose(UPDATE, NOW + timedelta(days=200)) is None
    assert [letter.id for letter in desk.letters()] == [first.id]


def test_old_history_read_for_the_first_time_still_gives_an_update() -> None:
    assert Desk(UPDATE).compose(UPDATE, NOW + timedelta(days=200)) is not None


def test_changed_events_supersede_the_draft() -> None:
    desk = Desk(UPDATE)
    first = desk.compose(UPDATE)
    fold_into(desk.database, [ARR], POINTS[:1])
    second = desk.compose(UPDATE)
    assert first is not None
    assert second is not None
    assert second.event_ids == (ARR.id,)
    assert desk.letters() == [second]
    assert {each.id: each.state for each in desk.letters(live=False)}[first.id] is LetterState.SUPERSEDED
    assert list(desk.drafts.letters.values()) == [second]


def test_a_corrected_figure_of_the_same_event_supersedes_the_draft() -> None:
    desk = Desk(UPDATE)
    desk.compose(UPDATE)
    proof = NRR.evidence[0].model_copy(update={"quote": "NRR is 134%, not more", "end": 21})
    corrected = NRR.model_copy(
        update={"title": "NRR was 134%", "metrics": (metric("nrr", 134, "percent"),), "evidence": (proof,)}
    )
    fold_into(desk.database, [ARR, corrected])
    second = desk.compose(UPDATE)
    assert second is not None
    assert "134%" in second.draft.body
    assert "143%" not in second.draft.body


@pytest.mark.parametrize("state", [LetterState.APPROVED, LetterState.REJECTED])
def test_what_a_person_decided_waits_for_the_next_window(state: LetterState) -> None:
    desk = Desk(UPDATE)
    letter = desk.compose(UPDATE)
    assert letter is not None
    desk.decide(letter.id, state)
    fold_into(desk.database, [ARR], POINTS[:1])
    assert desk.compose(UPDATE) is None
    later = desk.compose(UPDATE, NOW + timedelta(days=20))
    assert later is not None
    assert later.window == "2026-12"


def test_a_letter_rejected_while_its_successor_is_written_has_none() -> None:
    desk = Desk(UPDATE)
    letter = desk.compose(UPDATE)
    assert letter is not None
    fold_into(desk.database, [ARR], POINTS[:1])
    writing = desk.writer.compose

    def compose(request: LetterRequest) -> LetterDraft:
        desk.decide(letter.id, LetterState.REJECTED)
        return writing(request)

    desk.writer.compose = compose  # type: ignore[method-assign]
    assert desk.compose(UPDATE) is None
    assert (desk.letters(), desk.drafts.letters) == ([], {})


def test_a_rejected_letter_leaves_the_drafts_and_cannot_be_approved() -> None:
    desk = Desk(UPDATE)
    letter = desk.compose(UPDATE)
    assert letter is not None
    desk.decide(letter.id, LetterState.REJECTED)
    assert desk.drafts.letters == {}
    with pytest.raises(UsageError, match="is rejected and cannot become approved"):
        desk.decide(letter.id, LetterState.APPROVED)
    assert [entry.why for entry in desk.database.state.audit_log] == ["because"]


def test_a_firing_does_not_repeat_while_it_stays_true() -> None:
    desk = Desk(FIRING)
    letter = desk.compose(FIRING)
    assert letter is not None
    assert letter.window.startswith("now:")
    assert letter.window.endswith(ARR.occurred_at.date().isoformat())
    desk.decide(letter.id, LetterState.APPROVED)
    further = event("revenue_milestone", "ARR reached $2.3M", "ARR is $2.3M", metric("arr", 2.3e6), days_ago=1)
    fold_into(desk.database, [*EVENTS, further], [*POINTS, point(further, "arr", 2.3e6)])
    assert desk.compose(FIRING) is None
    assert desk.compose(FIRING, NOW + timedelta(days=40)) is None


def test_only_now_makes_a_letter_of_a_condition_watch() -> None:
    waiting = watch("arr >= 3M", name="waiting")
    desk = Desk(waiting)
    assert desk.compose(waiting) is None
    assert desk.writer.calls == 0


def test_a_setback_withdraws_the_draft() -> None:
    desk = Desk(FIRING)
    letter = desk.compose(FIRING)
    assert letter is not None
    fold_into(desk.database, [*EVENTS, SETBACK])
    assert desk.compose(FIRING) is None
    assert desk.letters() == []
    assert desk.drafts.letters == {}


def test_without_events_there_is_no_letter_and_the_watch_is_not_due() -> None:
    desk = Desk(UPDATE)
    fold_into(desk.database, [], [])
    assert desk.compose(UPDATE) is None
    assert due_watches(desk.database, NOW) == []


def test_an_ungrounded_letter_is_refused_and_leaves_no_trace() -> None:
    desk = Desk(UPDATE, lie="\n\nP.S. Walmart signed for $9M.")
    with pytest.raises(UngroundedError, match="Walmart"):
        desk.compose(UPDATE)
    assert desk.letters(live=False) == []
    assert desk.drafts.letters == {}


def test_an_unknown_watch_gives_nothing() -> None:
    assert Desk().compose(UPDATE) is None


def test_verdicts_come_in_the_order_of_the_report() -> None:
    waiting = watch("arr >= 3M", name="waiting")
    desk = Desk(UPDATE, waiting, FIRING)
    assert [each.watch.id for each in verdicts(desk.database, NOW, 60)] == [FIRING.id, waiting.id, UPDATE.id]
    assert set(due_watches(desk.database, NOW)) == {UPDATE.id, waiting.id, FIRING.id}


def allow_vendor(desk: Desk) -> None:
    with desk.database.begin() as tx:
        tx.companies.save(COMPANY.model_copy(update={"model_policy": ModelPolicy.VENDOR}))


def test_a_company_that_allows_no_vendor_gets_its_letter_from_this_machine() -> None:
    vendor = Vendor()
    desk = Desk(FIRING, vendor=vendor)
    letter = desk.compose(FIRING)
    assert letter is not None
    assert (letter.composed_by, vendor.objected) == ("offline", [])


def test_a_refused_letter_of_a_vendor_goes_back_once_with_the_reasons() -> None:
    vendor = Vendor(lies=1)
    desk = Desk(FIRING, vendor=vendor)
    allow_vendor(desk)
    letter = desk.compose(FIRING)
    assert letter is not None
    assert letter.composed_by == "gemini"
    first, second = vendor.objected
    assert (first, second) == ((), ("body: figure '$9.9M' stands in no cited event, in “Revenue is $9.9M.”",))


def test_a_letter_refused_twice_is_not_written() -> None:
    desk = Desk(FIRING, vendor=Vendor(lies=2))
    allow_vendor(desk)
    with pytest.raises(UngroundedError, match=r"figure '\$9\.9M'"):
        desk.compose(FIRING)
    assert desk.letters(live=False) == []


@pytest.mark.parametrize(("lies", "seconds", "calls"), [(0, 0, 2), (0, WRITING_TIME / 2 + 1, 1), (1, 0, 2)])
def test_words_alone_that_no_event_has_go_back_once_and_are_left_to_a_person(
    lies: int, seconds: float, calls: int
) -> None:
    vendor = Vendor(lies, seconds=seconds, adds=True)
    desk = Desk(FIRING, vendor=vendor)
    allow_vendor(desk)
    letter = desk.compose(FIRING)
    assert letter is not None
    assert letter.draft.body.endswith("adore the product.")
    assert len(vendor.objected) == calls
    assert all(any("addition 'adore" in each for each in objected) for objected in vendor.objected[1:])
    assert desk.compose(FIRING) is None, "the draft stands"


def test_an_answer_is_kept_where_the_next_one_is_worse() -> None:
    vendor = Vendor(adds=True)
    desk = Desk(FIRING, vendor=vendor)
    allow_vendor(desk)
    writing = vendor.compose

    def worse(request: LetterRequest) -> LetterDraft:
        draft = writing(request)
        lie = "\n\nRevenue is $9.9M." if request.objections else ""
        return draft.model_copy(update={"body": f"{draft.body}{lie}"})

    vendor.compose = worse  # type: ignore[method-assign]
    letter = desk.compose(FIRING)
    assert letter is not None
    assert "$9.9M" not in letter.draft.body
    assert len(vendor.objected) == 2


@pytest.mark.parametrize(("seconds", "calls"), [(WRITING_TIME / 2, 2), (WRITING_TIME / 2 + 1, 1)])
def test_a_refused_letter_goes_back_only_where_a_second_answer_fits_into_the_tasks_time(
    seconds: float, calls: int
) -> None:
    vendor = Vendor(lies=2, seconds=seconds)
    desk = Desk(FIRING, vendor=vendor)
    allow_vendor(desk)
    kind = UngroundedError if calls == 2 else UnusableAnswerError
    with pytest.raises(kind, match=r"figure '\$9\.9M'"):
        desk.compose(FIRING)
    assert len(vendor.objected) == calls


@pytest.mark.parametrize(("silences", "kind"), [(1, None), (2, PermanentError)])
def test_an_answer_that_is_no_letter_is_asked_for_once_more(silences: int, kind: type[Exception] | None) -> None:
    desk = Desk(FIRING, vendor=Vendor(silences=silences))
    allow_vendor(desk)
    if kind is None:
        assert desk.compose(FIRING) is not None
        return
    with pytest.raises(kind, match="answer is empty") as raised:
        desk.compose(FIRING)
    assert not isinstance(raised.value, UngroundedError)


def test_a_setback_of_the_same_weeks_stands_in_the_letter_and_among_its_events() -> None:
    loss = event(
        "setback", "Fjord Bank will not renew", "Fjord Bank told us they will not renew", days_ago=9, severity="medium"
    )
    desk = Desk(FIRING)
    fold_into(desk.database, [*EVENTS, loss])
    letter = desk.compose(FIRING)
    assert letter is not None
    assert "Fjord Bank will not renew (11 November)" in letter.draft.body
    assert loss.id in letter.event_ids


@pytest.mark.parametrize(("days_ago", "severity"), [(200, "medium"), (9, "low")])
def test_an_old_or_a_small_setback_is_none_of_the_letters(days_ago: float, severity: str) -> None:
    loss = event("setback", "Fjord Bank will not renew", "they will not renew", days_ago=days_ago, severity=severity)
    desk = Desk(FIRING)
    fold_into(desk.database, [*EVENTS, loss])
    letter = desk.compose(FIRING)
    assert letter is not None
    assert "Fjord" not in letter.draft.body
    assert loss.id not in letter.event_ids
