"""A figure that changed for the better is no setback; one that changed for the worse is no good news."""

from __future__ import annotations

import pytest

from sago.domain.events import EventType, Status
from sago.llm.providers.offline import OfflineModel, RulesModel
from tests.unit.llm.said import Convinced, chat, extract, mail

BETTER = [
    "NPS went from 31 to 52",
    "Our NPS is up from 31 to 52",
    "revenue churn dropped to 1.2%",
    "user churn decreased to 2.1%",
    "churn is down to 1.2% from 3%",
    "net burn fell to $80k a month",
    "MRR went from 120k to 150k",
    "users went from 9,000 to 12,000",
    "downtime fell to 12 minutes",
    "response time fell from 4 hours to 40 minutes",
    "der NPS stieg von 31 auf 52",
]
FALLS = [
    "NPS went from 52 to 31",
    "NPS fell to 31 from 52",
    "churn rose to 4%",
    "churn went from 2% to 4%",
    "burn went from 80k to 120k",
    "MRR went from 150k to 120k",
    "users dropped from 12,000 to 9,000",
    "conversion went from 3.1% to 2%",
    "runway is down to 5 months",
    "NPS went from 31 to 52, but MRR fell to 120k",
]


def types(model: OfflineModel | RulesModel, text: str, *, in_mail: bool = False) -> set[EventType]:
    found = extract(model, mail(1, text) if in_mail else chat(1, text))
    return {finding.event_type for finding in found if finding.status is Status.ACTUAL}


@pytest.mark.parametrize("in_mail", [False, True])
@pytest.mark.parametrize("text", BETTER)
def test_an_improvement_is_no_setback(text: str, in_mail: bool) -> None:
    assert EventType.SETBACK not in types(RulesModel(), text, in_mail=in_mail)
    assert EventType.SETBACK not in types(OfflineModel(Convinced(EventType.SETBACK)), text, in_mail=in_mail)


@pytest.mark.parametrize("text", FALLS)
def test_a_fall_is_one(text: str) -> None:
    assert types(RulesModel(), text) == {EventType.SETBACK}


@pytest.mark.parametrize("text", FALLS[:-1])
def test_a_fall_is_no_good_news(text: str) -> None:
    for event_type in (EventType.REVENUE_MILESTONE, EventType.USER_GROWTH, EventType.TECHNICAL_ACHIEVEMENT):
        assert types(OfflineModel(Convinced(event_type)), text) == {EventType.SETBACK}


def test_a_slower_answer_is_no_achievement() -> None:
    assert types(RulesModel(), "response time went from 300 ms to 900 ms") == set()


def test_test_devices_are_no_users() -> None:
    model = OfflineModel(Convinced(EventType.USER_GROWTH))
    assert types(model, "the 12,400 in the corner was test devices, ignore it") == set()


@pytest.mark.parametrize(
    "text",
    [
        "Support tickets doubled, we now have 20,000 active users",
        "Our support tickets rose because we hit 50,000 active users",
    ],
)
def test_growth_that_brings_more_tickets_is_growth(text: str) -> None:
    assert types(OfflineModel(Convinced(EventType.USER_GROWTH)), text) == {EventType.USER_GROWTH}
