"""When a quiet time is longer than usual: told from the rhythm in which something is usually heard of.

Each weekday has the share of weeks on which it was heard, over the BASELINE before the last one. A day without is as
surprising as that share is large, `-ln(1 - share)`; a quiet time is a gap when its days together are so surprising that
one in a thousand would be, and when it is longer than any before it. So weekends say nothing where nobody writes on
them, and neither do the days from 24 December to 1 January. No day says more than a quarter of what is needed: a public
holiday, even two, is no silence.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import pairwise

BASELINE = timedelta(days=56)
"""Before the last day it was heard: what is usual."""
SHORTEST = 14
"""Days that something must have been heard for before anything is usual."""
NEEDED = math.log(1000)
MOST_A_DAY = NEEDED / 4
_DAY = timedelta(days=1)


def heard_for(days: Collection[date]) -> int:
    """Days from the first to the last within the baseline, both counted; 0 where there are none."""
    return (max(days) - _first(days)).days + 1 if days else 0


def days_a_week(days: Collection[date]) -> float | None:
    """On how many days of a week it is usually heard; None while nothing is usual."""
    span = heard_for(days)
    if span < SHORTEST:
        return None
    weeks = span // 7
    start = max(days) - timedelta(weeks=weeks)
    return sum(each > start for each in set(days)) / weeks


def gap_since(days: Collection[date], today: date) -> date | None:
    """The last day, where the time since is a gap. Today, which is not over, says nothing."""
    if heard_for(days) < SHORTEST:
        return None
    first, last = _first(days), max(days)
    shares = _shares(days, first, last)
    if _surprise(shares, last + _DAY, today) < NEEDED or (today - last).days <= _longest_gap(days, first):
        return None
    return last


def _first(days: Collection[date]) -> date:
    return max(min(days), max(days) - BASELINE + _DAY)


def _shares(days: Collection[date], first: date, last: date) -> list[float]:
    """Of each weekday the share of its days that were heard, as if there had been one more, half heard."""
    seen, had = [0] * 7, [0] * 7
    for number in range((last - first).days + 1):
        each = first + number * _DAY
        seen[each.weekday()] += 1
        had[each.weekday()] += each in days
    return [(had[weekday] + 0.5) / (seen[weekday] + 1) for weekday in range(7)]


def _surprise(shares: Sequence[float], start: date, end: date) -> float:
    """Of all days from `start` to before `end`; no more is added up than is needed."""
    total = 0.0
    each = start
    while each < end and total < NEEDED:
        if not _is_off(each):
            total += min(-math.log1p(-shares[each.weekday()]), MOST_A_DAY)
        each += _DAY
    return total + 1e-9


def _longest_gap(days: Collection[date], first: date) -> int:
    heard = sorted(each for each in days if each >= first)
    return max(((later - earlier).days for earlier, later in pairwise(heard)), default=0)


def _is_off(each: date) -> bool:
    return (each.month, each.day) >= (12, 24) or (each.month, each.day) == (1, 1)
