"""Change over a period: two stated figures, told with their days; nothing computed between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import Event, MetricPoint
from sago.domain.watches import Outcome
from sago.outreach.conditions import holds, parse
from sago.outreach.proofs import evaluate, held_since
from sago.outreach.verdicts import judge
from tests.unit.outreach.stories import MET, event, metric, point, watch

APRIL = datetime(2026, 4, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 4, 3, 9, tzinfo=UTC)


def said(day: datetime, value: float, name: str = "mrr", unit: str = "USD") -> tuple[Event, MetricPoint]:
    title = f"{name.upper()} reached ${value / 1000:g}k on {day:%d %B}"
    made = event("revenue_milestone", title, f"{name} is at ${value / 1000:g}k", metric(name, value, unit))
    made = made.model_copy(update={"occurred_at": day})
    return made, point(made, name, value, unit)


def history(*told: tuple[Event, MetricPoint]) -> tuple[list[Event], list[MetricPoint]]:
    return [each for each, _ in told], [each for _, each in told]


JANUARY = said(datetime(2026, 1, 1, 18, tzinfo=UTC), 156_000)
NEWEST = said(APRIL, 175_000)
STORY = history(JANUARY, NEWEST)


def test_a_change_is_told_with_both_its_ends() -> None:
    verdict = judge(watch("mrr growth 3m >= 20%"), *STORY, NOW, 60)
    assert verdict.outcome is Outcome.NOT_YET
    assert verdict.because == (
        "MRR grew 12% in the 3 months to 1 April, from $156k to $175k; you asked for at least 20%."
    )
    (result,) = verdict.results
    assert [proof.quote for proof in result.proof] == ["mrr is at $156k", "mrr is at $175k"]
    assert result.missing == "12%, 7.8 points away"
    assert result.note == "MRR $156k on 1 January → $175k on 1 April"


def test_a_change_that_was_asked_for_fires_on_the_day_of_its_figure() -> None:
    condition = parse("mrr growth 3m >= 12%")
    assert evaluate(condition, *STORY, MET, NOW).holds
    assert held_since(condition, *STORY, MET, NOW) == APRIL.date()
    events, points = history(JANUARY, NEWEST, said(APRIL + timedelta(days=9), 180_000))
    assert held_since(condition, events, points, MET, NOW + timedelta(days=20)) == APRIL.date(), "the same firing"


def test_a_period_without_a_figure_ends_it_and_the_next_change_fires_anew() -> None:
    condition = parse("mrr growth 3m >= 10%")
    late = datetime(2026, 7, 3, tzinfo=UTC)
    result = evaluate(condition, *STORY, MET, late)
    assert not result.holds
    assert result.missing == "no MRR of the last 3 months; the newest is $175k of 1 April"
    assert held_since(condition, *STORY, MET, late) is None
    further = [said(late + timedelta(days=d), value) for d, value in ((0, 180_000), (85, 220_000))]
    events, points = history(JANUARY, NEWEST, *further)
    assert held_since(condition, events, points, MET, late + timedelta(days=90)) == (late + timedelta(days=85)).date()


@pytest.mark.parametrize(
    ("days_from_start", "compares"), [(-46, False), (-44, True), (0, True), (8, True), (10, False)]
)
def test_the_earlier_figure_lies_near_the_periods_start(days_from_start: int, compares: bool) -> None:
    start = datetime(2026, 1, 1, 9, tzinfo=UTC)
    events, points = history(said(start + timedelta(days=days_from_start), 100_000), NEWEST)
    result = evaluate(parse("mrr growth 3m > 0%"), events, points, MET, NOW)
    assert (result.seen == 75) is compares
    if not compares:
        assert result.missing == "no MRR in USD from about 1 January to compare with the $175k of 1 April"


def test_a_figure_that_misses_the_start_is_told_with_its_day() -> None:
    events, points = history(said(datetime(2025, 12, 10, tzinfo=UTC), 100_000), NEWEST)
    verdict = judge(watch("mrr growth 3m > 0%"), events, points, NOW, 60)
    assert verdict.because == (
        "MRR grew 75% in the 3 months to 1 April, from $100k on 10 December 2025 to $175k; you asked for growth."
    )


@pytest.mark.parametrize("unit", ["EUR", "XXX"])
def test_other_and_unstated_currencies_compare_to_nothing(unit: str) -> None:
    events, points = history(JANUARY, said(APRIL, 900_000, unit=unit))
    result = evaluate(parse("mrr growth 3m >= 20%"), events, points, MET, NOW)
    assert (result.holds, result.seen) == (False, None)
    assert ("without a currency" if unit == "XXX" else "no MRR in EUR from about 1 January") in result.missing


def test_growth_from_nothing_is_no_share() -> None:
    events, points = history(said(JANUARY[1].as_of, 0), NEWEST)
    assert evaluate(parse("mrr growth 3m >= 20%"), events, points, MET, NOW).seen is None


def test_the_change_of_arr_is_that_of_mrr_where_nobody_states_arr() -> None:
    result = evaluate(parse("arr growth 3m >= 10%"), *STORY, MET, NOW)
    assert result.holds
    assert result.note.endswith(", which ARR follows")
    stated = history(said(JANUARY[1].as_of, 2e6, "arr"), said(APRIL, 3e6, "arr"), JANUARY, NEWEST)
    assert evaluate(parse("arr growth 3m >= 10%"), *stated, MET, NOW).seen == 50


def test_a_decline_is_asked_and_told_as_one() -> None:
    events, points = history(JANUARY, said(APRIL, 150_000))
    verdict = judge(watch("mrr decline 3m <= 3%"), events, points, NOW, 60)
    assert verdict.because == (
        "MRR fell 3.8% in the 3 months to 1 April, from $156k to $150k; you asked for a decline of at most 3%."
    )


def test_what_is_said_later_is_not_compared_yet() -> None:
    day_before = APRIL - timedelta(days=1)
    assert evaluate(parse("mrr growth 3m > 0%"), *STORY, MET, day_before).seen is None


@given(st.floats(min_value=-99, max_value=900), st.sampled_from(["<", "<=", ">", ">="]), st.integers(-50, 50))
def test_a_rounded_change_says_the_same_of_its_condition(share: float, op: str, asked: int) -> None:
    condition = parse(f"mrr growth 3m {op} {asked}%")
    events, points = history(JANUARY, said(APRIL, 156_000 * (1 + share / 100)))
    result = evaluate(condition, events, points, MET, NOW)
    assert result.seen is not None
    assert holds(condition, result.seen) is result.holds


@given(st.permutations(range(6)))
def test_the_order_of_the_points_changes_nothing(order: list[int]) -> None:
    told = [said(datetime(2025, 11, 1, tzinfo=UTC) + timedelta(days=30 * n), 100_000 + 9_000 * n) for n in range(6)]
    condition = parse("mrr growth 3m >= 15%")
    events, points = history(*(told[n] for n in order))
    assert evaluate(condition, events, points, MET, NOW) == evaluate(condition, *history(*told), MET, NOW)
    assert held_since(condition, events, points, MET, NOW) == held_since(condition, *history(*told), MET, NOW)


@pytest.mark.parametrize("percent", [7, 14, 28, 29, 57, 58])
def test_growth_that_is_met_exactly_is_met(percent: int) -> None:
    told = history(said(datetime(2026, 1, 1, 9, tzinfo=UTC), 100_000), said(APRIL, 100_000 + percent * 1000))
    for operator in (">=", "<="):
        assert evaluate(parse(f"mrr growth 3m {operator} {percent}%"), *told, MET, NOW).holds


def test_arr_that_grew_by_mrr_and_then_by_its_own_figures_fires_once() -> None:
    told = history(
        said(datetime(2026, 1, 5, 9, tzinfo=UTC), 100_000), said(datetime(2026, 4, 5, 9, tzinfo=UTC), 130_000),
        said(datetime(2026, 2, 5, 9, tzinfo=UTC), 1.2e6, "arr"),
        said(datetime(2026, 5, 5, 9, tzinfo=UTC), 1.7e6, "arr"),
    )  # fmt: skip
    condition = parse("arr growth 3m >= 20%")
    for as_of in (datetime(2026, 4, 10, tzinfo=UTC), datetime(2026, 5, 10, tzinfo=UTC)):
        start = held_since(condition, *told, MET, as_of)
        assert start is not None
        assert (start.month, start.day) == (4, 5)
