"""Conditions that can never hold, always hold, or never hold together: said when a watch is made, not waited for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from sago.domain import periods
from sago.domain.metrics import METRICS
from sago.domain.watches import Condition
from sago.domain.wording import metric_label, plain

_MOST = {"nrr": 1000.0, "churn": 100.0, "grr": 100.0, "gross_margin": 100.0, "uptime": 100.0, "nps": 100.0}
_LEAST = {"nps": -100.0, "gross_margin": -1000.0, "burn": -math.inf}
"""Burn is negative where a company earns more than it spends."""


class Range(NamedTuple):
    """Values from `low` to `high`; open where the end itself is outside."""

    low: float
    high: float
    is_open_below: bool = False
    is_open_above: bool = False

    @property
    def is_empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and (self.is_open_below or self.is_open_above))

    def both(self, other: Range) -> Range:
        """What lies in both."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        opens_below = any(each.low == low and each.is_open_below for each in (self, other))
        opens_above = any(each.high == high and each.is_open_above for each in (self, other))
        return Range(low, high, opens_below, opens_above)


def never_or_always(condition: Condition) -> str | None:
    """Why nobody need wait for the condition, or None: no value of its metric could fulfil it, or each would."""
    possible, asked = _possible(condition), _asked(condition)
    if condition.kind == "count" and condition.value != int(condition.value):
        return f"events are counted in whole numbers, {plain(condition.value)} is none"
    if asked is None:
        return None
    shown = f"`{condition.op} {plain(condition.value)}`"
    if possible.both(asked).is_empty:
        return f"{_subject(condition, possible)}: {shown} can never hold"
    if possible.both(asked) == possible:
        return f"{_subject(condition, possible)}: {shown} always holds, there is nothing to wait for"
    return None


def contradiction(
    conditions: Sequence[Condition], currencies: Sequence[str | None]
) -> tuple[Condition, Condition] | None:
    """Two conditions that can never hold at once, or None. `currencies` are those asked, one for each condition."""
    for (one, money), (other, its) in combinations(zip(conditions, currencies, strict=True), 2):
        if one.kind != other.kind or one.name != other.name:
            continue
        if money and its and money != its:
            return one, other
        if _exclude(one, other):
            return one, other
    return None


def _exclude(one: Condition, other: Condition) -> bool:
    if one.kind == "count":
        return _asks_more(one, other) or _asks_more(other, one)
    if one.within != other.within:
        return False
    ranges = _asked(one), _asked(other)
    if ranges[0] is None or ranges[1] is None:
        return one.value == other.value and {one.op, other.op} == {"==", "!="}
    return ranges[0].both(ranges[1]).is_empty


def _asks_more(few: Condition, many: Condition) -> bool:
    """Whether `few` asks for more events than `many` allows, of which those of `few` are a part."""
    if (few.severity.rank if few.severity else 0) < (many.severity.rank if many.severity else 0):
        return False
    if not _lies_within(few.within, many.within):
        return False
    least, most = _asked(few), _asked(many)
    return least is not None and most is not None and least.low > most.high


def _lies_within(period: str | None, other: str | None) -> bool:
    """Whether the first period lies in the other. That since the meeting is as long as none can tell."""
    if period is None or other is None:
        return period == other
    return periods.days(period) <= periods.days(other)


def _possible(condition: Condition) -> Range:
    if condition.kind == "change":
        return Range(-100.0, math.inf)
    if condition.kind == "count":
        return Range(0.0, math.inf)
    return Range(_LEAST.get(condition.name, 0.0), _MOST.get(condition.name, math.inf))


def _asked(condition: Condition) -> Range | None:
    """The values that fulfil it, whole ones for a count; None for `!=`."""
    value, step = condition.value, 1.0 if condition.kind == "count" else 0.0
    return {
        ">=": Range(value, math.inf),
        ">": Range(value + step, math.inf, is_open_below=not step),
        "<=": Range(-math.inf, value),
        "<": Range(-math.inf, value - step, is_open_above=not step),
        "==": Range(value, value),
        "!=": None,
    }[condition.op]


def _subject(condition: Condition, possible: Range) -> str:
    """`nrr lies between 0 and 1,000`, for the beginning of a sentence."""
    if condition.kind == "count":
        return "a number of events is 0 or more"
    unit = "%" if condition.kind == "change" or METRICS[condition.name].unit == "percent" else ""
    label = (
        f"a change of {metric_label(condition.name)}" if condition.kind == "change" else metric_label(condition.name)
    )
    if math.isinf(possible.low):
        return f"{label} is {plain(possible.high)}{unit} at most"
    if math.isinf(possible.high):
        return f"{label} is {plain(possible.low)}{unit} or more"
    return f"{label} lies between {plain(possible.low)}{unit} and {plain(possible.high)}{unit}"
