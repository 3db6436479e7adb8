"""Conditions held against today's facts: what was seen, what is missing, and the quote that proves it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sago.domain.bands import BandPoint
from sago.domain.events import Event, MetricPoint
from sago.domain.metrics import UNSTATED
from sago.domain.watches import Condition, ConditionResult
from sago.domain.wording import figure, metric_label, never_stated
from sago.outreach.banding import band_held_since, evaluate_band
from sago.outreach.changes import change_held_since, evaluate_change
from sago.outreach.conditions import asked_currency, holds, in_its_own_money, is_comparable
from sago.outreach.counts import count_held_since, evaluate_count
from sago.outreach.quoting import stating_proof
from sago.outreach.series import level, series


def evaluate(
    condition: Condition,
    events: Sequence[Event],
    metric_points: Sequence[MetricPoint],
    since: date | None,
    as_of: datetime,
    bands: Sequence[BandPoint] | None = None,
) -> ConditionResult:
    """The condition as of a moment. A metric is judged by its newest point, a change by that and the one a period
    before, a count by active events of its period, or from `since` on.

    ARR nobody stated is taken as twelve times a newer MRR, and `note` says so. Where `bands` are given, metrics are
    judged on them alone.
    """
    if bands is not None and condition.kind != "count":
        return evaluate_band(condition, events, bands, as_of)
    known = [event for event in events if event.is_active and event.occurred_at <= as_of]
    if condition.kind == "count":
        return evaluate_count(condition, known, since, as_of)
    if condition.kind == "change":
        return evaluate_change(condition, known, metric_points, as_of)
    return _evaluate_metric(condition, known, series(condition.name, metric_points, as_of))


def held_since(
    condition: Condition,
    events: Sequence[Event],
    metric_points: Sequence[MetricPoint],
    since: date | None,
    as_of: datetime,
    bands: Sequence[BandPoint] | None = None,
) -> date | None:
    """The day from which the condition has held without a break, or None where it does not hold or needs no fact.

    It names a firing: a further point on the same side of the threshold does not fire again.
    """
    if condition.kind == "count":
        return count_held_since(condition, events, since, as_of)
    if bands is not None:
        return band_held_since(condition, bands, as_of)
    if condition.kind == "change":
        return change_held_since(condition, metric_points, as_of)
    start: date | None = None
    for point in series(condition.name, metric_points, as_of):
        if not _fulfils(condition, point):
            start = None
        elif start is None:
            start = point.as_of.date()
    return start


def _evaluate_metric(condition: Condition, events: Sequence[Event], points: Sequence[MetricPoint]) -> ConditionResult:
    if not points:
        return ConditionResult(condition=condition, holds=False, seen=None, missing=never_stated(condition.name))
    point = points[-1]
    seen, fulfilled = level(point, condition.name), _fulfils(condition, point)
    return ConditionResult(
        condition=condition,
        holds=fulfilled,
        seen=seen,
        unit=point.unit,
        missing="" if fulfilled else _missing(condition, point),
        note=_derivation(point, condition.name),
        proof=stating_proof(point, events),
        event_id=point.event_id,
        as_of=point.as_of,
    )


def _fulfils(condition: Condition, point: MetricPoint) -> bool:
    """Whether it does, in the currency asked where one was."""
    return is_comparable(condition, point.unit) and holds(condition, level(point, condition.name))


def _missing(condition: Condition, point: MetricPoint) -> str:
    seen = level(point, condition.name)
    if not is_comparable(condition, point.unit):
        if asked_currency(condition) is None:
            return in_its_own_money(condition, figure(seen, point.unit), point.unit)
        stated = "without a currency" if point.unit == UNSTATED else f"in {point.unit}"
        return f"stated {stated}: {figure(seen, point.unit)}, asked in {asked_currency(condition)}"
    gap = abs(condition.value - seen)
    asked = figure(condition.value, point.unit)
    if condition.op in (">=", ">"):
        distance = f", {figure(gap, _points(point.unit))} to go" if gap else ", must be more"
        return f"{figure(seen, point.unit)} of {asked}{distance}"
    if condition.op in ("<=", "<"):
        distance = f", {figure(gap, _points(point.unit))} too much" if gap else ", must be less"
        return f"{figure(seen, point.unit)}, at most {asked} asked{distance}"
    return f"{figure(seen, point.unit)}, asked {condition.op} {asked}"


def _points(unit: str) -> str:
    """The distance of two percentages is in points."""
    return "points" if unit == "percent" else unit


def _derivation(point: MetricPoint, metric: str) -> str:
    if point.metric == metric:
        return ""
    stated, derived = figure(point.value, point.unit), figure(level(point, metric), point.unit)
    return f"{metric_label(point.metric)} {stated} → {metric_label(metric)} {derived}"
