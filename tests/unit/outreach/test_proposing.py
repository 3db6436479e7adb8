"""Conditions proposed from a reason: what it names, never a figure nobody wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.outreach.conditions import parse
from sago.outreach.proposing import answers_all, propose
from tests.unit.outreach.stories import watch


@pytest.mark.parametrize(
    ("reason", "proposed"),
    [
        ("ARR below 2M, no enterprise logo", ["arr >= 2M", "enterprise_deal >= 1"]),
        ("ARR below 5M, and no licence of your own", ["arr >= 5M", "compliance >= 1"]),
        ("No CE mark yet, and ARR below 3M", ["compliance >= 1", "arr >= 3M"]),
        ("churn above 5% and burn over $300k", ["churn <= 5%", "burn <= $300k"]),
        ("need churn under 3%", ["churn < 3%"]),
        ("less than €1.5M in revenue", ["revenue >= €1.5M"]),
        ("Come back when ARR passes CHF 3M", ["arr >= CHF 3M"]),
        ("ARR below two million dollars", ["arr >= $2M"]),
        ("NRR under 110%; fewer than 100 paying customers", ["nrr >= 110%", "customers >= 100"]),
        ("runway under 12 months", ["runway >= 12"]),
        ("growth below 20% a quarter", ["mrr growth 3m >= 20%"]),
        ("users growing less than 10% MoM", ["users growth 1m >= 10%"]),
        ("fewer than 3 enterprise customers", ["enterprise_deal >= 3"]),
        ("only one market, no CTO", ["market_expansion >= 1", "hiring >= 1"]),
        ("pre-revenue", ["revenue_milestone >= 1"]),
        ("no product yet", ["product_launch >= 1"]),
        ("they lost their CTO and had an outage", ["no setback high in 90d"]),
        ("ARR below 2M. Really: ARR below 2M!", ["arr >= 2M"]),
    ],
)
def test_a_reason_proposes_what_would_answer_it(reason: str, proposed: list[str]) -> None:
    assert [each.condition.text for each in propose(reason).conditions] == proposed


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("churn too high", "names no figure: say which, as in `churn <= 3%`"),
        ("team too small", "as in `headcount >= 10`"),
        ("growth too slow", "names no rate: say how fast, as in `mrr growth 3m >= 20%`"),
        ("MRR growth under 15%", "names no period: say over which, as in `mrr growth 3m >= 15%`"),
        ("Only 800k ARR", "says what ARR was, not what you wait for"),
        ("great enterprise logos", "names nothing that was wanting"),
        ("the founder reminds me of my brother", "names nothing that was wanting"),
        ("market too small", "names neither a metric nor an event"),
        ("churn above 500%", "always holds"),
    ],
)
def test_what_cannot_be_proposed_is_said(reason: str, hint: str) -> None:
    proposals = propose(reason)
    assert proposals.conditions == ()
    (unclear,) = proposals.unclear
    assert hint in unclear.hint


WORDS = ["no", "ARR", "below", "2M", "churn", ",", "and", "growth", "20%", "a month", "enterprise", "only", "€3M"]


@given(st.text(max_size=120) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_whatever_is_proposed_is_a_condition_and_names_its_words(reason: str) -> None:
    for each in propose(reason).conditions:
        assert parse(each.condition.text) == each.condition
        assert all(word in reason for word in each.because.split())


@pytest.mark.parametrize(
    ("reason", "conditions", "all_of_it"),
    [
        ("ARR below 2M", ["arr >= 2M"], True),
        ("ARR below 2M", ["arr >= 1M"], False),
        ("ARR below 2M, no enterprise logo", ["arr >= 2M"], False),
        ("ARR below 2M, no enterprise logo", ["arr >= 2M", "enterprise_deal >= 1"], True),
        ("ARR below 2M, market too small", ["arr >= 2M"], False),
        ("no VP sales", ["hiring >= 1"], False),
        ("no key hires yet", ["hiring >= 1"], True),
        ("not launched in the US", ["product_launch >= 1"], False),
        ("too early", ["arr >= 2M"], True),
        ("", ["arr >= 2M"], True),
    ],
)
def test_conditions_answer_a_reason_when_they_ask_for_all_of_it(
    reason: str, conditions: list[str], all_of_it: bool
) -> None:
    assert answers_all(watch(*conditions).model_copy(update={"reason": reason})) is all_of_it


@pytest.mark.parametrize(
    ("reason", "proposed"),
    [
        ("Team too small (5 people)", []),
        ("too much churn: 8% a month", []),
        ("ARR 1.2M, we need 3M", ["arr >= 3M"]),
        ("MRR 50k is too low, come back at 100k", ["mrr >= 100k"]),
        ("grew only 5% month over month", []),
        ("growth slowed to 5% yoy, want 100%", ["mrr growth 1y >= 100%"]),
        ("burn 400k per month until they reach 200k", ["burn <= 200k"]),
        ("burn multiple over 2", []),
        ("we have 50k MRR", []),
        ("ARR reached only 800k", []),
        ("one large customer is 60% of revenue", []),
        ("too dependent on enterprise customers", []),
        ("we have too many enterprise deals", []),
        ("no outage problem, good team", []),
    ],
)
def test_what_there_is_is_never_taken_for_what_is_waited_for(reason: str, proposed: list[str]) -> None:
    assert [each.condition.text for each in propose(reason).conditions] == proposed
