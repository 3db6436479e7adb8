"""Whether nobody writes, or a source is broken: told from the rhythm in which messages usually come.

Each weekday has the share of weeks on which it had messages, over the BASELINE before the last one. A day without
messages is as surprising as that share is large, `-ln(1 - share)`; a quiet time is a gap when its days together are so
surprising that one in a thousand would be, and when it is longer than any before it. So weekends say nothing where
nobody writes on them, and neither do the days from 24 December to 1 January. No day says more than a quarter of what
is needed: a public holiday, even two, is no silence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from sago.domain.significance import Arrivals, Gap
from sago.domain.wording import day, plain

BASELINE = timedelta(days=56)
"""Before the last message: what is usual."""
SHORTEST = 14
"""Days that a source must have been heard for before anything is usual."""
NEEDED = math.log(1000)
MOST_A_DAY = NEEDED / 4
LOOK_BACK = timedelta(days=400)
"""How far back arrivals are needed: a company that fell silent longer ago is not watched for news any more."""
_DAY = timedelta(days=1)


def gaps(arrivals: Iterable[Arrivals], as_of: datetime) -> tuple[Gap, ...]:
    """The company's silence as of a moment, or else each of its sources that stopped while others go on."""
    today = as_of.date()
    sources: dict[str, Counter[date]] = {}
    for each in arrivals:
        if each.messages and each.day <= today:
            sources.setdefault(each.source, Counter())[each.day] += each.messages
    everything = sum(sources.values(), Counter[date]())
    if gap := _gap(everything, today):
        last, usual = gap
        days = (today - last).days
        text = f"Nobody has written for {days} days; usually {_messages(usual)} a week come from {_all(sources)}"
        return (Gap(last=last, days=days, usual=usual, text=text),)
    return tuple(
        found for source, counts in sorted(sources.items()) if (found := _broken(source, counts, sources, today))
    )


def _broken(source: str, counts: Counter[date], sources: dict[str, Counter[date]], today: date) -> Gap | None:
    """A source's gap while others were heard on two days or more since its last message."""
    gap = _gap(counts, today)
    if gap is None:
        return None
    last, usual = gap
    going_on = [
        other for other, days in sorted(sources.items()) if other != source and sum(each > last for each in days) >= 2
    ]
    if not going_on:
        return None
    goes = "goes on" if len(going_on) == 1 else "go on"
    text = (
        f"{_name(source)} stopped on {day(last, beside=today)} while {_listed(going_on)} {goes}: "
        f"usually {_messages(usual)} a week; the source may be broken"
    )
    return Gap(source=source, last=last, days=(today - last).days, usual=usual, text=text)


def _gap(counts: Counter[date], today: date) -> tuple[date, int] | None:
    """The day of the last message and how many a week came before it, where the time since is a gap. Today, which is
    not over, says nothing."""
    if not counts:
        return None
    last = max(counts)
    first = max(min(counts), last - BASELINE + _DAY)
    heard = (last - first).days + 1
    if heard < SHORTEST:
        return None
    shares = _shares(counts, first, last)
    if _surprise(shares, last + _DAY, today) < NEEDED or (today - last).days <= _longest_gap(counts, first):
        return None
    return last, _a_week(counts, last, heard // 7)


def _a_week(counts: Counter[date], last: date, weeks: int) -> int:
    """Messages in so many whole weeks up to the last day, one with the other."""
    start = last - timedelta(weeks=weeks)
    return round(sum(count for each, count in counts.items() if each > start) / weeks)


def _shares(counts: Counter[date], first: date, last: date) -> list[float]:
    """Of each weekday the share of its days that had messages, as if there had been one more, half heard."""
    seen, had = [0] * 7, [0] * 7
    for number in range((last - first).days + 1):
        each = first + number * _DAY
        seen[each.weekday()] += 1
        had[each.weekday()] += each in counts
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


def _longest_gap(counts: Counter[date], first: date) -> int:
    heard = sorted(each for each in counts if each >= first)
    return max(((later - earlier).days for earlier, later in pairwise(heard)), default=0)


def _is_off(each: date) -> bool:
    return (each.month, each.day) >= (12, 24) or (each.month, each.day) == (1, 1)


def _messages(count: int) -> str:
    return f"{plain(count)} message{'' if count == 1 else 's'}"


def _all(sources: Iterable[str]) -> str:
    named = sorted(sources)
    return _name(named[0]) if len(named) == 1 else f"all sources ({_listed(named)})"


def _listed(sources: Sequence[str]) -> str:
    *front, last = [_name(source) for source in sources]
    return f"{', '.join(front)} and {last}" if front else last


def _name(source: str) -> str:
    return source.replace("_", " ").capitalize()
