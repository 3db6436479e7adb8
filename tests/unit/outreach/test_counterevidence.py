"""What speaks against writing is told beside the verdict, strongest first, with its quote."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import Event, EventType, MetricPoint, Observation, Severity, Status
from sago.domain.significance import CounterEvidence, Scale
from sago.domain.watches import Outcome
from sago.outreach.counterevidence import MOST, counter_evidence
from sago.outreach.verdicts import judge
from tests.unit.outreach.stories import ARR, EVENTS, NOW, POINTS, SETBACK, event, metric, point, watch

MILD = event("setback", "Tallow cancelled", "Tallow cancelled, $500 a month", severity="low", days_ago=20)


def denial(quote: str, subject: str | None, kind: str = "enterprise_deal", days_ago: float = 5) -> Observation:
    said = NOW - timedelta(days=days_ago)
    return Observation(
        company_id="orchard", message_id="slack:no", source="slack", sender="Nell", start=3, end=3 + len(quote),
        quote=quote, event_type=EventType(kind), status=Status.DENIED, severity=Severity.HIGH, subject=subject,
        title="A contract signed", extractor="rules", extractor_version="1", said_at=said, recorded_at=said,
    )  # fmt: skip


NOT_SIGNED = denial("no, Corvid Bank has NOT signed.", "corvid bank")


def against(
    *conditions: str,
    events: list[Event] = EVENTS,
    points: list[MetricPoint] = POINTS,
    said: tuple[Observation, ...] = (),
    since: datetime | None = None,
) -> tuple[CounterEvidence, ...]:
    verdict = judge(watch(*conditions), events, points, NOW, 60)
    return counter_evidence(verdict, events, points, said, since, Scale())


def test_setbacks_of_any_severity_are_told_the_graver_first() -> None:
    told = against("arr >= 2M", events=[*EVENTS, MILD, SETBACK])
    assert [(each.kind, each.text) for each in told] == [
        ("setback", "Fjord Bank will not renew (high)"), ("setback", "Tallow cancelled (low)"),
    ]  # fmt: skip
    assert [each.proof.quote for each in told] == [SETBACK.evidence[0].quote, MILD.evidence[0].quote]


def test_a_figure_that_fell_is_told_with_both_values_and_days() -> None:
    before = event("revenue_milestone", "ARR was $2.4M", "ARR is $2.4M", metric("arr", 2.4e6), days_ago=40)
    (fall,) = against("arr >= 2M", events=[before, *EVENTS], points=[point(before, "arr", 2.4e6), *POINTS])
    assert (fall.kind, fall.text) == ("fall", "ARR fell from $2.4M on 11 October to $2.1M on 14 November")
    assert fall.proof.quote == "We just passed $2.1M ARR!"


def test_what_was_asked_for_weighs_more_than_what_was_not() -> None:
    before = event("revenue_milestone", "NRR was 150%", "NRR 150%", metric("nrr", 150, "percent"), days_ago=40)
    facts = {"events": [before, *EVENTS], "points": [point(before, "nrr", 150, "percent"), *POINTS]}
    asked, other = (against(condition, **facts)[0] for condition in ("nrr >= 100%", "arr >= 2M"))  # type: ignore[arg-type]
    assert asked.text == other.text == "NRR fell from 150% on 11 October to 143% on 15 November"
    assert asked.strength == 2 * other.strength


@pytest.mark.parametrize(
    ("earlier", "now", "count"), [(2.1e6, 2.1e6, 0), (1.5e6, 2.1e6, 0), (2.11e6, 2.1e6, 0), (3e6, 2.1e6, 1)]
)
def test_a_rise_and_a_rounding_are_no_fall(earlier: float, now: float, count: int) -> None:
    before = event("revenue_milestone", "ARR before", "ARR before", metric("arr", earlier), days_ago=40)
    after = event("revenue_milestone", "ARR after", "ARR after", metric("arr", now), days_ago=4)
    points = [point(before, "arr", earlier), point(after, "arr", now)]
    assert len(against("arr >= 2M", events=[before, after], points=points)) == count


def test_more_churn_is_worse() -> None:
    before = event("setback", "Churn was 2%", "churn was 2%", metric("churn", 2, "percent"), days_ago=40)
    after = event("setback", "Churn is 3%", "churn is 3%", metric("churn", 3, "percent"), days_ago=4)
    points = [point(before, "churn", 2, "percent"), point(after, "churn", 3, "percent")]
    told = against("arr >= 2M", events=[before, after], points=points)
    assert "Churn rose from 2% on 11 October to 3% on 16 November" in {each.text for each in told}


def test_the_figure_it_rests_on_is_told_to_be_contradicted() -> None:
    other = event("revenue_milestone", "ARR is $1.8M", "ARR stands at $1.8M", metric("arr", 1.8e6), days_ago=6.5)
    (told,) = against("arr >= 2M", events=[*EVENTS, other], points=[point(other, "arr", 1.8e6), *POINTS])
    assert (told.kind, told.text) == ("contradiction", "$2.1M ARR here, $1.8M ARR there, both for November 2026")
    assert told.proof.quote == "ARR stands at $1.8M"


def test_a_denial_is_told_until_what_was_denied_has_happened() -> None:
    (told,) = against("enterprise_deal >= 1", said=(NOT_SIGNED,))
    assert (told.kind, told.text) == ("denial", "Enterprise deal, denied: corvid bank")
    assert (told.proof.quote, told.proof.start) == (NOT_SIGNED.quote, 3)
    signed = event("enterprise_deal", "Corvid Bank signed", "Corvid Bank signed this morning", days_ago=1)
    assert against("enterprise_deal >= 1", events=[*EVENTS, signed], said=(NOT_SIGNED,)) == ()
    elsewhere = event("enterprise_deal", "Kestrel Air signed", "Kestrel Air signed", days_ago=1)
    assert len(against("enterprise_deal >= 1", events=[*EVENTS, elsewhere], said=(NOT_SIGNED,))) == 1


def test_a_denied_setback_and_a_plan_speak_against_nothing() -> None:
    planned = NOT_SIGNED.model_copy(update={"status": Status.PLANNED})
    assert against("arr >= 2M", said=(denial("it is not the outage", "outage", "setback"), planned)) == ()


def test_what_was_said_before_the_period_or_is_withdrawn_is_left_out() -> None:
    gone = SETBACK.model_copy(update={"is_active": False})
    later = SETBACK.model_copy(update={"occurred_at": NOW + timedelta(days=1)})
    since = NOW - timedelta(days=10)
    assert against("arr >= 2M", events=[*EVENTS, MILD, gone, later], since=since) == ()
    assert against("arr >= 2M", said=(denial("not signed", "corvid bank", days_ago=11),), since=since) == ()


@given(st.permutations([*EVENTS, MILD, SETBACK]), st.integers(0, 12))
def test_at_most_so_many_whatever_their_order(events: list[Event], more: int) -> None:
    setbacks = [event("setback", f"Setback {n}", f"Setback {n}", days_ago=n) for n in range(more)]
    told = against("arr >= 2M", events=[*events, *setbacks])
    assert len(told) == min(2 + more, MOST)
    assert told == against("arr >= 2M", events=[*setbacks, *sorted(events, key=lambda each: str(each.id))])
    assert [each.strength for each in told] == sorted((each.strength for each in told), reverse=True)


def test_an_update_takes_everything_seriously() -> None:
    assert against(events=[*EVENTS, MILD], said=(NOT_SIGNED,))[0].kind == "denial"
    assert ARR.id not in {each.event_id for each in against(events=[*EVENTS, MILD])}


@pytest.mark.parametrize(
    "quote",
    [
        "NPS went from 31 to 52",
        "churn fell from 4% to 2%",
        "burn is down to $80k a month",
        "response time dropped from 900 ms to 300 ms",
    ],
)
def test_an_improvement_speaks_against_nothing_whoever_took_it_for_a_setback(quote: str) -> None:
    misread = event("setback", f"Read as a setback: {quote}", quote, severity="medium")
    assert against("arr >= 2M", events=[*EVENTS, misread]) == ()
    assert judge(watch("arr >= 2M"), [*EVENTS, misread], POINTS, NOW, 60).outcome is Outcome.NOW


@pytest.mark.parametrize(
    "quote",
    [
        "NPS went from 52 to 31",
        "Fjord Bank cancelled, churn fell to 2% without them",
        "Burn came down because half the engineering team was let go",
        "Burn is down to $90k, we are out of cash in March",
        "Churn fell because our biggest customer Kestrel Air is gone",
    ],
)
def test_a_fall_and_a_loss_beside_an_improvement_speak_against_it(quote: str) -> None:
    told = event("setback", "A setback", quote)
    assert [each.kind for each in against("arr >= 2M", events=[*EVENTS, told])] == ["setback"]
    assert judge(watch("arr >= 2M"), [*EVENTS, told], POINTS, NOW, 60).outcome is Outcome.DO_NOT_WRITE
    milder = event("setback", "A setback", quote, severity="medium")
    assert [each.kind for each in against("arr >= 2M", events=[*EVENTS, milder])] == ["setback"]


def test_a_high_setback_always_speaks_against_it() -> None:
    told = event("setback", "Churn fell to 2%", "churn fell from 4% to 2%")
    assert [each.kind for each in against("arr >= 2M", events=[*EVENTS, told])] == ["setback"]
    assert judge(watch("arr >= 2M"), [*EVENTS, told], POINTS, NOW, 60).outcome is Outcome.DO_NOT_WRITE
