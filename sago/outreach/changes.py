"""Conditions on a change over a period: the newest figure against the one of a period before it.

The later end is the metric's newest point. The earlier end is the point nearest to the period's start, from half a
period before it to a tenth of a period after it; both are told with their days. Nothing is computed between points.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sago.domain import periods
from sago.domain.condition_wording import NEAR
from sago.domain.events import Event, MetricPoint
from sago.domain.metrics import METRICS, UNSTATED, is_currency
from sago.domain.watches import Condition, ConditionResult
from sago.domain.wording import day, figure, metric_label, metric_noun, never_stated
from sago.outreach.conditions import holds
from sago.outreach.quoting import stating_proof
from sago.outreach.series import known_at

EXACT_TO = 9
"""Digits behind the point of a share: 129,000 after 100,000 is 29% and no binary fraction less."""


class Change(NamedTuple):
    """A metric's change between two points, as a share in percent of the earlier one."""

    before: MetricPoint
    after: MetricPoint
    share: float


def evaluate_change(
    condition: Condition, events: Sequence[Event], points: Sequence[MetricPoint], as_of: datetime
) -> ConditionResult:
    """The condition as of a moment. ARR that cannot be compared is taken by MRR, whose change is the same."""
    series = _series(condition, points, as_of)
    found = _change(condition, series, series[-1], as_of) if series else None
    if found is None:
        missing = _incomparable(condition, series, as_of)
        return ConditionResult(condition=condition, holds=False, seen=None, missing=missing)
    fulfilled = holds(condition, found.share)
    ends = found.before, found.after
    return ConditionResult(
        condition=condition,
        holds=fulfilled,
        seen=_rounded(found.share, condition),
        unit="percent",
        missing="" if fulfilled else _distance(condition, found.share),
        note=_ends(found, condition, as_of),
        proof=tuple(proof for point in ends for proof in stating_proof(point, events)),
        event_id=found.after.event_id,
        as_of=found.after.as_of,
        points=ends,
    )


def change_held_since(condition: Condition, points: Sequence[MetricPoint], as_of: datetime) -> date | None:
    """The day of the figure from which the change has held without a break; None where it does not hold.

    A later figure whose own change holds too goes on with the same firing. One period without any figure ends it.
    """
    start: date | None = None
    known = _known(condition, points, as_of)
    for index, point in enumerate(known):
        if index and periods.after(known[index - 1].as_of, _period(condition)) < point.as_of:
            start = None
        series = _compared(condition, known[: index + 1], point.as_of)
        found = _change(condition, series, series[-1], point.as_of) if series else None
        if found is None or not holds(condition, found.share):
            start = None
        elif start is None:
            start = point.as_of.date()
    newest = _compared(condition, known, as_of)
    is_stale = bool(newest) and periods.after(newest[-1].as_of, _period(condition)) < as_of
    return None if is_stale else start


def _period(condition: Condition) -> str:
    return condition.within or ""


def _series(condition: Condition, points: Sequence[MetricPoint], as_of: datetime) -> list[MetricPoint]:
    """The metric's points known by then, oldest first; of ARR those of MRR where only they can be compared."""
    return _compared(condition, _known(condition, points, as_of), as_of)


def _known(condition: Condition, points: Sequence[MetricPoint], as_of: datetime) -> list[MetricPoint]:
    """All that may be compared, oldest first."""
    metrics = {condition.name, "mrr"} if condition.name == "arr" else {condition.name}
    return known_at((point for point in points if point.metric in metrics), as_of)


def _compared(condition: Condition, known: Sequence[MetricPoint], as_of: datetime) -> list[MetricPoint]:
    own = [point for point in known if point.metric == condition.name]
    if condition.name != "arr" or (own and _change(condition, own, own[-1], as_of)):
        return own
    monthly = [point for point in known if point.metric == "mrr"]
    return monthly if monthly and _change(condition, monthly, monthly[-1], as_of) else own


def _change(condition: Condition, series: Sequence[MetricPoint], newest: MetricPoint, as_of: datetime) -> Change | None:
    """From the point near the period's start to `newest`; None where there is none, it has another unit or no value to
    take a share of, or `newest` is older than the period itself."""
    if periods.after(newest.as_of, _period(condition)) < as_of or newest.unit == UNSTATED:
        return None
    start = periods.before(newest.as_of, _period(condition))
    length = newest.as_of - start
    near = [
        point
        for point in series
        if point.unit == newest.unit and start - length / 2 <= point.as_of <= start + length * NEAR
    ]
    if not near:
        return None
    base = min(near, key=lambda point: (abs(point.as_of - start), -point.said_at.timestamp(), str(point.event_id)))
    if base.value <= 0:
        return None
    return Change(base, newest, round((newest.value - base.value) / base.value * 100, EXACT_TO))


def _incomparable(condition: Condition, series: Sequence[MetricPoint], as_of: datetime) -> str:
    label = metric_noun(condition.name)
    if not series:
        return never_stated(condition.name)
    newest, period = series[-1], _period(condition)
    on = day(newest.as_of, beside=as_of)
    if periods.after(newest.as_of, period) < as_of:
        return (
            f"no {label} of the last {periods.span(period)}; the newest is {figure(newest.value, newest.unit)} of {on}"
        )
    if newest.unit == UNSTATED:
        return f"{label} of {on} was stated without a currency: {figure(newest.value, newest.unit)} compares to nothing"
    about = day(periods.before(newest.as_of, period), beside=as_of)
    unit = f" in {newest.unit}" if METRICS[newest.metric].unit == "currency" and is_currency(newest.unit) else ""
    return f"no {label}{unit} from about {about} to compare with the {figure(newest.value, newest.unit)} of {on}"


def _rounded(share: float, condition: Condition) -> float:
    """With as few digits as say the same of the condition: 19.6% is not told as the 20% that was asked."""
    fits = (
        rounded
        for digits in range(0 if abs(share) >= 10 else 1, 6)
        if holds(condition, rounded := round(share, digits)) == holds(condition, share) and (rounded or not share)
    )
    return next(fits, share)


def _distance(condition: Condition, share: float) -> str:
    gap = round(abs(condition.value - share), 1)
    return f"{figure(_rounded(share, condition), 'percent')}, {figure(gap, 'points')} away"


def _ends(found: Change, condition: Condition, as_of: datetime) -> str:
    """`MRR $156k on 1 January → $175k on 1 April`; says so where they stand for ARR."""
    label = metric_label(found.after.metric)
    stands_for = f", which {metric_label(condition.name)} follows" if found.after.metric != condition.name else ""
    ends = " → ".join(
        f"{figure(point.value, point.unit)} on {day(point.as_of, beside=as_of)}"
        for point in (found.before, found.after)
    )
    return f"{label} {ends}{stands_for}"
