"""A change is good or bad by the figure's own good direction: churn that fell is good news, an NPS that fell is not."""

from __future__ import annotations

import pytest

from sago.domain.changes import changes, is_improvement, is_worsening

BETTER = [
    "NPS went from 31 to 52",
    "NPS is up from 31 to 52",
    "our NPS is 52 now, was 31",
    "NPS 31 → 52",
    "churn fell from 4% to 2%",
    "revenue churn dropped to 1.2%",
    "churn of paying users fell by a third",
    "net burn is down to $80k a month",
    "burn went from 120k to 80k",
    "average response time dropped from 900 ms to 300 ms",
    "we cut our response times by half",
    "complaints dropped from 40 to 12 a month",
    "downtime fell to 12 minutes",
    "turnaround 11 minutes before, 6 now",
    "MRR went from 120k to 150k",
    "conversion improved to 3.1%",
    "lower churn this quarter, 1.9%",
    "runway went from 9 months to 14 months",
    "NPS von 31 auf 52 gestiegen",
    "die Antwortzeit ist auf 40 Minuten gesunken",
    "le NPS est passé de 31 à 52",
    "le taux d'attrition a baissé à 2 %",
    "el NPS pasó de 31 a 52",
    "las quejas bajaron a 12 al mes",
    "o NPS passou de 31 para 52",
    "o churn caiu para 2%",
]
WORSE = [
    "NPS fell from 52 to 31",
    "NPS went from 52 to 31",
    "NPS is 31 now, was 52",
    "churn rose to 4%",
    "churn went from 2% to 4%",
    "burn went from 80k to 120k",
    "response time went from 300 ms to 900 ms",
    "complaints doubled in May",
    "MRR went from 150k to 120k",
    "gross margin went down to 49%, it was 58",
    "runway is down to 5 months",
    "conversion got worse, 1.9%",
    "Umsatz um 12 % gesunken",
    "les plaintes ont doublé",
    "los ingresos cayeron un 8%",
    "o tempo de resposta subiu para 3 horas",
]
NEITHER = [
    "revenue of 6-8m",
    "we have 31 to 52 customers",
    "NPS is 52",
    "see you at nine",
    "a rising star of a dog",
    "MRR passed AED 1M in September (1.04M) and was 1.11M in October",
    "3,000 complaints filed and $910,000 of fees signed, against 540 for all of last year",
    "churn was 2% and NPS was 31",
]


@pytest.mark.parametrize("text", BETTER)
def test_what_changed_for_the_better_is_an_improvement(text: str) -> None:
    assert is_improvement(text)
    assert not is_worsening(text)


@pytest.mark.parametrize("text", WORSE)
def test_what_changed_for_the_worse_is_none(text: str) -> None:
    assert is_worsening(text)
    assert not is_improvement(text)


@pytest.mark.parametrize("text", NEITHER)
def test_what_tells_no_change_is_neither(text: str) -> None:
    assert changes(text) == []
    assert not is_improvement(text)
    assert not is_worsening(text)


def test_both_ways_at_once_is_neither() -> None:
    text = "churn fell to 2% and MRR fell to 120k"
    assert [change.is_better for change in changes(text)] == [True, False]
    assert not is_improvement(text)
    assert not is_worsening(text)


@pytest.mark.parametrize(
    "text",
    [
        "ARR is up to $5.3M, after the Loomstack loss",
        "Five hours without sign-in last night. Error rate is down to 0.1% now",
        "we had an outage, error rate is down to 0.1% now",
        "churn fell to 2%, Contoso cancelled",
        "Burn came down because half the engineering team was let go",
        "Burn is down to $90k, we are out of cash in March",
        "Burn is down to $90k, runway is 2 months",
        "Churn fell because our biggest customer Kestrel Air is gone",
        "churn fell to 2%, no customers",
        "churn fell to 2%, 客户流失",
        "clinics cut no-shows by a third",
    ],
)
def test_good_news_beside_any_other_word_is_no_plain_improvement(text: str) -> None:
    assert not is_improvement(text)


@pytest.mark.parametrize(
    "text",
    [
        "Support tickets doubled, we now have 20,000 active users",
        "Our support tickets rose because we hit 50,000 active users",
        "monthly active clinicians went from 7,400 to 6,580, so down 11%.",
    ],
)
def test_bad_news_beside_any_other_word_is_no_plain_worsening(text: str) -> None:
    assert not is_worsening(text)
