"""What is denied, supposed, called off or still to come is told as nothing that happened."""

from __future__ import annotations

import pytest

from sago.domain.batches import ExtractionRequest
from sago.domain.events import EventType, Finding, Status
from sago.domain.messages import CompactMessage
from sago.llm.providers.offline.model import OfflineModel, RulesModel
from tests.unit.llm.said import Convinced, chat, extract
from tests.unit.pipeline.house import NOW


@pytest.mark.parametrize(
    "text",
    [
        "The CE mark is not granted yet.",
        "The licence has not been granted.",
        "The SOC 2 audit was never passed.",
        "our ISO 27001 certificate hasn't been issued",
    ],
)
def test_what_is_not_granted_is_no_event(text: str) -> None:
    message = CompactMessage(id="gmail:1", source="gmail", sender="a@b.example", sent_at=NOW, text=text)
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=(message,))
    assert [finding for finding in RulesModel().extract(request) if finding.status is Status.ACTUAL] == []


@pytest.mark.parametrize(
    "text",
    [
        "The SOC 2 Type II report will be issued by 30 April.",
        "the contract with Contoso will be signed by the end of March",
        "our ISO 27001 certificate should be granted in May",
    ],
)
def test_what_will_be_granted_or_signed_is_a_plan(text: str) -> None:
    message = CompactMessage(id="gmail:1", source="gmail", sender="a@b.example", sent_at=NOW, text=text)
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=(message,))
    assert [finding.status for finding in RulesModel().extract(request)] == [Status.PLANNED]


def test_a_closed_month_is_no_deal() -> None:
    text = "We closed March: MRR is $180k, so ARR is $2.16M."
    message = CompactMessage(id="slack:1", source="slack", sender="ana", sent_at=NOW, text=text)
    request = ExtractionRequest(company_id="acme", company_name="Acme", messages=(message,))
    assert {finding.event_type.value for finding in RulesModel().extract(request)} == {"revenue_milestone"}


def found(*texts: str) -> list[Finding]:
    return extract(RulesModel(), *(chat(number, text) for number, text in enumerate(texts)))


def told(*texts: str) -> list[tuple[str, float]]:
    return [(m.name, m.value) for each in found(*texts) if each.status is Status.ACTUAL for m in each.metrics]


@pytest.mark.parametrize(
    "text",
    [
        "We won't hit $5M ARR this year, we are nowhere near.",
        "We will never reach $5M ARR with this team",
        "We can't get to $5M ARR by June",
        "ARR won't hit $5M this year.",
        "we are not going to pass 10,000 users",
    ],
)
def test_what_shall_not_be_is_neither_told_nor_denies_what_was_told(text: str) -> None:
    assert {each.status for each in found(text)} <= {Status.HYPOTHETICAL}


@pytest.mark.parametrize(
    "text",
    [
        "We are not at $5M ARR, we are at $1.2M ARR.",
        "We're at $1.2M ARR, nowhere near $5M.",
        "We won't hit $5M ARR this year, we are at $1.2M ARR.",
    ],
)
def test_of_two_figures_the_one_that_no_clause_rules_out_is_told(text: str) -> None:
    assert told(text) == [("arr", 1_200_000)]


@pytest.mark.parametrize(
    "text",
    [
        "If Mulberry does not renew we are at 30k less MRR. IF.",
        "And if the Mulberry deal falls through, ARR is $2M.",
        "Should Mulberry churn, ARR is $2M.",
        "Unless Mulberry signs, MRR is 80k",
    ],
)
def test_what_stands_under_a_condition_has_not_happened(text: str) -> None:
    assert {each.status for each in found(text)} <= {Status.HYPOTHETICAL}
    assert extract(OfflineModel(Convinced(EventType.SETBACK)), chat(1, "If Mulberry leaves we lose 30k")) == []


def test_an_aside_with_if_is_no_condition() -> None:
    assert told("Even if small, we signed Northwind at $40k a year") == [("annual contract value", 40_000)]
    assert told("If you missed it: MRR is now $210k") == []  # said to whom it may concern; left to the encoder


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Northwind won't renew. That's $30k less MRR.", "lost mrr"),
        ("Northwind won't renew. MRR is $30k lower then", "lost mrr"),
        ("We have 14 months of runway, Northwind has churned.", "runway"),
    ],
)
def test_a_difference_is_no_level_and_what_no_customer_takes_along_is_not_lost(text: str, name: str) -> None:
    assert [metric for metric, _ in told(text)] == [name]


@pytest.mark.parametrize(
    "text",
    [
        "Lena Fors will not join after all. She stays at Kvarn.",
        "Lena Fors won't be joining us as CTO",
        "sadly Lena Fors is not going to join us.",
        "Lena Fors has declined our offer, she stays where she is",
    ],
)
def test_a_hire_that_is_called_off_is_denied_by_name(text: str) -> None:
    denials = [(each.event_type, each.subject) for each in found(text) if each.status is Status.DENIED]
    assert denials == [(EventType.HIRING, "lena fors")]


@pytest.mark.parametrize(
    "text",
    [
        "Lena Fors won't join the standup today",
        "Lena Fors will not join us for lunch",
        "Ironvale declined our offer",
        "Lena Fors is not joining us as CTO after all?",
        "maybe Lena Fors will not join after all",
    ],
)
def test_who_misses_a_meeting_or_is_asked_about_is_no_denied_hire(text: str) -> None:
    assert [each for each in found(text) if each.status is Status.DENIED] == []


def test_a_version_behind_a_products_name_is_no_figure() -> None:
    assert told("Shift Swap 2.0 is live for all customers as of 13:00.") == []
    assert told("Shift Swap 2.0 is live for everyone: 1,500 clinics") == [("clinics", 1500)]


def test_a_loss_is_told_with_the_period_it_was_given_for() -> None:
    (loss,) = found("Northwind won't renew, that's $500 a month")
    assert loss.title == "Northwind will not renew, losing $500 a month"
