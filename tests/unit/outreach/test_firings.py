"""One firing has one letter, whatever is told of it later."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sago.domain.letters import LetterState
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
