"""Events that state different figures of one metric for one month: shown to a person, who knows which is right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby, permutations
from typing import NamedTuple
from uuid import UUID

from sago.domain.events import Metric, MetricPoint
from sago.domain.wording import metric_phrase

ROUNDED = 6e-3
"""Relative; 1.116M may be told as 1.12M."""
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
    nothing."""
    found: dict[UUID, list[Contradiction]] = {}
    series = (point for point in points if point.metric not in _OF_ONE_DEAL)
    for _, told in groupby(sorted(series, key=_period), _period):
        for own, other in permutations(told, 2):
            if own.event_id != other.event_id and not math.isclose(own.value, other.value, rel_tol=ROUNDED):
                found.setdefault(own.event_id, []).append(Contradiction(own, other))
    return found


def _period(point: MetricPoint) -> tuple[str, str, str, str]:
    return point.company_id, point.metric, point.unit, f"{point.as_of:%Y-%m}"
