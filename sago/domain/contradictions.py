"""Events that state different figures of one metric for one month: shown to a person, who knows which is right.

A figure whose month the quote names is true at that month's end, any other when it was said; two figures said days
apart may both be right. So only figures true within a day of each other are compared.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice, takewhile
from typing import NamedTuple
from uuid import UUID

from sago.domain.events import Metric, MetricPoint
from sago.domain.wording import metric_phrase

ROUNDED = 6e-3
"""Relative; 1.116M may be told as 1.12M."""
AT_ONCE = timedelta(days=1)
"""Apart at most; figures of a month that was named are true at the same second."""
_MOST = 3
"""Figures told against one; more do not help who must decide."""
_OF_ONE_DEAL = frozenset({"contract_value", "amount_raised", "valuation"})
"""Figures of which a company has several in a month."""


class Contradiction(NamedTuple):
    """What one event says, and what the other says for the same month."""

    own: MetricPoint
    other: MetricPoint

    @property
    def text(self) -> str:
        """`$2.1M ARR here, $2.3M ARR there, both for October 2026`."""
        own, other = (metric_phrase(Metric(name=p.metric, value=p.value, unit=p.unit)) for p in self)
        return f"{own} here, {other} there, both for {self.own.as_of:%B %Y}"


def contradictions(points: Iterable[MetricPoint]) -> dict[UUID, list[Contradiction]]:
    """Event id → what other events say otherwise. A figure that was corrected is no point any more, and contradicts
    nothing. Of several that say the same, one speaks for all; against each figure at most three are told."""
    found: dict[UUID, list[Contradiction]] = {}
    series = (point for point in points if point.metric not in _OF_ONE_DEAL)
    for _, told in groupby(sorted(series, key=_period), _period):
        of_value: dict[float, list[MetricPoint]] = {}
        for point in sorted(told, key=_as_of):
            of_value.setdefault(point.value, []).append(point)
        for value, owns in of_value.items():
            others = [said for other, said in of_value.items() if not math.isclose(value, other, rel_tol=ROUNDED)]
            for own in owns:
                against = (Contradiction(own, other) for said in others if (other := _at_once(own, said)))
                if told_against := list(islice(against, _MOST)):
                    found.setdefault(own.event_id, []).extend(told_against)
    return found


def _at_once(own: MetricPoint, others: Sequence[MetricPoint]) -> MetricPoint | None:
    """The first of another event that is true within a day of this one; `others` by time."""
    near = islice(others, bisect_left(others, own.as_of - AT_ONCE, key=_as_of), None)
    return next(
        (
            other
            for other in takewhile(lambda o: o.as_of <= own.as_of + AT_ONCE, near)
            if other.event_id != own.event_id
        ),
        None,
    )


def _as_of(point: MetricPoint) -> datetime:
    return point.as_of


def _period(point: MetricPoint) -> tuple[str, str, str, str]:
    return point.company_id, point.metric, point.unit, f"{point.as_of:%Y-%m}"
