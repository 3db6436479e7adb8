"""A finding becomes an observation only where the message says so to the letter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sago.domain import orders
from sago.domain.events import EventType, Finding, Metric, Observation
from sago.domain.messages import CompactMessage
from sago.domain.metrics import UNSTATED
from sago.pipeline import grounding
from sago.pipeline.grounding import ground

NOW = datetime(2025, 11, 5, tzinfo=UTC)


def message(text: str, number: int = 1, version: int = 0) -> CompactMessage:
    return CompactMessage(id=f"slack:{number}", version=version, source="slack", sent_at=NOW, sender="kim", text=text)


def finding(quote: str, *metrics: tuple[str, float, str], **fields: Any) -> Finding:
    read = tuple(Metric(name=name, value=value, unit=unit) for name, value, unit in metrics)
    known = {"message_id": "slack:1", "event_type": EventType.REVENUE_MILESTONE, "title": "MRR went up"}
    return Finding.model_validate({**known, "quote": quote, "metrics": read, **fields})


def grounded(text: str, *findings: Finding) -> tuple[list[Observation], dict[str, int]]:
    return ground(
        findings, [message(text)], company_id="acme", extractor="test", extractor_version="1", recorded_at=NOW
    )


def test_a_quote_that_stands_is_kept_with_our_offsets() -> None:
    (seen,), dropped = grounded("well, MRR is $182k now", finding("MRR is $182k", ("mrr", 182_000, "USD"), start=999))
    assert (seen.start, seen.end, seen.quote, dropped) == (6, 18, "MRR is $182k", {})
    assert seen.metrics == (Metric(name="mrr", value=182_000, unit="USD"),)


@pytest.mark.parametrize("text", ["🚀🚀 é", "漢字 👩‍👩‍👧 ", "e\u0301\u200b"])
def test_offsets_count_code_points(text: str) -> None:
    (seen,), _ = grounded(f"{text}ARR hit $2M{text}", finding("ARR hit $2M"))
    assert (seen.start, seen.end) == (len(text), len(text) + 11)


def test_start_chooses_the_occurrence() -> None:
    text = "won it. and won it"
    (first,), _ = grounded(text, finding("won it"))
    (second,), _ = grounded(text, finding("won it", start=11))
    assert (first.start, second.start) == (0, 12)


def test_a_changed_quote_is_dropped() -> None:
    assert grounded("MRR is $182k", finding("MRR is $183k")) == ([], {grounding.NO_QUOTE: 1})


def test_a_blank_quote_is_dropped() -> None:
    assert grounded("MRR is $182k", finding(" ")) == ([], {grounding.NO_QUOTE: 1})


def test_an_unknown_message_is_dropped() -> None:
    assert grounded("x", finding("x", message_id="slack:2")) == ([], {grounding.UNKNOWN_MESSAGE: 1})


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (("mrr", 182_000, "USD"), None),
        (("mrr", 182_000, "EUR"), grounding.OTHER_CURRENCY),
        (("mrr", 182_000, "percent"), grounding.OTHER_UNIT),
        (("mrr", 183_000, "USD"), grounding.NO_FIGURE),
        (("arr", 182_000, "USD"), grounding.OTHER_PERIOD),
        (("growth", 14, "percent"), None),
        (("decline", 14, "percent"), grounding.OTHER_DIRECTION),
        (("growth", 14, "count"), grounding.OTHER_UNIT),
        (("team", 12, "count"), None),
    ],
)
def test_a_metric_is_read_from_the_quote_by_code(metric: tuple[str, float, str], reason: str | None) -> None:
    quote = "MRR grew to $182k (+14%), team of 12"
    (seen,), dropped = grounded(quote, finding(quote, metric))
    assert bool(seen.metrics) is (reason is None)
    assert dropped == ({reason: 1} if reason else {})


@pytest.mark.parametrize(
    ("quote", "metric", "kept"),
    [
        ("they pay $84k a year", ("monthly contract value", 84_000, "USD"), False),
        ("they pay $84k a year", ("annual contract value", 84_000, "USD"), True),
        ("they pay $7k/mo", ("annual contract value", 7_000, "USD"), False),
        ("12,000 daily actives", ("mau", 12_000, "count"), False),
        ("MRR $450k (~$5.4M run rate)", ("arr", 5_400_000, "USD"), True),
        ("revenue fell 12%", ("revenue growth", 12, "percent"), False),
        ("revenue fell 12%", ("revenue growth", -12, "percent"), True),
        ("revenue grew 12% while churn fell", ("revenue growth", 12, "percent"), True),
        ("costs are down 12%", ("cost reduction", 12, "percent"), True),
        ("costs are up 12%", ("cost reduction", 12, "percent"), False),
        ("recurring is $45k, up from $20k a year ago", ("mrr", 45_000, "USD"), True),
        ("recurring is $45k, that is a quarter of our plan", ("mrr", 45_000, "USD"), True),
        ("burn is $80k, a quarter less than before", ("monthly burn", 80_000, "USD"), True),
        ("contract is $1.2M, billed monthly", ("annual contract value", 1_200_000, "USD"), True),
        ("We hit $2M, three signups a day now", ("arr", 2_000_000, "USD"), True),
        ("MRR is up, now at $45k", ("arr", 45_000, "USD"), False),
        ("We hit $2M, annualised", ("mrr", 2_000_000, "USD"), False),
        ("We hit $2M (ARR)", ("mrr", 2_000_000, "USD"), False),
        ("sales 12% better after we dropped the price", ("revenue growth", 12, "percent"), True),
        ("sales fell after the launch, by 12%", ("revenue growth", 12, "percent"), False),
    ],
)
def test_a_metric_of_another_period_or_direction_is_dropped(
    quote: str, metric: tuple[str, float, str], kept: bool
) -> None:
    (seen,), _ = grounded(quote, finding(quote, metric))
    assert bool(seen.metrics) is kept


def test_a_title_that_turns_the_quote_round_is_replaced_by_it() -> None:
    (seen,), dropped = grounded("MRR fell to $182k", finding("MRR fell to $182k", title="MRR grew to $182k"))
    assert (seen.title, dropped) == ("MRR fell to $182k", {grounding.TITLE_TURNED: 1})


def test_a_rate_that_is_always_a_share_needs_no_sign() -> None:
    (seen,), _ = grounded("NRR is 118", finding("NRR is 118", ("nrr", 118, "percent")))
    assert seen.metrics[0].value == 118


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("Zoë signed: \u201cyes\u201d \u2014 caf\u00e9", 'Zoe\u0308 signed: "yes" - cafe\u0301'),
        ("Zoe\u0308 signed: yes", "Zo\u00eb signed: yes"),
        ("한국 팀이 signed", "\u1112\u1161\u11ab국 팀이 signed"),
        ("hi\nKite  signed\u00a0for", "Kite signed for"),
        ("we ❤\ufe0f it \u2026 signed", "we ❤ it ... signed"),
    ],
)
def test_a_quote_that_is_only_written_otherwise_is_kept_as_the_message_has_it(text: str, quote: str) -> None:
    (seen,), dropped = grounded(f"🚀 {text}.", finding(quote))
    assert dropped == {}
    assert seen.quote == f"🚀 {text}."[seen.start : seen.end]
    assert seen.quote in text


def test_a_number_without_a_unit_may_be_money_of_a_currency_that_the_quote_does_not_say() -> None:
    (seen,), _ = grounded("MRR lands at 450k", finding("MRR lands at 450k", ("mrr", 450_000, "EUR")))
    assert seen.metrics[0].unit == UNSTATED
    (seen,), _ = grounded("MRR 450k, ARR €5.4M", finding("MRR 450k, ARR €5.4M", ("mrr", 450_000, "EUR")))
    assert seen.metrics[0].unit == "EUR"


@pytest.mark.parametrize(("unit", "kept"), [("AUD", True), ("CAD", True), ("EUR", False)])
def test_a_plain_dollar_may_be_any_dollar(unit: str, kept: bool) -> None:
    (seen,), _ = grounded("they pay $85k for it", finding("they pay $85k", ("pilot fee", 85_000, unit)))
    assert bool(seen.metrics) is kept


@pytest.mark.parametrize(("unit", "kept"), [("SEK", True), ("DKK", True), ("USD", False)])
def test_a_plain_crown_may_be_any_crown(unit: str, kept: bool) -> None:
    (seen,), _ = grounded("they pay 85 tkr for it", finding("they pay 85 tkr", ("pilot fee", 85_000, unit)))
    assert bool(seen.metrics) is kept


def test_a_figure_outside_the_quote_does_not_count() -> None:
    (seen,), dropped = grounded("MRR $182k. ARR $2M", finding("MRR $182k", ("arr", 2e6, "USD")))
    assert (seen.metrics, dropped) == ((), {grounding.NO_FIGURE: 1})


def test_a_quote_that_cuts_a_figure_does_not_state_it() -> None:
    (seen,), _ = grounded("ticket #2291", finding("2291", ("users", 2291, "count"), title="ticket"))
    assert seen.metrics == ()


def test_a_title_with_a_foreign_figure_is_replaced_by_the_quote() -> None:
    (seen,), dropped = grounded("MRR is $182k", finding("MRR is $182k", title="MRR reached $999k"))
    assert (seen.title, dropped) == ("MRR is $182k", {grounding.TITLE_REPLACED: 1})


def test_a_description_with_a_foreign_figure_is_left_empty() -> None:
    (seen,), dropped = grounded("MRR is $182k", finding("MRR is $182k", description="up from $5M", impact="good"))
    assert (seen.description, seen.impact, dropped) == ("", "good", {grounding.TEXT_CUT: 1})


def test_the_same_span_and_type_counts_once() -> None:
    seen, dropped = grounded("MRR is $182k", finding("MRR is $182k"), finding("MRR is $182k", title="Another title"))
    assert (len(seen), dropped) == (1, {grounding.SAME_SPAN: 1})


def test_findings_speak_of_the_highest_version() -> None:
    messages = [message("MRR is $1k"), message("MRR is $2k", version=7)]
    known = {"company_id": "acme", "extractor": "test", "extractor_version": "1", "recorded_at": NOW}
    seen, _ = ground([finding("MRR is $2k")], messages, **known)  # type: ignore[arg-type]
    assert seen[0].version == 7


def test_a_message_is_judged_once_however_many_findings_speak_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    monkeypatch.setattr(orders, "gives_orders", lambda text: bool(judged.append(text)))
    lines = [f"customer {number} signed" for number in range(50)]
    seen, _ = grounded("\n".join(lines), *(finding(line) for line in lines))
    assert (len(seen), len(judged)) == (50, 1)
