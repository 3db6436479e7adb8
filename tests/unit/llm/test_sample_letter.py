"""The letter of the project's first sample output, from the same facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sago.domain.companies import Company, Person
from sago.domain.events import Event, Metric
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.watches import Direction
from sago.llm.letters import compose_offline
from sago.outreach.checking import check
from sago.outreach.conditions import parse
from sago.outreach.verdicts import judge
from tests.unit.outreach.stories import event, metric, point, watch

AS_OF = datetime(2026, 11, 20, 9, tzinfo=UTC)
COMPANY = Company(
    company_id="scaleflow",
    name="ScaleFlow",
    founder="Alex Moreno",
    founder_title="CEO",
    founder_email="alex@scaleflow.example",
)


def told(event_type: str, title: str, quote: str, *metrics: Metric, days_ago: float) -> Event:
    return event(event_type, title, quote, *metrics, days_ago=days_ago, company_id="scaleflow")


SHEET = told(
    "funding",
    "An investor sent a Series A term sheet: $15M at $80M valuation",
    "We have the Series A term sheet: $15M at an $80M valuation",
    metric("amount_raised", 15e6),
    metric("valuation", 80e6),
    days_ago=3,
)
MRR = told("revenue_milestone", "MRR reached $450k", "MRR peaked at $450k", metric("mrr", 450_000), days_ago=6)
NRR = told("revenue_milestone", "NRR was 143%", "NRR was 143% in October", metric("nrr", 143, "percent"), days_ago=9)
DEALS = [
    told("enterprise_deal", f"{who} signed a contract", f"{who} signed this morning", days_ago=days)
    for who, days in (("Delta Airlines", 12), ("FedEx", 10), ("Walmart", 8))
]
SOCKETS = told(
    "technical_achievement",
    "Measured: concurrent websockets 25,000",
    "The causal engine held 25,000 concurrent WebSockets",
    metric("concurrent websockets", 25_000, "count"),
    days_ago=11,
)
HIRE = told(
    "hiring",
    "Mei Okada joins as staff engineer from the Google Spanner team",
    "Mei Okada joins us as staff engineer, from the Google Spanner team",
    days_ago=14,
)
FACTS = [SHEET, MRR, NRR, *DEALS, SOCKETS, HIRE]
POINTS = [point(MRR, "mrr", 450_000), point(NRR, "nrr", 143, "percent")]


def letter(direction: Direction, events: list[Event], *conditions: str) -> tuple[LetterDraft, LetterRequest]:
    of = watch(direction=direction).model_copy(
        update={
            "company_id": "scaleflow",
            "investor": Person(name="Dana Reed", email="dana@northgate.example"),
            "reason": "ARR below $5M, no enterprise logo" if conditions else "",
            "conditions": tuple(parse(text) for text in conditions),
        }
    )
    asked = LetterRequest(
        company=COMPANY,
        watch=of,
        verdict=judge(of, FACTS, POINTS, AS_OF, 60),
        events=tuple(events),
        metric_points=tuple(POINTS),
        as_of=AS_OF,
    )
    return compose_offline(asked), asked


def test_the_founders_update_tells_the_round_the_revenue_and_the_customers() -> None:
    draft, asked = letter(Direction.TO_INVESTOR, [SHEET, MRR, NRR, DEALS[2], SOCKETS])
    assert check(draft, asked) == []
    for fact in (
        "e received a Series A term sheet for $15M at an $80M valuation on 17 November",
        "ur MRR reached $450k (~$5.4M ARR) on 14 November",
        "ur NRR came in at 143% on 11 November",
        "e signed Walmart on 12 November",
        "e measured 25,000 concurrent WebSockets on 9 November",
    ):
        assert fact in draft.body
    assert draft.subject == "ScaleFlow: Series A term sheet, $450k MRR, 143% NRR"
    assert draft.body.startswith("Hi Dana,\n")
    assert draft.body.endswith("Alex Moreno\nCEO, ScaleFlow")


@pytest.mark.parametrize("direction", Direction)
def test_the_objection_is_answered_with_every_logo_that_was_asked_for(direction: Direction) -> None:
    draft, asked = letter(direction, [MRR, *DEALS, SOCKETS, HIRE], "arr >= $5M", "enterprise_deal >= 3")
    assert check(draft, asked) == []
    assert "“ARR below $5M, no enterprise logo”" in draft.body
    assert "MRR reached $450k (~$5.4M ARR) on 14 November, past the $5M ARR" in draft.body
    assert "signed Delta Airlines on 8 November, FedEx on 10 November and Walmart on 12 November." in draft.body
    assert draft.body.count("Walmart") == 1
    assert "hired Mei Okada as staff engineer from the Google Spanner team on 6 November" in draft.body


def test_the_same_facts_a_month_on_are_told_in_the_same_words() -> None:
    draft, asked = letter(Direction.TO_INVESTOR, FACTS[:5])
    later = asked.model_copy(update={"as_of": asked.as_of + timedelta(days=2)})
    assert compose_offline(later) == draft
