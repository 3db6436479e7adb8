"""The three verdicts, and which events a letter tells."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import Severity
from sago.domain.watches import Outcome
from sago.outreach.selection import choose, other_side
from sago.outreach.significance import scores
from sago.outreach.verdicts import judge, name_of
from tests.unit.outreach.stories import ARR, DEAL, EVENTS, NOW, NRR, POINTS, SETBACK, event, metric, point, watch


def test_now_when_every_condition_holds() -> None:
    verdict = judge(watch("arr >= 2M", "enterprise_deal >= 1"), EVENTS, POINTS, NOW, 60)
    assert verdict.outcome is Outcome.NOW
    assert "ARR was $2.1M on 14 November" in verdict.because


def test_not_yet_names_only_what_is_missing() -> None:
    verdict = judge(watch("arr >= 2M", "nrr >= 150%"), EVENTS, POINTS, NOW, 60)
    assert verdict.outcome is Outcome.NOT_YET
    assert verdict.because == "NRR is 143% of 150%, 7 points to go."


@pytest.mark.parametrize(
    ("condition", "name"),
    [("customers >= 100", "customers"), ("gross margin > 70%", "gross margin"), ("nps > 4", "NPS")],
)
def test_a_figure_is_named_within_a_sentence_as_people_write_it(condition: str, name: str) -> None:
    figure = point(ARR, condition.split(" >")[0].replace(" ", "_"), 3, "percent" if "%" in condition else "count")
    (told,) = judge(watch(condition), EVENTS, [figure], NOW, 60).results
    assert name_of(told) == name
    verdict = judge(watch(condition), EVENTS, [], NOW, 60)
    assert verdict.because == f"No {name} {'were' if name == 'customers' else 'was'} ever stated."


def test_a_recent_high_setback_speaks_against_writing_with_its_quote_and_day() -> None:
    verdict = judge(watch("arr >= 2M"), [*EVENTS, SETBACK], POINTS, NOW, 60)
    assert verdict.outcome is Outcome.DO_NOT_WRITE
    assert verdict.against == (SETBACK,)
    assert "18 November" in verdict.because
    assert SETBACK.evidence[0].quote in verdict.because


def test_an_old_a_mild_or_a_withdrawn_setback_does_not() -> None:
    old = SETBACK.model_copy(update={"occurred_at": NOW - timedelta(days=61)})
    mild = SETBACK.model_copy(update={"severity": Severity.MEDIUM})
    gone = SETBACK.model_copy(update={"is_active": False})
    for setback in (old, mild, gone):
        assert judge(watch("arr >= 2M"), [*EVENTS, setback], POINTS, NOW, 60).outcome is Outcome.NOW


def test_a_watch_without_conditions_is_an_update() -> None:
    assert judge(watch(), [*EVENTS, SETBACK], POINTS, NOW, 60).outcome is Outcome.UPDATE


def test_setbacks_and_outdated_figures_are_not_told() -> None:
    outdated = event("revenue_milestone", "ARR reached $1.8M", "ARR is $1.8M", metric("arr", 1.8e6), days_ago=40)
    assert set(choose([*EVENTS, SETBACK, outdated], NOW, 5)) == set(EVENTS)


def test_one_fact_is_told_once_and_kinds_are_mixed() -> None:
    again = event("enterprise_deal", "Kestrel Air signed a contract", "Kestrel Air is signed", days_ago=9)
    hire = event("hiring", "Vera Holt joins as CTO", "Vera Holt accepted, CTO", severity="medium")
    deals = [event("enterprise_deal", f"{name} signed", f"{name} signed") for name in ("Alpha", "Borealis", "Cinder")]
    chosen = choose([ARR, DEAL, NRR, again, hire, *deals], NOW, 5)
    assert len([each for each in chosen if each in (DEAL, again)]) <= 1
    assert len({each.event_type for each in chosen}) >= 3


@given(st.permutations(EVENTS), st.integers(min_value=0, max_value=5))
def test_the_choice_does_not_depend_on_the_order(events: list[object], limit: int) -> None:
    assert choose(events, NOW, limit) == choose(EVENTS, NOW, limit)  # type: ignore[arg-type]


def test_all_that_is_grave_stands_on_the_other_side_the_heaviest_first() -> None:
    old, new = (event("setback", f"Lost customer {days}", "they leave", days_ago=days) for days in (50, 2))
    mild = event("setback", "A short outage", "a short outage", days_ago=1, severity="medium")
    weighed = scores([old, new, mild], NOW)
    since = NOW - timedelta(days=60)
    assert other_side([mild, old, new], since, NOW, weighed) == [new, old]
    assert other_side([mild], since, NOW, weighed) == [mild]
    assert other_side([old, new], NOW - timedelta(days=9), NOW, weighed) == [new]
