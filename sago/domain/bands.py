"""Bands: how a figure is told to somebody who may know about how much, not how much.

Money and counts lie in the 1–2–5 series ($2M–5M), percentages in steps of ten points. No band holds a single whole
number: below its first edge, which depends on the unit, a series has one band down to nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sago.domain.events import MetricPoint
from sago.domain.metrics import is_currency
from sago.domain.wording import figure

PERCENT_STEP = 10
_SERIES = (1.0, 2.0, 5.0)
_FIRST = {"count": 5.0}
"""The first edge above nothing, where it is not 2: lengths of time and factors begin small."""
_FIRST_OF_MONEY = 1_000.0
_SIGN_BEFORE, _UNIT_BEHIND = re.compile(r"^\D+"), re.compile(r"[^\d.,]+$")


class Band(NamedTuple):
    """All values from `low` up to, not including, `high`."""

    low: float
    high: float
    unit: str

    def times(self, factor: float) -> Band:
        """The band of that many times the value; `factor` must be above 0."""
        return Band(self.low * factor, self.high * factor, self.unit)

    @property
    def text(self) -> str:
        """`$2M–5M`, `140–150%`, `20–50`, `-20% to -10%`."""
        low, high = figure(self.low, self.unit), figure(self.high, self.unit)
        if self.low < 0:
            return f"{low} to {high}"
        if is_currency(self.unit):
            return f"{low}–{_SIGN_BEFORE.sub('', high)}"
        return f"{_UNIT_BEHIND.sub('', low)}–{high}"

    @property
    def between(self) -> str:
        """`between $2M and $5M`."""
        return f"between {figure(self.low, self.unit)} and {figure(self.high, self.unit)}"


class BandPoint(NamedTuple):
    """A point of a metric's series as far as it is told: the band its figure lies in, None where none is told."""

    metric: str
    band: Band | None
    as_of: datetime
    said_at: datetime
    event_id: UUID


def band_of(value: float, unit: str) -> Band:
    """The band a value lies in; the lower edge belongs to it."""
    if unit == "percent":
        low = math.floor(value / PERCENT_STEP) * float(PERCENT_STEP)
        return Band(low, low + PERCENT_STEP, unit)
    if value < 0:
        low, high = _edges(-value, unit, is_upper_in=True)
        return Band(-high, -low or 0.0, unit)
    return Band(*_edges(value, unit), unit)


def banded(points: Sequence[MetricPoint], *, is_told: bool = True) -> tuple[BandPoint, ...]:
    """The points with bands instead of figures, or with neither."""
    return tuple(
        BandPoint(p.metric, band_of(p.value, p.unit) if is_told else None, p.as_of, p.said_at, p.event_id)
        for p in points
    )


def _edges(size: float, unit: str, *, is_upper_in: bool = False) -> tuple[float, float]:
    """The neighbouring edges around a size; where it is an edge itself, the band above or the one below it."""
    first = _FIRST_OF_MONEY if is_currency(unit) else _FIRST.get(unit, 2.0)
    if size < first or (is_upper_in and size == first):
        return 0.0, first
    power = math.floor(math.log10(size))
    edges = [step * 10.0**each for each in range(power - 1, power + 3) for step in _SERIES]
    low = max(edge for edge in edges if edge < size or (edge == size and not is_upper_in))
    return low, min(edge for edge in edges if edge > low)
