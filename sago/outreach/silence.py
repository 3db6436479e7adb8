"""Whether nobody writes, or a source is broken: told from the rhythm in which messages usually come
(`sago.domain.rhythm`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sago.domain.rhythm import gap_since, heard_for
from sago.domain.significance import Arrivals, Gap
from sago.domain.wording import day, plain

LOOK_BACK = timedelta(days=400)
"""How far back arrivals are needed: a company that fell silent longer ago is not watched for news any more."""


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
    """The day of the last message and how many a week came before it, where the time since is a gap."""
    last = gap_since(counts, today)
    return None if last is None else (last, _a_week(counts, last, heard_for(counts) // 7))


def _a_week(counts: Counter[date], last: date, weeks: int) -> int:
    """Messages in so many whole weeks up to the last day, one with the other."""
    start = last - timedelta(weeks=weeks)
    return round(sum(count for each, count in counts.items() if each > start) / weeks)


def _messages(count: int) -> str:
    return f"{plain(count)} message{'' if count == 1 else 's'}" if count else "less than one message"


def _all(sources: Iterable[str]) -> str:
    named = sorted(sources)
    return _name(named[0]) if len(named) == 1 else f"all sources ({_listed(named)})"


def _listed(sources: Sequence[str]) -> str:
    *front, last = [_name(source) for source in sources]
    return f"{', '.join(front)} and {last}" if front else last


def _name(source: str) -> str:
    return source.replace("_", " ").capitalize()
