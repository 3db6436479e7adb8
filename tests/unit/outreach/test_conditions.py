"""Conditions as written by people, read and held against facts."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.errors import UsageError
from sago.outreach.conditions import parse
from sago.outreach.proofs import evaluate, held_since
from tests.unit.outreach.stories import ARR, DEAL, EVENTS, MET, NOW, POINTS, event, metric, point


@pytest.mark.parametrize(
    ("text", "kind", "name", "op", "value"),
    [
        ("arr >= 2M", "metric", "arr", ">=", 2e6),
        ("ARR ≥ $2,000,000", "metric", "arr", ">=", 2e6),
        ("nrr > 120%", "metric", "nrr", ">", 120),
        ("net revenue retention>=120", "metric", "nrr", ">=", 120),
        ("enterprise_deal >= 1", "count", "enterprise_deal", ">=", 1),
        ("enterprise deals = 2", "count", "enterprise_deal", "==", 2),
        ("churn < 2.5 %", "metric", "churn", "<", 2.5),
        ("mrr >= 450k", "metric", "mrr", ">=", 450_000),
    ],
)
def test_reads_what_people_write(text: str, kind: str, name: str, op: str, value: float) -> None:
    read = parse(text)
    assert (read.kind, read.name, read.op, read.value, read.text) == (kind, name, op, value, text)


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("arl >= 2M", 1, "did you mean arr"),
        ("arr => 2M", 5, ">= > <= <"),
        ("arr >=", 7, "the text ends here"),
        ("arr >= 2Q", 9, "k, M and B"),
        ("nrr > $3", 7, "not counted in money"),
        ("arr >= 2M and nrr > 1", 11, "nothing may follow"),
        ("", 1, "a metric or an event type"),
    ],
)
def test_an_error_points_at_its_column(text: str, column: int, hint: str) -> None:
    with pytest.raises(UsageError, match=rf"column {column}\b") as caught:
        parse(text)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    with suppress(UsageError):
        assert parse(text).text == text.strip()


def test_the_newest_point_decides_and_its_quote_proves() -> None:
    older = point(ARR, "arr", 1.5e6).model_copy(update={"as_of": NOW - timedelta(days=90)})
    result = evaluate(parse("arr >= 2M"), EVENTS, [*POINTS, older], MET, NOW)
    assert result.holds
    assert result.seen == 2.1e6
    assert result.proof == ARR.evidence
    assert result.as_of == ARR.occurred_at


def test_says_what_is_missing_of_a_metric() -> None:
    result = evaluate(parse("arr >= 3M"), EVENTS, POINTS, MET, NOW)
    assert not result.holds
    assert result.missing == "$2.1M of $3M, $900k to go"


def test_says_what_is_missing_of_a_count_and_of_a_metric_nobody_stated() -> None:
    early = event("enterprise_deal", "An old deal signed", "signed long ago", days_ago=400)
    assert evaluate(parse("enterprise_deal >= 1"), [early], [], MET, NOW).missing == "no enterprise deal since 2 March"
    assert evaluate(parse("enterprise_deal >= 2"), [DEAL], [], MET, NOW).missing.startswith("1 of 2")
    assert evaluate(parse("nps > 40"), EVENTS, POINTS, MET, NOW).missing == "no NPS was ever stated"


def test_arr_is_derived_from_a_newer_mrr_and_says_so() -> None:
    said = event("revenue_milestone", "MRR reached $450k", "MRR hit $450k", metric("mrr", 450_000), days_ago=1)
    result = evaluate(parse("arr >= 5M"), [*EVENTS, said], [*POINTS, point(said, "mrr", 450_000)], MET, NOW)
    assert result.holds
    assert result.note == "MRR $450k → ARR $5.4M"
    assert result.proof == said.evidence


def test_a_stated_arr_is_preferred_to_an_older_mrr() -> None:
    said = event("revenue_milestone", "MRR reached $450k", "MRR hit $450k", metric("mrr", 450_000), days_ago=30)
    result = evaluate(parse("arr >= 5M"), [*EVENTS, said], [*POINTS, point(said, "mrr", 450_000)], MET, NOW)
    assert result.seen == 2.1e6
    assert result.note == ""


def test_another_currency_never_holds() -> None:
    result = evaluate(parse("arr >= €2M"), EVENTS, POINTS, MET, NOW)
    assert not result.holds
    assert result.missing == "stated in USD: $2.1M, asked in EUR"


def test_what_is_said_later_is_not_known_yet() -> None:
    day_before = ARR.occurred_at - timedelta(days=1)
    assert evaluate(parse("arr >= 2M"), EVENTS, POINTS, MET, day_before).seen is None
    assert not evaluate(parse("enterprise_deal >= 1"), EVENTS, POINTS, MET, NOW - timedelta(days=11)).holds


def test_a_firing_is_named_by_the_day_it_began() -> None:
    further = event("revenue_milestone", "ARR reached $2.3M", "ARR is $2.3M", metric("arr", 2.3e6), days_ago=1)
    points = [*POINTS, point(further, "arr", 2.3e6)]
    condition = parse("arr >= 2M")
    assert held_since(condition, EVENTS, POINTS, MET, NOW) == ARR.occurred_at.date()
    assert held_since(condition, [*EVENTS, further], points, MET, NOW) == ARR.occurred_at.date()
    assert held_since(parse("arr >= 2.2M"), [*EVENTS, further], points, MET, NOW) == further.occurred_at.date()
    assert held_since(parse("arr >= 9M"), EVENTS, POINTS, MET, NOW) is None
