"""A metric's points as they were known at a moment, in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sago.domain.events import MetricPoint

MONTHS_A_YEAR = 12
SAME_LEVEL = 0.01
"""Share by which ARR and twelve times MRR may differ and still be one telling, rounded."""


def known_at(points: Iterable[MetricPoint], as_of: datetime) -> list[MetricPoint]:
    """Those that had been said by then and are of no later day, oldest first."""
    return sorted(
        (p for p in points if p.said_at <= as_of and p.as_of <= as_of),
        key=lambda p: (p.as_of, p.said_at, str(p.event_id), p.unit, p.value),
    )


def series(metric: str, points: Sequence[MetricPoint], as_of: datetime) -> list[MetricPoint]:
    """The metric's points known at `as_of`, oldest first; for ARR also each MRR point that tells more than the newest
    ARR before it."""
    found: list[MetricPoint] = []
    newest: MetricPoint | None = None
    for point in known_at(points, as_of):
        if point.metric == metric:
            found.append(newest := point)
        elif (metric, point.metric) == ("arr", "mrr") and (newest is None or _tells_more(point, newest)):
            found.append(point)
    return found


def level(point: MetricPoint, metric: str) -> float:
    """The point's value as one of `metric`: MRR × 12 where ARR is asked."""
    return point.value * MONTHS_A_YEAR if metric == "arr" and point.metric == "mrr" else point.value


def _tells_more(mrr: MetricPoint, arr: MetricPoint) -> bool:
    """Whether an MRR is of a later day than the ARR, was said later, and means another level."""
    same = abs(level(mrr, "arr") - arr.value) <= SAME_LEVEL * abs(arr.value)
    return mrr.as_of > arr.as_of and mrr.said_at > arr.said_at and not same
