"""A figure of revenue is the company's level where it is said to be; a change, a part, a hope or a rival's is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sago.domain.batches import ExtractionRequest
from sago.domain.events import EventType, Finding, MetricPoint, Status
from sago.llm.providers.offline import RulesModel
from sago.pipeline.folding import fold
from sago.pipeline.grounding import ground
from tests.unit.llm.said import chat, extract

E = EventType
LEVELS = [
    ("ARR is $2.1M", 2.1e6),
    ("we are at $2.1M ARR", 2.1e6),
    ("hit $2.1M ARR after signing Northwind", 2.1e6),
    ("ARR up $80k to $2.1M", 2.1e6),
    ("ARR is $2.1M, up $80k", 2.1e6),
    ("October: $2.05M ARR", 2.05e6),
    ("Acme is at $2.1M ARR", 2.1e6),
    ("our new ARR is $2.1M", 2.1e6),
    ("We hit our ARR target of $2M", 2e6),
    ("ARR beat plan at $2.1M", 2.1e6),
    ("they said we're at $2.1M ARR", 2.1e6),
    ("We told Gridpeak we're at $2.1M ARR", 2.1e6),
    ("With their contract ARR is $2.1M", 2.1e6),
    ("Signed Northwind, ARR is now $2.1M", 2.1e6),
    ("Signed Northwind, we are at $2.1M ARR", 2.1e6),
    ("Signed Northwind, which takes us to $2.1M ARR", 2.1e6),
    ("With Northwind we crossed $2.1M ARR", 2.1e6),
    ("We have 40 customers and $2.1M ARR", 2.1e6),
    ("Unser ARR liegt jetzt bei 2,1 Mio. Euro", 2.1e6),
    ("Der ARR im September: 2,1 Mio. €", 2.1e6),
    ("Zahlen September: 2,1 Mio. € ARR", 2.1e6),
    ("Notre ARR est maintenant de 2,1 M€", 2.1e6),
    ("Nuestro ARR: 2,1 millones de euros", 2.1e6),
    ("Février : 2,1 M€ de ARR", 2.1e6),
    ("ARR at the end of September was $1.95M", 1.95e6),
    ("Our ARR is now $1.8M, not what Clara said", 1.8e6),
]
NO_LEVELS = [
    "Gridpeak told me they are at $40M ARR.",
    "Gridpeak is at $40M ARR",
    "Gridpeak's ARR is $40M",
    "Gridpeak: $40M ARR",
    "Gridpeak claims $40M ARR",
    "ARR at Gridpeak is $40M",
    "$40M ARR at Gridpeak",
    "their ARR is $40M",
    "a competitor reached $40M ARR",
    "a customer of ours has $40M ARR",
    "ARR pipeline is $5M.",
    "pipeline ARR is $5M",
    "We have $5M ARR in the pipeline",
    "our ARR target is $5M",
    "the plan is $5M ARR",
    "potential ARR of $5M",
    "ARR forecast: $5M",
    "ARR run rate if all pilots convert: $5M",
    "$500k ARR to go.",
    "We need $500k more ARR to get to $3M.",
    "Northwind now pays us $180k ARR.",
    "Signed Northwind today: $180k ARR.",
    "Signed Northwind today. $180k ARR.",
    "Signed Northwind (ARR: $180k)",
    "We signed Northwind at $180k ARR",
    "Signed Acme Steel, +$80k ARR.",
    "New customer: Northwind, $180k ARR",
    "Renewal: Helvetia at €60k ARR",
    "Helvetia Grid cancelled, $60k ARR gone.",
    "Windhafen Bremen has cancelled, -€45k ARR.",
    "Bad news: Helvetia Grid cancelled, they leave in September. That is €60k ARR gone.",
    "we lost Helvetia, that's $60k ARR lost",
    "€200k ARR at risk",
    "Net new ARR this month: €120k.",
    "This adds €80k ARR.",
    "Upsell: Stadtwerke Ulm went from €84k to €120k ARR.",
    "ARR per customer is $20k",
]


def told(*texts: str) -> list[Finding]:
    found = extract(RulesModel(), *(chat(number, text) for number, text in enumerate(texts)))
    return [finding for finding in found if finding.status is Status.ACTUAL]


def points(*texts: str) -> list[MetricPoint]:
    """Of a chat in which one person says these texts, a minute apart."""
    messages = tuple(chat(number, text) for number, text in enumerate(texts))
    found = RulesModel().extract(ExtractionRequest(company_id="acme", company_name="Acme", messages=messages))
    seen = datetime(2025, 10, 7, tzinfo=UTC)
    grounded, _ = ground(found, messages, company_id="acme", extractor="rules", extractor_version="1", recorded_at=seen)
    return fold("acme", grounded, []).metric_points


@pytest.mark.parametrize(("text", "value"), LEVELS)
def test_the_companys_own_level_is_a_point(text: str, value: float) -> None:
    assert [point.value for point in points(text) if point.metric == "arr"] == [value]


@pytest.mark.parametrize("text", NO_LEVELS)
def test_a_change_a_part_a_hope_or_anothers_figure_is_no_point_of_arr(text: str) -> None:
    assert [point for point in points(text) if point.metric in ("arr", "mrr")] == []


@pytest.mark.parametrize(
    ("text", "event_type", "title"),
    [
        ("Signed Northwind today: $180k ARR.", E.ENTERPRISE_DEAL, "Northwind signed a contract worth $180k a year"),
        ("Signed Northwind and hit $2.3M ARR", E.ENTERPRISE_DEAL, "Northwind signed a contract"),
        ("Helvetia Grid cancelled, $60k ARR gone.", E.SETBACK, "Helvetia Grid will not renew, losing $60k"),
        ("Windhafen Bremen has cancelled, -€45k ARR.", E.SETBACK, "Windhafen Bremen will not renew, losing €45k"),
        ("ARR dropped by $60k to $2.04M", E.SETBACK, "ARR fell by $60k to $2.04M"),
        ("Net new ARR this month: €120k.", E.REVENUE_MILESTONE, "New ARR was €120k"),
        (
            "Upsell: Stadtwerke Ulm went from €84k to €120k ARR.",
            E.ENTERPRISE_DEAL,
            "Stadtwerke Ulm renewed or expanded at €120k a year",
        ),
    ],
)
def test_the_title_says_what_the_figure_is(text: str, event_type: EventType, title: str) -> None:
    assert [(finding.event_type, finding.title) for finding in told(text)] == [(event_type, title)]


def test_what_a_deal_is_worth_may_stand_in_the_next_message() -> None:
    assert [metric.name for finding in told("Signed Northwind!", "$180k ARR") for metric in finding.metrics] == [
        "annual contract value"
    ]


def test_a_figure_that_nothing_names_is_no_event() -> None:
    assert told("we passed two million!") == []
    assert [finding.title for finding in told("ARR €2.05M - we passed two million!")] == ["ARR reached €2.05M"]


def test_two_figures_for_the_end_of_one_month_are_both_kept() -> None:
    said = points("ARR is €2.05M at the end of September.", "For the board: ARR at the end of September was €1.95M.")
    assert {(point.value, f"{point.as_of:%m-%d}") for point in said} == {(2.05e6, "09-30"), (1.95e6, "09-30")}


def test_what_somebody_else_said_gives_way_to_the_figure_that_replaces_it() -> None:
    said = points("October closed. MRR €171k, ARR €2.05M.", "Our ARR is now €1.8M, not what Clara said.")
    assert {(point.metric, point.value) for point in said} == {("mrr", 171e3), ("arr", 1.8e6)}


def test_a_level_behind_another_metric_is_its_own() -> None:
    said = points("September closed at $175k MRR, which is $2.1M ARR")
    assert {(point.metric, point.value) for point in said} == {("mrr", 175e3), ("arr", 2.1e6)}
