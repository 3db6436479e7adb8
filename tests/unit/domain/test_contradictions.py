"""Two figures of one metric and month are shown; growth, rounding and deals are no contradictions."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from sago.domain.contradictions import contradictions
from sago.domain.events import MetricPoint

OCTOBER = datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)


def point(event: int, value: float, metric: str = "arr", unit: str = "USD", as_of: datetime = OCTOBER) -> MetricPoint:
    return MetricPoint(
        company_id="acme", metric=metric, value=value, unit=unit, as_of=as_of, said_at=as_of, event_id=UUID(int=event)
    )


def test_each_of_two_events_is_told_what_the_other_says() -> None:
    found = contradictions([point(1, 2.1e6), point(2, 2.3e6), point(3, 9e5, "mrr")])
    assert {event.int: [each.text for each in against] for event, against in found.items()} == {
        1: ["$2.1M ARR here, $2.3M ARR there, both for October 2026"],
        2: ["$2.3M ARR here, $2.1M ARR there, both for October 2026"],
    }


@pytest.mark.parametrize(
    "other",
    [
        point(2, 2.1e6),
        point(2, 2.105e6),
        point(1, 2.3e6),
        point(2, 2.3e6, unit="EUR"),
        point(2, 2.3e6, "bookings"),
        point(2, 2.3e6, as_of=datetime(2026, 11, 30, tzinfo=UTC)),
        point(2, 2.3e6, as_of=datetime(2025, 10, 31, tzinfo=UTC)),
    ],
)
def test_what_does_not_contradict(other: MetricPoint) -> None:
    assert contradictions([point(1, 2.1e6), other]) == {}


def test_two_deals_of_a_month_are_two_deals() -> None:
    assert contradictions([point(1, 1.2e5, "contract_value"), point(2, 8e4, "contract_value")]) == {}


def test_companies_are_told_apart() -> None:
    other = point(2, 2.3e6).model_copy(update={"company_id": "beta"})
    assert contradictions([point(1, 2.1e6), other]) == {}


def test_growth_within_a_month_is_no_contradiction() -> None:
    early = datetime(2026, 10, 2, 10, tzinfo=UTC)
    assert contradictions([point(1, 450e3, as_of=early), point(2, 470e3, as_of=early + timedelta(days=26))]) == {}


def test_two_figures_of_one_day_contradict() -> None:
    early = datetime(2026, 10, 2, 10, tzinfo=UTC)
    assert len(contradictions([point(1, 450e3, as_of=early), point(2, 470e3, as_of=early + timedelta(hours=5))])) == 2


def test_of_many_different_figures_three_are_told() -> None:
    points = [point(event, 1e6 * 1.01**event) for event in range(800)]
    begun = time.process_time()
    found = contradictions(points)
    assert time.process_time() - begun < 0.5
    assert {len(against) for against in found.values()} == {3}


def test_what_is_said_often_is_told_once() -> None:
    points = [point(event, 2.1e6 if event % 2 else 2.3e6) for event in range(1, 4001)]
    begun = time.process_time()
    found = contradictions(points)
    assert time.process_time() - begun < 1
    assert len(found) == 4000
    assert {len(against) for against in found.values()} == {1}
