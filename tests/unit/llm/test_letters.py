"""Letters without a model."""

from __future__ import annotations

import pytest

from sago.domain.watches import Direction
from sago.errors import PermanentError
from sago.llm.letters import SUBJECT_LIMIT, compose_offline
from tests.unit.outreach.stories import ARR, DEAL, NRR, event, metric, request, watch


def test_the_investors_letter_answers_the_very_reason() -> None:
    draft = compose_offline(request(watch("arr >= 2M")))
    assert draft.body.startswith("Hi Nell,\n")
    assert "on 2 March" in draft.body
    assert "“ARR below 2M”" in draft.body
    assert "Your ARR reached $2.1M on 14 November, past the $2M I had asked for." in draft.body
    assert draft.body.endswith("Ivo Brandt")


def test_the_founders_letter_is_signed_by_the_founder() -> None:
    draft = compose_offline(request(watch("arr >= 2M", direction=Direction.TO_INVESTOR)))
    assert draft.body.startswith("Hi Ivo,\n")
    assert "Our ARR reached $2.1M on 14 November, past the $2M you had asked for." in draft.body
    assert draft.body.endswith("Nell Quist\nCEO, Orchard")


def test_an_unknown_recipient_and_founder_leave_no_placeholder() -> None:
    asked = request(watch(direction=Direction.TO_INVESTOR))
    nameless = asked.model_copy(
        update={
            "watch": asked.watch.model_copy(update={"investor": None}),
            "company": asked.company.model_copy(update={"founder": None}),
        }
    )
    body = compose_offline(nameless).body
    assert body.startswith("Hi there,\n")
    assert body.endswith("The Orchard team")
    assert "[" not in body
    assert "None" not in body


def test_each_highlight_has_its_figure_and_stands_in_the_body() -> None:
    draft = compose_offline(request(watch()))
    told = {line.event_id: line.text for line in draft.highlights}
    assert set(told) == {ARR.id, DEAL.id, NRR.id}
    assert "$2.1M" in told[ARR.id]
    assert "$240k" in told[DEAL.id]
    assert "143%" in told[NRR.id]
    assert all(f"- {line.heading}: {line.text}" in draft.body for line in draft.highlights)


def test_the_subject_leads_with_figures_and_fits() -> None:
    draft = compose_offline(request(watch()))
    assert draft.subject == "Orchard: $2.1M ARR, $240k contract and 143% NRR"
    long = event("hiring", "A title " + "that goes on " * 12, "a quote")
    assert len(compose_offline(request(watch(), [long, ARR])).subject) <= SUBJECT_LIMIT


def test_figures_that_say_nothing_by_themselves_stay_out() -> None:
    deal = event(
        "enterprise_deal",
        "Larkspur signed a contract",
        "Larkspur signed for 3 years, 2 seats, before it was $5k",
        metric("term", 3, "years"),
        metric("seats", 2, "count"),
        metric("earlier contract_value", 5_000),
        metric("other amount", 38_000),
        metric("count 2", 4_000, "count"),
    )
    draft = compose_offline(request(watch(), [deal], []))
    assert "years" not in draft.body
    assert "$5" not in draft.body
    assert "Larkspur signed a contract (" in draft.body


def test_one_watch_always_gets_the_same_letter_and_others_another() -> None:
    bodies = [compose_offline(request(watch(name=str(number)))).body for number in range(12)]
    again = [compose_offline(request(watch(name=str(number)))).body for number in range(12)]
    assert bodies == again
    assert len(set(bodies)) > 3


def test_without_events_there_is_no_letter() -> None:
    with pytest.raises(PermanentError, match="no event to write about"):
        compose_offline(request(watch(), [], []))
