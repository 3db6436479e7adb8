"""Conditions held against today's facts: what was seen, what is missing, and the quote that proves it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sago.domain.amounts import find_amounts
from sago.domain.bands import BandPoint
from sago.domain.events import Event, Evidence, MetricPoint
from sago.domain.metrics import UNSTATED
from sago.domain.watches import Condition, ConditionResult
from sago.domain.wording import day, figure, metric_label
from sago.outreach.banding import band_held_since, evaluate_band
from sago.outreach.conditions import asked_currency, event_label, holds

MONTHS_A_YEAR = 12
SAME_LEVEL = 0.01
"""Share by which ARR and twelve times MRR may differ and still be one telling, rounded."""


def evaluate(
    condition: Condition,
    events: Sequence[Event],
    metric_points: Sequence[MetricPoint],
    since: date | None,
    as_of: datetime,
    bands: Sequence[BandPoint] | None = None,
) -> ConditionResult:
    """The condition as of a moment. A metric is judged by its newest point, a count by active events from `since` on.

    ARR nobody stated is taken as twelve times a newer MRR, and `note` says so. Where `bands` are given, metrics are
    judged on them alone.
    """
    if bands is not None and condition.kind != "count":
        return evaluate_band(condition, events, bands, as_of)
    known = [event for event in events if event.is_active and event.occurred_at <= as_of]
    if condition.kind == "count":
        return _evaluate_count(condition, known, since, as_of)
    return _evaluate_metric(condition, known, series(condition.name, metric_points, as_of))


def series(metric: str, points: Sequence[MetricPoint], as_of: datetime) -> list[MetricPoint]:
    """The metric's points known at `as_of`, oldest first; for ARR also the MRR points newer than every ARR point."""
    known = sorted((p for p in points if p.said_at <= as_of), key=lambda p: (p.as_of, p.said_at, str(p.event_id)))
    own = [point for point in known if point.metric == metric]
    if metric != "arr":
        return own
    return own + [point for point in known if point.metric == "mrr" and (not own or _tells_more(point, own[-1]))]


def _tells_more(mrr: MetricPoint, arr: MetricPoint) -> bool:
    """Whether an MRR is of a later day than the ARR, was said later, and means another level."""
    same = abs(level(mrr, "arr") - arr.value) <= SAME_LEVEL * abs(arr.value)
    return mrr.as_of > arr.as_of and mrr.said_at > arr.said_at and not same


def level(point: MetricPoint, metric: str) -> float:
    """The point's value as one of `metric`: MRR × 12 where ARR is asked."""
    return point.value * MONTHS_A_YEAR if metric == "arr" and point.metric == "mrr" else point.value


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
        counted = _counted(condition, [e for e in events if e.is_active and e.occurred_at <= as_of], since)
        reached = [e for number, e in enumerate(counted, start=1) if holds(condition, number)]
        return reached[0].occurred_at.date() if reached and holds(condition, len(counted)) else None
    if bands is not None:
        return band_held_since(condition, bands, as_of)
    start: date | None = None
    for point in series(condition.name, metric_points, as_of):
        if not holds(condition, level(point, condition.name)):
            start = None
        elif start is None:
            start = point.as_of.date()
    return start


def _counted(condition: Condition, events: Sequence[Event], since: date | None) -> list[Event]:
    wanted = [e for e in events if e.event_type == condition.name and (since is None or e.occurred_at.date() >= since)]
    return sorted(wanted, key=lambda event: (event.occurred_at, str(event.id)))


def _evaluate_count(
    condition: Condition, events: Sequence[Event], since: date | None, as_of: datetime
) -> ConditionResult:
    counted = _counted(condition, events, since)
    fulfilled = holds(condition, len(counted))
    return ConditionResult(
        condition=condition,
        holds=fulfilled,
        seen=float(len(counted)),
        unit="count",
        missing="" if fulfilled else _missing_count(condition, len(counted), since, as_of),
        proof=tuple(event.evidence[0] for event in counted),
        event_id=counted[-1].id if counted else None,
        as_of=counted[-1].occurred_at if counted else None,
    )


def _missing_count(condition: Condition, seen: int, since: date | None, as_of: datetime) -> str:
    label = event_label(condition.name)
    from_then = f" since {day(since, beside=as_of)}" if since else ""
    if seen == 0:
        return f"no {label}{from_then}"
    return f"{seen} of {condition.value:g}: {label}{from_then}"


def _evaluate_metric(condition: Condition, events: Sequence[Event], points: Sequence[MetricPoint]) -> ConditionResult:
    if not points:
        return ConditionResult(
            condition=condition, holds=False, seen=None, missing=f"no {metric_label(condition.name)} was ever stated"
        )
    point = points[-1]
    seen = level(point, condition.name)
    asked = asked_currency(condition)
    comparable = asked is None or asked == point.unit
    fulfilled = comparable and holds(condition, seen)
    return ConditionResult(
        condition=condition,
        holds=fulfilled,
        seen=seen,
        unit=point.unit,
        missing="" if fulfilled else _missing(condition, point, comparable=comparable),
        note=_derivation(point, condition.name),
        proof=_proof(point, events),
        event_id=point.event_id,
        as_of=point.as_of,
    )


def _missing(condition: Condition, point: MetricPoint, *, comparable: bool) -> str:
    seen = level(point, condition.name)
    if not comparable:
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


def _proof(point: MetricPoint, events: Sequence[Event]) -> tuple[Evidence, ...]:
    """The first quote of the point's event that states the figure; its very first where none can be read."""
    event = next((event for event in events if event.id == point.event_id), None)
    if event is None:
        return ()
    stating = [e for e in event.evidence if any(a.value == point.value for a in find_amounts(e.quote))]
    return (stating[0] if stating else event.evidence[0],)
