"""A cue that reaches over several words may say no within, or speak of what shall be."""

from __future__ import annotations

import pytest

from sago.domain.batches import ExtractionRequest
from sago.domain.events import Status
from sago.domain.messages import CompactMessage
from sago.llm.providers.offline.model import RulesModel
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
