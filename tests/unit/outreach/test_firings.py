"""One firing has one letter, whatever is told of it later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sago.domain.events import EventType, Extraction, Observation, Severity, Status
from sago.domain.letters import LetterState
from sago.pipeline.extraction import refold
from tests.unit.outreach.desks import Desk
from tests.unit.outreach.stories import ARR, DEAL, EVENTS, NOW, NRR, POINTS, event, fold_into, metric, point, watch


def decide(desk: Desk, *states: LetterState) -> None:
    (letter,) = desk.letters()
    for state in states:
        desk.set_state(letter, state)


SENT = (LetterState.APPROVED, LetterState.QUEUED, LetterState.SENT)


@pytest.mark.parametrize("states", [SENT, (LetterState.REJECTED,)])
def test_an_earlier_figure_told_later_writes_no_second_letter(states: tuple[LetterState, ...]) -> None:
    waiting = watch("arr >= 2M")
    desk = Desk(waiting)
    assert desk.compose(waiting)
    decide(desk, *states)
    told = event("revenue_milestone", "ARR was $2.05M", "ARR was $2.05M", metric("arr", 2.05e6), days_ago=1)
    earlier = point(told, "arr", 2.05e6).model_copy(update={"as_of": NOW - timedelta(days=20)})
    fold_into(desk.database, [*EVENTS, told], [*POINTS, earlier])
    assert desk.compose(waiting) is None


def test_arr_stated_after_the_mrr_that_met_it_writes_no_second_letter() -> None:
    waiting = watch("arr >= 2M")
    base = event("revenue_milestone", "ARR was $1.5M", "ARR is $1.5M", metric("arr", 1.5e6), days_ago=60)
    mrr = event("revenue_milestone", "MRR was $180k", "MRR closed at $180k", metric("mrr", 180e3), days_ago=30)
    points = [point(base, "arr", 1.5e6), point(mrr, "mrr", 180e3)]
    desk = Desk(waiting)
    fold_into(desk.database, [base, mrr, DEAL], points)
    first = desk.compose(waiting)
    assert first
    assert first.window.endswith(str(mrr.occurred_at.date()))
    decide(desk, *SENT)
    fold_into(desk.database, [base, mrr, DEAL, ARR], [*points, point(ARR, "arr", 2.1e6)])
    assert desk.compose(waiting) is None


def test_an_earlier_proof_of_a_deal_writes_no_second_letter() -> None:
    waiting = watch("enterprise_deal >= 1")
    desk = Desk(waiting)
    assert desk.compose(waiting)
    decide(desk, *SENT)
    earlier = DEAL.model_copy(update={"occurred_at": DEAL.occurred_at - timedelta(days=2)})
    fold_into(desk.database, [ARR, earlier, NRR])
    assert desk.compose(waiting) is None


def test_what_ceased_to_hold_and_holds_again_is_another_firing() -> None:
    waiting = watch("arr >= 2M")
    desk = Desk(waiting)
    assert desk.compose(waiting)
    decide(desk, *SENT)
    fell = event("revenue_milestone", "ARR was $1.9M", "ARR is $1.9M", metric("arr", 1.9e6), days_ago=2)
    rose = event("revenue_milestone", "ARR was $2.2M", "ARR is $2.2M", metric("arr", 2.2e6), days_ago=1)
    points = [*POINTS, point(fell, "arr", 1.9e6), point(rose, "arr", 2.2e6)]
    fold_into(desk.database, [*EVENTS, fell, rose], points)
    assert desk.compose(waiting)


def said(days_ago: float, text: str, arr: float, **other: Any) -> Observation:
    """A word on the ARR, as a reader found it."""
    fields = {
        "company_id": "orchard", "message_id": f"slack:{days_ago}", "source": "slack", "sender": "nell", "start": 0,
        "end": len(text), "quote": text, "event_type": EventType.REVENUE_MILESTONE, "status": Status.ACTUAL,
        "severity": Severity.HIGH, "title": text, "metrics": (metric("arr", arr),), "extractor": "x",
        "extractor_version": "1", "said_at": NOW - timedelta(days=days_ago), "recorded_at": NOW,
    }  # fmt: skip
    return Observation(**(fields | other))


def hear(desk: Desk, *told: Observation) -> None:
    """These were read, and all that was heard is folded anew."""
    with desk.database.begin() as tx:
        kept = {"company_id", "message_id", "version", "extractor", "extractor_version"}
        readings = [Extraction(**each.model_dump(include=kept), finished_at=NOW) for each in told]
        tx.events.append(told, readings)
        refold(tx, "orchard", NOW)


BEFORE = said(60, "Our ARR is $1.5M at the end of the quarter", 1.5e6)
PASSED = said(6, "We just passed $2.1M ARR with the Delta contract", 2.1e6)
OTHER_FIGURE = said(2, "Correction: ARR is $2.05M, not $2.1M", 2.05e6, corrects=True)
OTHER_DAY = PASSED.model_copy(update={"version": 1, "said_at": NOW - timedelta(days=3)})
TOO_LOW = said(2, "Correction: ARR is $1.9M, not $2.1M", 1.9e6, corrects=True)
MONTHS_LATER = said(-150, "ARR reached $2.4M on the new enterprise plan", 2.4e6)
DECIDED = [SENT[:1], SENT[:2], SENT, (LetterState.REJECTED,)]


@pytest.mark.parametrize("states", DECIDED)
@pytest.mark.parametrize("corrected", [OTHER_FIGURE, OTHER_DAY], ids=["figure", "day"])
def test_a_fact_that_is_corrected_to_a_later_day_writes_no_second_letter(
    states: tuple[LetterState, ...], corrected: Observation
) -> None:
    waiting = watch("arr >= 2M")
    desk = Desk(waiting)
    hear(desk, BEFORE, PASSED)
    first = desk.compose(waiting)
    assert first
    decide(desk, *states)
    hear(desk, corrected)
    assert desk.compose(waiting) is None
    assert [each.id for each in desk.letters(live=False)] == [first.id]


def test_a_draft_of_a_corrected_day_gives_way_to_one_of_the_right_day() -> None:
    waiting = watch("arr >= 2M")
    desk = Desk(waiting)
    hear(desk, BEFORE, PASSED)
    first = desk.compose(waiting)
    hear(desk, OTHER_DAY)
    second = desk.compose(waiting)
    assert first
    assert second
    assert second.window > first.window
    assert desk.letter(first.id).state is LetterState.SUPERSEDED


@pytest.mark.parametrize("states", [(), *DECIDED])
def test_what_is_corrected_to_not_held_and_holds_months_later_is_another_firing(
    states: tuple[LetterState, ...],
) -> None:
    waiting = watch("arr >= 2M")
    desk = Desk(waiting)
    hear(desk, BEFORE, PASSED)
    first = desk.compose(waiting)
    assert first
    decide(desk, *states)
    hear(desk, TOO_LOW)
    assert desk.compose(waiting) is None
    assert desk.letter(first.id).state is (states[-1] if states else LetterState.SUPERSEDED)
    hear(desk, MONTHS_LATER)
    desk.pass_time(days=151)
    second = desk.compose(waiting)
    assert second
    assert second.window > first.window


def test_a_corrected_fact_that_goes_by_another_name_writes_no_second_letter() -> None:
    """An earlier proof gave it another id, and the correction another day."""
    waiting = watch("arr >= 2M")
    desk = Desk(waiting)
    hear(desk, BEFORE, PASSED)
    assert desk.compose(waiting)
    decide(desk, *SENT)
    earlier = said(7, "Counted again: $2.1M ARR with the Delta contract", 2.1e6)
    hear(desk, earlier)
    hear(desk, OTHER_FIGURE)
    assert desk.compose(waiting) is None
