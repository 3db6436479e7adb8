"""A proposed condition asks for nothing that the words it answers do not name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.reasons import Suggestion, suggest
from sago.outreach.conditions import parse
from sago.outreach.proposing import propose
from sago.outreach.worded import stands, unworded


@pytest.mark.parametrize(
    ("because", "condition"),
    [
        ("ARR below $2M", "arr >= $2M"),
        ("ARR below $2M", "arr >= 2,000,000 USD"),
        ("ARR unter 2 Mio. €", "arr >= €2M"),
        ("fewer than 100 paying customers", "customers >= 100"),
        ("valuation above 40M", "valuation <= 40M"),
        ("headcount under 10", "headcount >= 10"),
        ("burn over 300k", "burn <= 300k"),
        ("runway of nine months", "runway >= 9"),
        ("growth below 20% a quarter", "mrr growth 3m >= 20%"),
        ("Wachstum unter 8% im Monat", "mrr growth 1m >= 8%"),
        ("less than 30% growth over two quarters", "mrr growth 6m >= 30%"),
        ("less than 30% growth in 90 days", "mrr growth 3m >= 30%"),
        ("no enterprise logo", "enterprise_deal >= 1"),
        ("fewer than two partners in half of 12 months", "partnership >= 2 in 12m"),
        ("no high enterprise deal", "enterprise_deal high >= 1"),
        ("they lost their CTO", "no setback high in 90d"),
        ("an outage in the last 30 days", "no setback high in 30d"),
        ("nobody pays for it", "revenue_milestone > 0"),
    ],
)
def test_what_the_words_name_may_be_asked_for(because: str, condition: str) -> None:
    assert unworded(parse(condition), because) is None


@pytest.mark.parametrize(
    ("because", "condition", "why"),
    [
        ("ARR below $2M", "arr >= $3M", "names no such figure"),
        ("ARR below $2M", "arr >= $2k", "names no such figure"),
        ("MRR below 100k", "mrr >= 1.2M", "names no such figure"),
        ("churn too high", "churn <= 3%", "names no such figure"),
        ("runway of 9%", "runway >= 9", "names no such figure"),
        ("ARR below $2M", "arr >= €2M", "does not speak of EUR"),
        ("ARR below 2M", "arr >= $2M", "does not speak of USD"),
        ("ARR below 2M yen", "arr >= 2M", "names the currency, JPY"),
        ("ARR below $2M", "mrr >= $2M", "speaks of ARR, not of MRR"),
        ("revenue growth below 20% a quarter", "users growth 3m >= 20%", "speaks of Revenue, not of Users"),
        ("ARR below $2M", "arr < $2M", "is answered by more ARR"),
        ("ARR below $2M", "arr == $2M", "is answered by more ARR"),
        ("valuation above 40M", "valuation == 40M", "is answered by"),
        ("churn above 5%", "churn >= 5%", "is answered by less Churn"),
        ("growth below 20% a quarter", "mrr growth 3m < 20%", "is answered by more MRR"),
        ("growth below 20% a quarter", "mrr growth 3m >= 25%", "names no rate of 25%"),
        ("growth too slow this quarter", "mrr growth 3m", "names no rate of 0%"),
        ("growth below 20% a quarter", "mrr growth 1m >= 20%", "names no period of 1 month"),
        ("growth below 20% over two quarters", "mrr growth 3m >= 20%", "names no period of 3 months"),
        ("growth below 20%", "mrr growth 3m >= 20%", "names no period of 3 months"),
        ("no enterprise logo", "enterprise_deal >= 2", "does not count 2"),
        ("no enterprise logo", "enterprise_deal > 1", "does not count 1"),
        ("fewer than two partners", "partnership >= 3", "does not count 3"),
        ("no enterprise logo", "enterprise_deal >= 1 in 60d", "names no period of 60 days"),
        ("no enterprise logo", "enterprise_deal high >= 1", "names no severity `high`"),
        ("no enterprise logo", "no enterprise_deal", "by what happens"),
        ("no enterprise logo", "enterprise_deal < 1", "by what happens"),
        ("they lost their CTO", "setback >= 1", "by setbacks that stay away"),
        ("they lost their CTO", "no setback high in 30d", "names no period of 30 days"),
        ("they lost their CTO", "no setback medium in 90d", "names no severity `medium`"),
    ],
)
def test_what_the_words_do_not_name_is_refused(because: str, condition: str, why: str) -> None:
    assert why in (unworded(parse(condition), because) or "")


@pytest.mark.parametrize(
    ("because", "condition", "why"),
    [
        ("team too small", "funding >= 1", "names no funding"),
        ("too early", "media_coverage >= 1", "names no media coverage"),
        ("too early", "no setback high in 90d", "names no setback"),
        ("We met 3 people", "enterprise_deal >= 3", "names no enterprise deal"),
        ("We met 3 people", "headcount >= 3", "says what Headcount was"),
        ("below 2M", "customers >= 2M", "does not name Customers"),
        ("below 2M", "mrr >= 2M", "does not name MRR"),
        ("ARR below 2M and 10 customers", "customers >= 2M", "does not say that figure of Customers"),
        ("ARR below 2M and 10 customers", "arr >= 10", "does not say that figure of ARR"),
        ("ARR below 2M with 10 customers", "arr >= 10", "does not say that figure of ARR"),
        ("ARR is at 1.2M", "arr >= 1.2M", "says what ARR was"),
        ("only 800k ARR", "arr >= 800k", "says what ARR was"),
        ("ARR 1.2M currently", "arr >= 1.2M", "says what ARR was"),
        ("ARR reached 1M", "arr >= 1M", "says what ARR was"),
        ("when we met ARR was at 2M", "arr >= 2M", "says what ARR was"),
        ("ARR ist bei 1,2 Mio. €", "arr >= €1.2M", "says what ARR was"),
        ("churn above 5% and growth 20%", "churn <= 20%", "does not say that figure of Churn"),
        ("churn above 5% with growth of 20%", "churn <= 20%", "does not say that figure of Churn"),
        ("churn below 5% a month", "mrr growth 1m >= 5%", "speaks of Churn"),
        ("below 20% a month", "mrr growth 1m >= 20%", "does not name growth of MRR"),
        ("growth below 20% a month", "users growth 1m >= 20%", "does not name growth of Users"),
        ("only 3 partners", "partnership >= 3", "does not say that 3 are waited for"),
        ("fewer than 10 users and no partner", "partnership >= 10", "does not say that 10 are waited for"),
    ],
)
def test_what_is_not_named_or_only_told_is_refused(because: str, condition: str, why: str) -> None:
    assert why in (unworded(parse(condition), because) or "")


@pytest.mark.parametrize(
    ("because", "condition"),
    [
        ("ARR is at 400k and we'd want to see €1.2M", "arr >= €1.2M"),
        ("come back once ARR is at 2M", "arr >= 2M"),
        ("ARR is below 2M with 10 customers", "arr >= 2M"),
        ("Umsatz unter 2 Mio. €", "revenue >= €2M"),
        ("niemand, der verkauft", "hiring >= 1"),
        ("Plattform war im Mai zwei Tage down", "no setback high in 90d"),
        ("revenue up less than 20% a quarter", "revenue growth 3m >= 20%"),
    ],
)
def test_what_is_named_and_waited_for_may_be_asked_for(because: str, condition: str) -> None:
    assert unworded(parse(condition), because) is None


@pytest.mark.parametrize("said", ["ARR below 12.5M", "below 12.5M", "ARR  below\n12.5M", "churn: 8%"])
def test_words_of_the_reason_stand_in_it(said: str) -> None:
    assert stands(said, "ARR below 12.5M, churn: 8%")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "…",
        "arr below 12.5M",
        "ARR under 12.5M",
        "RR below 12.5M",
        "below 12",
        "2.5M",
        "5M",
        "churn: 8",
        "ARR churn",
    ],
)
def test_words_that_were_changed_or_cut_do_not_stand_in_it(said: str) -> None:
    assert not stands(said, "ARR below 12.5M, churn: 8%")


def test_a_figure_that_lost_its_currency_or_magnitude_does_not_stand() -> None:
    assert not stands("2", "ARR below €2 million")
    assert not stands("2 million", "ARR below €2 million")
    assert not stands("below €2", "ARR below €2 million")


WORDS = [
    "no",
    "ARR",
    "below",
    "2M",
    "churn",
    ",",
    "and",
    "until",
    "20%",
    "a month",
    "enterprise",
    "only",
    "€3M",
    "need",
]


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_what_the_rules_suggest_is_held_to_the_same_and_stands(reason: str) -> None:
    read = propose(reason)
    assert read.dropped == ()
    assert not [each for each in read.unclear if "left out" in each.hint]
    assert len(read.conditions) <= len(suggest(reason).conditions)


def test_the_rules_words_are_the_reasons_own_over_a_joined_goal() -> None:
    (found,) = suggest("MRR 50k is too low; come back at 100k").conditions
    assert found == Suggestion("mrr >= 100k", "MRR 50k is too low; come back at 100k")
