"""NOW, NOT YET or DO NOT WRITE: what a watch says as of a moment, with one sentence for the investor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sago.domain.bands import BandPoint
from sago.domain.condition_wording import asked_phrase, change_phrase, count_phrase, event_label, time_phrase
from sago.domain.events import Event, MetricPoint, Severity
from sago.domain.watches import ConditionResult, Outcome, Verdict, Watch
from sago.domain.wording import day, figure, metric_noun
from sago.outreach.proofs import evaluate
from sago.outreach.significance import is_setback

_ASKED = {
    ">=": "you asked for at least",
    ">": "you asked for more than",
    "<=": "you asked for at most",
    "<": "you asked for less than",
    "==": "you asked for",
    "!=": "you asked for other than",
}


def judge(
    watch: Watch,
    events: Sequence[Event],
    metric_points: Sequence[MetricPoint],
    as_of: datetime,
    setback_days: int,
    bands: Sequence[BandPoint] | None = None,
) -> Verdict:
    """The verdict: NOW when every condition holds and no high setback lies within `setback_days` before `as_of`.

    `bands` stand for the metric points where the founder shares no exact figures.
    """
    if not watch.conditions:
        because = "A periodic company update; nothing to wait for."
        return Verdict(watch=watch, outcome=Outcome.UPDATE, because=because, as_of=as_of)
    results = tuple(evaluate(c, events, metric_points, watch.met_on, as_of, bands) for c in watch.conditions)
    against = recent_setbacks(events, as_of, setback_days)
    if not all(result.holds for result in results):
        outcome, because = Outcome.NOT_YET, _not_yet(results, as_of)
    elif against:
        outcome, because = Outcome.DO_NOT_WRITE, _do_not_write(against[0], as_of)
    else:
        outcome, because = Outcome.NOW, _now(results, as_of)
    return Verdict(watch=watch, outcome=outcome, results=results, against=against, because=because, as_of=as_of)


def recent_setbacks(events: Sequence[Event], as_of: datetime, setback_days: int) -> tuple[Event, ...]:
    """Active high-severity setbacks of the last `setback_days`, newest first."""
    earliest = as_of - timedelta(days=setback_days)
    found = [
        event
        for event in events
        if event.is_active
        and is_setback(event)
        and event.severity is Severity.HIGH
        and earliest <= event.occurred_at <= as_of
    ]
    return tuple(sorted(found, key=lambda event: (event.occurred_at, str(event.id)), reverse=True))


def name_of(result: ConditionResult) -> str:
    """What a result is about, in a sentence: `ARR`, `enterprise deal`."""
    condition = result.condition
    return event_label(condition.name) if condition.kind == "count" else metric_noun(condition.name)


def reasons(results: Sequence[ConditionResult], as_of: datetime) -> str:
    """One sentence of what each condition that holds rests on."""
    return _now(results, as_of)


def lacking(results: Sequence[ConditionResult], as_of: datetime) -> str:
    """One sentence of what each condition that does not hold lacks."""
    return _not_yet(results, as_of)


def _now(results: Sequence[ConditionResult], as_of: datetime) -> str:
    return f"{_sentence([_reached(result, as_of) for result in results])}."


def _reached(result: ConditionResult, as_of: datetime) -> str:
    condition = result.condition
    when = f" on {day(result.as_of, beside=as_of)}" if result.as_of else ""
    if condition.kind == "change":
        return _changed(result, as_of)
    if condition.kind == "count":
        number = int(result.seen or 0)
        latest = f", the latest{when}" if number else ""
        within = f" {result.note}" if result.note else ""
        return f"{count_phrase(condition, number)}{time_phrase(condition, ' since you met')}{within}{latest}"
    asked = figure(condition.value, result.unit)
    if result.seen is None:
        return f"{name_of(result)} was {result.note}{when}, {_ASKED[condition.op]} {asked}"
    derived = f" ({result.note})" if result.note else ""
    return f"{name_of(result)} was {figure(result.seen, result.unit)}{when}, {_ASKED[condition.op]} {asked}{derived}"


def _not_yet(results: Sequence[ConditionResult], as_of: datetime) -> str:
    return f"{_sentence([_lacking(result, as_of) for result in results if not result.holds])}."


def _lacking(result: ConditionResult, as_of: datetime) -> str:
    if result.points:
        return _changed(result, as_of)
    if result.condition.kind == "count" or result.seen is None:
        return result.missing
    return f"{name_of(result)} is {result.missing}" + (f" ({result.note})" if result.note else "")


def _changed(result: ConditionResult, as_of: datetime) -> str:
    return f"{change_phrase(result, as_of)}; you asked for {asked_phrase(result.condition)}"


def _do_not_write(setback: Event, as_of: datetime) -> str:
    quote = " ".join(setback.evidence[0].quote.split())
    return f"What you asked for holds, but told on {day(setback.occurred_at, beside=as_of)}: “{quote}”"


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]
