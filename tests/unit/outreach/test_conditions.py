"""Conditions as written by people, read and held against facts."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.events import EventType, Severity
from sago.domain.metrics import METRICS
from sago.domain.watches import Condition
from sago.errors import UsageError
from sago.outreach.conditions import asked_currency, parse, render
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
        ("paying customers >= 100", "metric", "customers", ">=", 100),
        ("users >= 1.2 million", "metric", "users", ">=", 1.2e6),
        ("runway >= 12 months", "metric", "runway", ">=", 12),
        ("arr >= CHF 3M", "metric", "arr", ">=", 3e6),
        ("arr >= 3m", "metric", "arr", ">=", 3e6),
        ("user growth >= 2", "count", "user_growth", ">=", 2),
        ("mrr growth over 3m", "change", "mrr", ">", 0),
        ("mrr growth 3m >= 20%", "change", "mrr", ">=", 20),
        ("arr decline 6m < 5%", "change", "arr", ">", -5),
        ("users growth >= 20% over the last quarter", "change", "users", ">=", 20),
        ("no setback", "count", "setback", "==", 0),
    ],
)
def test_reads_what_people_write(text: str, kind: str, name: str, op: str, value: float) -> None:
    read = parse(text)
    assert (read.kind, read.name, read.op, read.value, read.text) == (kind, name, op, value, text)


@pytest.mark.parametrize(
    ("text", "severity", "within"),
    [
        ("enterprise_deal high >= 2 in 90d", Severity.HIGH, "90d"),
        ("no high setback within the last 2 months", Severity.HIGH, "2m"),
        ("no setback medium in 60 days", Severity.MEDIUM, "60d"),
        ("enterprise deals >= 2 in 1 quarter", None, "3m"),
    ],
)
def test_reads_severity_and_period(text: str, severity: Severity | None, within: str) -> None:
    read = parse(text)
    assert (read.severity, read.within) == (severity, within)


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("nrr >= -5 users", 11, "nrr is not counted in `users`, but in percent"),
        ("nrr >= -5", 1, "always holds"),
        ("churn > 500%", 1, "Churn lies between 0% and 100%: `> 500` can never hold"),
        ("setback >= 0", 1, "nothing to wait for"),
        ("setback >= 1.5", 1, "whole numbers"),
        ("no setback in 0d", 15, "a period has a length"),
        ("no setback in 99y", 15, "at most ten years"),
        ("no arr in 60d", 4, "only events can be absent"),
        ("arr high >= 2M", 5, "has no severity"),
        ("arr >= 2M in 90d", 14, "a change is `arr growth 90d >= 20%`"),
        ("enterprise_deal growth 3m", 17, "`enterprise_deal >= 2 in 90d`"),
        ("mrr growth >= 20%", 11, "a change is over one period"),
        ("mrr growth 3m >= 20% over 6m", 27, "a change is over one period"),
        ("mrr growth 3m >= $20k", 18, "a change is told in percent"),
        ("mrr growth 3 >= 20%", 12, "a period, as in 60d"),
        ("no setback hgh in 60d", 12, "did you mean high?"),
        ("no setback and no churn", 12, "nothing may follow"),
        ("arr", 4, "one of >= > <= <"),
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


def test_the_caret_stands_under_the_character() -> None:
    with pytest.raises(UsageError) as caught:
        parse("mrr grwth 3m >= 20%")
    said, shown, caret = str(caught.value).splitlines()
    assert said.endswith("column 5: `grwth` is no word of a condition; did you mean growth?")
    assert shown[caret.index("^") :].startswith("grwth")


WORDS = [
    "arr",
    "no",
    "setback",
    "high",
    "growth",
    "3m",
    "in",
    "60d",
    ">=",
    "=>",
    "2M",
    "€",
    "%",
    "-",
    "and",
    ",",
    "売上",
    "\t",
]


@given(st.text(max_size=40) | st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
def test_any_text_is_read_or_refused_at_a_character_of_it(text: str) -> None:
    try:
        assert parse(text).text == text.strip()
    except UsageError as error:
        column = re.search(r"column (\d+)", str(error))
        assert column
        assert 1 <= int(column[1]) <= len(text) + 1


def _built(kind: str, name: str, op: str, value: int, severity: Severity | None, within: str) -> Condition | None:
    """A condition of these parts as a person would write it; None where it could never or would always hold."""
    text = {
        "metric": f"{name} {op} {value}",
        "change": f"{name} growth {within} {op} {value - 50}%",
        "count": f"{name} {severity or ''} {op} {value} {f'in {within}' if value % 2 else ''}",
        "absence": f"no {severity or ''} {name} {f'within {within}' if value % 2 else ''}",
    }[kind]
    with suppress(UsageError):
        return parse(text)
    return None


METRIC_NAMES = st.sampled_from(list(METRICS))
PARTS = st.builds(
    lambda kind, metric_name, event_type, op, value, severity, within: _built(
        kind, metric_name if kind in ("metric", "change") else event_type.value, op, value, severity, within
    ),
    st.sampled_from(["metric", "change", "count", "absence"]),
    METRIC_NAMES,
    st.sampled_from(EventType),
    st.sampled_from([">=", ">", "<=", "<", "==", "!=", "≥"]),
    st.integers(min_value=0, max_value=5_000_000),
    st.sampled_from([None, *Severity]),
    st.sampled_from(["60d", "8w", "3m", "1y", "90 days", "2 quarters", "the last year"]),
)


@given(PARTS)
def test_a_condition_written_out_is_read_as_the_same(condition: Condition | None) -> None:
    if condition is not None:
        assert parse(render(condition)) == condition.model_copy(update={"text": render(condition)})


@given(METRIC_NAMES, st.sampled_from(["$2M", "€3,500,000", "CHF 450k", "2M eur", "1.25M", "¥80M"]))
def test_the_currency_asked_is_kept(name: str, amount: str) -> None:
    if METRICS[name].unit == "currency":
        condition = parse(f"{name} >= {amount}")
        again = parse(render(condition))
        assert (asked_currency(again), again.value) == (asked_currency(condition), condition.value)


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
    assert evaluate(parse("customers > 40"), EVENTS, POINTS, MET, NOW).missing == "no customers were ever stated"


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


def test_a_figure_of_a_day_to_come_is_not_judged_yet() -> None:
    (told,) = [each for each in POINTS if each.metric == "arr"][:1]
    target = told.model_copy(update={"as_of": NOW + timedelta(days=30)})
    assert evaluate(parse("arr >= 2M"), EVENTS, [target], MET, NOW).seen is None


def test_yen_have_to_be_asked_for() -> None:
    (told,) = [each for each in POINTS if each.metric == "arr"][:1]
    yen = told.model_copy(update={"unit": "JPY", "value": 2.5e6})
    result = evaluate(parse("arr >= 2M"), EVENTS, [yen], MET, NOW)
    assert not result.holds
    assert result.missing == "stated in JPY: ¥2.5M; ask in JPY, as in `arr >= ¥300M`"
    assert evaluate(parse("arr >= ¥2M"), EVENTS, [yen], MET, NOW).holds
    assert held_since(parse("arr >= 2M"), EVENTS, [yen], MET, NOW) is None


@pytest.mark.parametrize(
    ("text", "meant"), [("churn <= 0.03", "3%"), ("nrr >= 1.2", "120%"), ("uptime >= 0.999", "99.9%")]
)
def test_a_share_for_a_percentage_is_refused_with_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {meant}"):
        parse(text)
