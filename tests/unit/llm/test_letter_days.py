"""Each figure of an offline letter beside the day, or the month, that is its own."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sago.domain.events import Event, Evidence, MetricPoint
from sago.domain.letters import LetterRequest
from sago.llm.letters import compose_offline
from sago.llm.letters.days import day_of
from sago.outreach.checking import check
from tests.unit.outreach.stories import NOW, event, metric, point, request, watch

OCTOBER_END = NOW.replace(month=10, day=31)


def saying(of: Event, *quotes: str) -> Event:
    first = of.evidence[0]
    added = [Evidence(message_id=f"{first.message_id}-{q}", quote=q, start=0, end=len(q)) for q in quotes]
    return of.model_copy(update={"evidence": (first, *added)})


def at(of: MetricPoint, *, as_of: datetime, said_at: datetime) -> MetricPoint:
    return of.model_copy(update={"as_of": as_of, "said_at": said_at})


BOTH = event(
    "revenue_milestone",
    "MRR reached $131k, ARR $2M",
    "MRR was $131k in October",
    metric("mrr", 131_000),
    metric("arr", 2e6),
    days_ago=8,
)
MRR, ARR = point(BOTH, "mrr", 131_000), point(BOTH, "arr", 2e6)


def asked(of: Event, *points: MetricPoint) -> LetterRequest:
    return request(watch(), [of], points)


def test_figures_of_two_days_are_not_told_as_of_one() -> None:
    told = saying(BOTH, "we are past $2M ARR")
    points = [at(MRR, as_of=OCTOBER_END, said_at=BOTH.occurred_at), ARR]
    draft = compose_offline(asked(told, *points))
    assert "MRR reached $131k in October." in draft.body
    assert "$2M" not in draft.body
    assert check(draft, asked(told, *points)) == []


def test_figures_of_one_day_stand_beside_one_another() -> None:
    assert "MRR reached $131k ($2M ARR) on 12 November" in compose_offline(asked(BOTH, MRR, ARR)).body


@pytest.mark.parametrize(
    ("quote", "told"), [("MRR $131k, ARR $2M", "$131k ($2M ARR)"), ("MRR is $131k", "MRR reached $131k on")]
)
def test_without_points_one_quote_must_state_both(quote: str, told: str) -> None:
    said = BOTH.evidence[0].model_copy(update={"quote": quote})
    assert told in compose_offline(asked(BOTH.model_copy(update={"evidence": (said,)}))).body


def test_a_month_that_another_figure_names_is_not_taken_for_this_one() -> None:
    quote = "We just passed $2.1M ARR!"
    both = event("revenue_milestone", "ARR reached $2.1M", quote, metric("arr", 2.1e6), metric("nrr", 119, "percent"))
    both = saying(both, "NRR was 119% in October")
    nrr = at(point(both, "nrr", 119, "percent"), as_of=OCTOBER_END, said_at=both.occurred_at)
    body = compose_offline(asked(both, nrr, point(both, "arr", 2.1e6))).body
    assert "ARR reached $2.1M on 15 November" in body
    assert "in October" not in body


def test_a_figure_said_after_its_events_day_is_told_without_one() -> None:
    later = BOTH.occurred_at + timedelta(days=5)
    draft = compose_offline(asked(BOTH, at(MRR, as_of=later, said_at=later), at(ARR, as_of=later, said_at=later)))
    assert "MRR reached $131k ($2M ARR)." in draft.body


@pytest.mark.parametrize(
    ("quote", "told"),
    [
        ("On 3 November payouts were down", "on 3 November"),
        ("payouts were down on November 3rd", "on 3 November"),
        ("payouts will be down on 3 December", "on 18 November"),
        ("down on 3 November, up on 4 November", "on 18 November"),
        ("payouts were down on 3 November 2025", "on 18 November"),
        ("payouts were down on 31 September", "on 18 November"),
    ],
)
def test_what_names_its_day_is_told_of_that_day(quote: str, told: str) -> None:
    down = event("setback", "Outage of 5 hours", quote, days_ago=2)
    wanted = request(watch("arr >= 2M"))
    wanted = wanted.model_copy(update={"events": (*wanted.events, down)})
    draft = compose_offline(wanted)
    assert f"had an outage of 5 hours {told}" in draft.body
    assert check(draft, wanted) == []


def test_a_fact_that_answers_two_conditions_is_told_once() -> None:
    draft = compose_offline(request(watch("arr >= 2M", "revenue_milestone >= 1")))
    assert draft.body.count("ARR reached $2.1M") == 1


@pytest.mark.parametrize("month", ["October", "oct"])
def test_what_a_condition_was_judged_by_is_told_of_the_month_it_names(month: str) -> None:
    said = event("revenue_milestone", "ARR reached $2.1M", f"{month} ARR is $2.1M", metric("arr", 2.1e6))
    points = [at(point(said, "arr", 2.1e6), as_of=OCTOBER_END, said_at=said.occurred_at)]
    wanted = request(watch("arr >= 2M"), [said], points)
    draft = compose_offline(wanted)
    assert "Your ARR reached $2.1M in October, past the $2M I had asked for." in draft.body
    assert check(draft, wanted) == []


def test_the_month_of_a_last_year_is_told_without_its_year() -> None:
    said = event(
        "revenue_milestone", "Revenue reached $4.9M", "revenue was $4.9M in December", metric("revenue", 4.9e6)
    )
    december = NOW.replace(year=2025, month=12, day=31)
    wanted = asked(said, at(point(said, "revenue", 4.9e6), as_of=december, said_at=said.occurred_at))
    draft = compose_offline(wanted)
    assert "revenue reached $4.9M in December" in draft.body
    assert "2025" not in draft.body
    assert check(draft, wanted) == []


def test_growth_is_told_beside_a_figure_only_where_one_quote_says_both() -> None:
    grown = (metric("mrr", 131_000), metric("mrr growth", 12, "percent"))
    one = event("revenue_milestone", "MRR reached $131k", "MRR is $131k, up 12%", *grown)
    apart = saying(event("revenue_milestone", "MRR reached $131k", "MRR is $131k", *grown), "in May it grew 12%")
    assert "up 12%" in compose_offline(asked(one)).body
    assert "12%" not in compose_offline(asked(apart)).body


def test_a_fall_is_told_only_in_words_that_the_proof_has() -> None:
    figures = (metric("mrr", 131_000), metric("earlier mrr", 150_000))
    said = event("revenue_milestone", "MRR reached $131k", "MRR is $131k, it was $150k", *figures)
    draft = compose_offline(asked(said))
    assert "down from" not in draft.body
    assert check(draft, asked(said)) == []


@pytest.mark.parametrize(
    ("first", "told"), [("They decide in a fortnight", ""), ("St Brigid said no", " on 18 November")]
)
def test_what_first_words_do_not_tell_has_no_day(first: str, told: str) -> None:
    lost = saying(event("setback", "Deal with St Brigid lost", first, days_ago=2), "St Brigid went elsewhere")
    assert day_of(lost, NOW) == told
