"""What an event weighs: each part by itself, and their product."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import CATALOGUE, Event, EventType, Severity
from sago.domain.significance import Scale
from sago.outreach.significance import newly_met, precedents, scores
from tests.unit.outreach.stories import DEAL, EVENTS, NOW, NRR, event, metric, watch

SCALE = Scale()
TYPES = st.sampled_from(EventType)


def deal(number: int, days_ago: float, value: float = 50_000) -> Event:
    told = metric("contract_value", value)
    return event("enterprise_deal", f"Customer {number} signed", f"Customer {number} signed", told, days_ago=days_ago)


def arr(value: float, days_ago: float) -> Event:
    return event(
        "revenue_milestone", f"ARR {value}, {days_ago}", f"ARR is {value}", metric("arr", value), days_ago=days_ago
    )


@given(TYPES, st.floats(0, 400))
def test_a_severer_event_weighs_more(event_type: EventType, days_ago: float) -> None:
    values = []
    for severity in ("low", "medium", "high"):
        one = event(event_type, "One event", "One event", days_ago=days_ago, severity=severity)
        values.append(scores([one], NOW)[one.id].value)
    assert 0 < values[0] < values[1] < values[2]


@given(TYPES, st.floats(0, 200))
def test_at_the_half_life_an_event_weighs_half(event_type: EventType, days_ago: float) -> None:
    one = event(event_type, "One event", "One event", days_ago=days_ago)
    later = NOW + timedelta(days=SCALE.half_life(event_type))
    assert scores([one], later)[one.id].value == pytest.approx(scores([one], NOW)[one.id].value / 2)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    rows = draw(
        st.lists(st.tuples(TYPES, st.integers(0, 500), st.sampled_from(Severity), st.integers(1, 5)), max_size=20)
    )
    return [
        event(kind, f"Event {n}", f"Event {n}", metric("arr", value), days_ago=days, severity=severity)
        for n, (kind, days, severity, value) in enumerate(rows)
    ]  # fmt: skip


@given(histories(), st.randoms(use_true_random=False))
def test_no_score_is_negative_or_depends_on_the_order(events: list[Event], chance: object) -> None:
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    found = scores(events, NOW)
    assert scores(shuffled, NOW) == found
    assert all(0 <= each.value <= each.points for each in found.values())


@given(histories())
def test_a_value_is_the_product_of_the_parts_that_are_told(events: list[Event]) -> None:
    for each in scores(events, NOW).values():
        assert each.value == pytest.approx(each.points * each.weight * each.novelty * each.decay)
        assert f"severity {each.severity.value} {each.points:.1f}" in each.because
        told = re.search(r"novelty ([\d.]+) .* decay ([\d.]+)", each.because)
        assert told
        assert [float(part) for part in told.groups()] == pytest.approx([each.novelty, each.decay], abs=0.005 + 1e-9)


@given(st.integers(2, 12))
def test_each_repetition_is_less_novel_than_the_one_before(count: int) -> None:
    repeated = [deal(number, days_ago=100 - number) for number in range(count)]
    novelties = [before.novelty for _, before in sorted_by_day(repeated)]
    assert novelties[0] == 1
    assert all(later < earlier for earlier, later in pairwise(novelties))


def sorted_by_day(events: list[Event]) -> list[tuple[Event, object]]:
    found = precedents(events)
    return [(each, found[each.id]) for each in sorted(events, key=lambda each: each.occurred_at)]


def test_a_record_is_more_novel_than_another_of_the_same_size_and_less_than_the_first() -> None:
    steady = [arr(1e6, 90 - n) for n in range(4)]
    found = precedents([*steady, record := arr(2e6, 5), again := arr(2e6, 4)])
    assert 1 > found[record.id].novelty > found[again.id].novelty
    assert found[record.id].text == "fifth of its kind in 180 days, highest ARR so far"
    assert found[again.id].text == "sixth of its kind in 180 days"


def test_the_largest_contract_by_the_year_is_a_record() -> None:
    small, large = (
        event(
            "enterprise_deal", f"{name} signed", f"{name} signed", metric("annual contract value", value), days_ago=days
        )
        for name, value, days in (("Halden", 54_000, 12), ("Meridian", 210_000, 6))
    )
    assert precedents([small, large])[large.id].text == "second of its kind in 180 days, highest contract value so far"


def test_less_churn_is_the_record() -> None:
    worse = event("revenue_milestone", "Churn 3%", "churn 3%", metric("churn", 3, "percent"), days_ago=40)
    better = event("revenue_milestone", "Churn 2%", "churn 2%", metric("churn", 2, "percent"), days_ago=4)
    assert precedents([worse, better])[better.id].text == "second of its kind in 180 days, lowest churn so far"


def test_less_burn_is_the_record_by_whatever_name() -> None:
    before, less = (
        event("revenue_milestone", f"Net burn {n}", f"net burn {n}k", metric("net burn", n * 1e3), days_ago=d)
        for n, d in ((120, 40), (80, 4))
    )
    assert precedents([before, less])[less.id].record == "burn"


def test_what_is_longer_ago_than_half_a_year_repeats_nothing() -> None:
    assert precedents([deal(1, 200), latest := deal(2, 10)])[latest.id].earlier == 0


def test_the_line_tells_every_part() -> None:
    deals = [deal(n, days_ago) for n, days_ago in enumerate((60, 40, 8))]
    assert scores(deals, NOW)[deals[-1].id].because == (
        "severity high 3.0 × enterprise deal 0.9 × novelty 0.722 (third of its kind in 180 days) × "
        "decay 0.831 (8 days, half-life 30)"
    )


def test_a_watch_weighs_types_its_own_way() -> None:
    own = watch().model_copy(update={"weights": {EventType.ENTERPRISE_DEAL: 0.2}})
    ours, usual = (scores(EVENTS, NOW, weights)[DEAL.id] for weights in (own.weights, None))
    assert (ours.weight, usual.weight) == (0.2, CATALOGUE[EventType.ENTERPRISE_DEAL].weight)
    assert ours.value == pytest.approx(usual.value * 0.2 / usual.weight)


def test_what_is_withdrawn_or_not_yet_said_has_no_score_and_repeats_nothing() -> None:
    gone = deal(1, 20).model_copy(update={"is_active": False})
    ahead = deal(2, -3)
    found = scores([gone, ahead, latest := deal(3, 1)], NOW)
    assert found.keys() == {latest.id}
    assert found[latest.id].novelty == 1


def test_a_condition_newly_met_weighs_as_a_high_event_of_its_day() -> None:
    (condition,) = watch("arr >= 2M").conditions
    fresh, old = (newly_met(condition, (NOW - timedelta(days=n)).date(), NOW, SCALE) for n in (0, 30))
    assert (fresh.value, old.value) == (3, 1.5)
    assert old.because == "newly met 3.0, since 21 October × decay 0.50 (30 days, half-life 30)"


def test_only_those_asked_for_are_scored_but_all_are_history() -> None:
    whole, one = scores(EVENTS, NOW), scores(EVENTS, NOW, of=[NRR])
    assert one == {NRR.id: whole[NRR.id]}
    assert one[NRR.id].novelty < 1, "ARR came before"


def test_the_parts_that_are_shown_multiply_to_the_score_that_is_shown() -> None:
    hires = [event("hiring", f"Hire {n}", f"Hire {n} joined", days_ago=n) for n in range(1, 60, 2)]
    for score in scores(hires, NOW).values():
        shown = re.search(r"novelty ([\d.]+) .* decay ([\d.]+)", score.because)
        assert shown
        product = score.points * score.weight * float(shown[1]) * float(shown[2])
        assert f"{product:.2f}" == f"{score.value:.2f}"
