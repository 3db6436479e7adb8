"""Events counted in a period, and their absence: what holds on which day, and since when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import Event, Severity
from sago.domain.watches import Outcome
from sago.outreach.conditions import parse
from sago.outreach.proofs import evaluate, held_since
from sago.outreach.verdicts import judge
from tests.unit.outreach.stories import DEAL, MET, NOW, SETBACK, event, watch

OLDER = event("enterprise_deal", "Borealis signed", "Borealis signed", days_ago=120, severity="low")


def test_a_period_counts_only_what_lies_in_it_whenever_you_met() -> None:
    assert evaluate(parse("enterprise_deal >= 2"), [DEAL, OLDER], [], MET, NOW).holds
    result = evaluate(parse("enterprise_deal >= 2 in 90d"), [DEAL, OLDER], [], MET, NOW)
    assert not result.holds
    assert result.missing == "1 of 2: enterprise deal in the last 90 days"
    assert evaluate(parse("enterprise_deal >= 2 in 4m"), [DEAL, OLDER], [], NOW.date(), NOW).holds


def test_a_severity_counts_what_is_at_least_so_severe() -> None:
    mild = OLDER.model_copy(update={"severity": Severity.MEDIUM})
    assert evaluate(parse("enterprise_deal high >= 1"), [DEAL, mild], [], MET, NOW).seen == 1
    assert evaluate(parse("enterprise_deal medium >= 1"), [DEAL, mild], [], MET, NOW).seen == 2
    assert evaluate(parse("enterprise_deal high >= 1"), [mild], [], MET, NOW).missing == (
        "no major enterprise deal since 2 March"
    )


def test_an_absence_says_what_broke_it_and_when_it_can_hold_again() -> None:
    result = evaluate(parse("no setback high in 60d"), [SETBACK], [], MET, NOW)
    assert not result.holds
    assert result.proof == SETBACK.evidence
    assert result.missing == (
        "1 serious setback in the last 60 days, on 18 November; none asked, so not before 17 January 2027"
    )
    assert evaluate(parse("no setback high in 60d"), [SETBACK], [], MET, NOW + timedelta(days=59)).holds


def test_an_absence_that_holds_reads_as_one() -> None:
    verdict = judge(watch("no setback high in 60d", "enterprise_deal >= 1 in 1y"), [DEAL], [], NOW, 60)
    assert verdict.outcome is Outcome.NOW
    assert verdict.because == (
        "No serious setback in the last 60 days; 1 enterprise deal in the last year, the latest on 10 November."
    )


def test_a_broken_absence_fires_anew_once_its_period_is_over() -> None:
    absence = parse("no setback high in 60d")
    over = (SETBACK.occurred_at + timedelta(days=60)).date()
    assert held_since(absence, [], [], MET, NOW) is None, "nothing happened that could name a firing"
    assert held_since(absence, [SETBACK], [], MET, NOW) is None
    assert held_since(absence, [SETBACK], [], MET, NOW + timedelta(days=59)) == over
    assert held_since(absence, [SETBACK], [], MET, NOW + timedelta(days=300)) == over


def test_a_count_in_a_period_ends_when_an_event_grows_too_old() -> None:
    condition = parse("enterprise_deal >= 1 in 90d")
    signed, lapsed = OLDER.occurred_at, OLDER.occurred_at + timedelta(days=90)
    assert held_since(condition, [OLDER], [], MET, signed + timedelta(days=89)) == signed.date()
    assert held_since(condition, [OLDER], [], MET, lapsed) is None
    assert held_since(condition, [OLDER, DEAL], [], MET, NOW) == DEAL.occurred_at.date(), "held, lapsed, held again"
    again = DEAL.model_copy(update={"occurred_at": lapsed - timedelta(days=1)})
    assert held_since(condition, [OLDER, again], [], MET, NOW) == signed.date(), "it never ceased to hold"


def test_what_would_hold_without_any_event_names_no_day() -> None:
    assert held_since(parse("setback <= 1"), [SETBACK], [], MET, NOW) is None


def _events(days: list[int]) -> list[Event]:
    return [event("setback", f"Setback number {number} came", "said", days_ago=d) for number, d in enumerate(days)]


@given(
    st.lists(st.integers(min_value=0, max_value=200), max_size=6),
    st.sampled_from(["no setback in 60d", "setback >= 2 in 8w", "setback < 2 in 2m", "setback >= 1"]),
    st.randoms(use_true_random=False),
)
def test_what_holds_depends_on_no_order_and_its_first_day_is_true(days: list[int], text: str, random: object) -> None:
    events, condition = _events(days), parse(text)
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    result = evaluate(condition, events, [], date(2026, 1, 1), NOW)
    start = held_since(condition, events, [], date(2026, 1, 1), NOW)
    assert evaluate(condition, shuffled, [], date(2026, 1, 1), NOW) == result
    assert held_since(condition, shuffled, [], date(2026, 1, 1), NOW) == start
    assert result.holds or start is None
    if start:
        later = [NOW - timedelta(days=back) for back in range(200) if (NOW - timedelta(days=back)).date() > start]
        assert all(evaluate(condition, events, [], date(2026, 1, 1), moment).holds for moment in later)


@pytest.mark.parametrize(("text", "seen"), [("no setback in 2d", 0), ("no setback in 3d", 1)])
def test_an_event_counts_until_its_period_is_over_to_the_hour(text: str, seen: int) -> None:
    assert evaluate(parse(text), [SETBACK], [], None, NOW).seen == seen
