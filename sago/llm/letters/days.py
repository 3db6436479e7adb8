"""When a fact was: the day its words were said, or the month that they name for it."""

# ruff: noqa: SIM905 - a table of words is read more easily as one string
from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from sago.domain.amounts import find_amounts
from sago.domain.events import Event, Metric, MetricPoint
from sago.domain.wording import day

_LONGEST_BARE_MONTH = 330
"""Days after which `in October` could be read as another October."""


_LONGEST_BACK = 45
"""Days that somebody who tells of a day without its year looks back at most."""
_WORD = re.compile(r"[^\W\d_]{4,}")
_MONTHS = "January February March April May June July August September October November December".split()
_MONTH = re.compile("|".join(_MONTHS))
_DAY = re.compile(
    rf"\b[Oo]n (?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH.pattern})"
    rf"|(?P<month2>{_MONTH.pattern}) (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?)\b(?!,? \d{{4}})"
)


def day_of(event: Event, as_of: datetime) -> str:
    """` on 14 November`: the day before it that its words name as the event's, else the day it was first said. Nothing
    where several tell it and the first of them has no word of it, as `They decide in a fortnight` of a deal that was
    lost: on which later day it was told, the event does not say."""
    named = _named_day(event)
    if named is None and len(event.evidence) > 1 and not _says_title(event):
        return ""
    return f" on {day(named or event.occurred_at, beside=as_of)}"


def _says_title(event: Event) -> bool:
    """Whether the first quote has a word or a figure of the event's title."""
    first = _first(event)
    if _roots(first) & _roots(f"{event.title} {' '.join(event.stakeholders)}"):
        return True
    return bool({amount.value for amount in find_amounts(first)} & {metric.value for metric in event.metrics})


def _roots(text: str) -> set[str]:
    """Of each word of some length its beginning: `signed` and `signs` are one."""
    return {word[:4].casefold() for word in _WORD.findall(text)}


def _named_day(event: Event) -> date | None:
    """`On 23 March payouts were down`: the one day that the first quote names, shortly before it was said."""
    named = {
        (match["day"] or match["day2"], match["month"] or match["month2"]) for match in _DAY.finditer(_first(event))
    }
    if len(named) != 1 or len(_MONTH.findall(_first(event))) != 1:
        return None
    number, month = named.pop()
    said = event.occurred_at.date()
    try:
        told = date(said.year, _MONTHS.index(month) + 1, int(number))
    except ValueError:
        return None
    return told if 0 < (said - told).days <= _LONGEST_BACK else None


def _first(event: Event) -> str:
    return event.evidence[0].quote


def time_of(metric: Metric, event: Event, points: Sequence[MetricPoint], as_of: datetime) -> str:
    """` in October` where the words that state the figure name that month for it, else the day they were said.

    Nothing where they were said after the event's own day: the event's day is then another telling's.
    """
    point = point_of(metric, event, points)
    if point is None:
        return day_of(event, as_of)
    if _names_month(point, event) and (as_of - point.as_of).days <= _LONGEST_BARE_MONTH:
        return f" in {point.as_of:%B}"
    return day_of(event, as_of) if point.said_at.date() == event.occurred_at.date() else ""


def judged_time(day_judged: datetime, event_id: object, points: Sequence[MetricPoint], as_of: datetime) -> str:
    """When what a condition was judged by was: a month that was named for it is told as one."""
    is_month = any(
        point.event_id == event_id and point.as_of == day_judged and point.as_of.date() < point.said_at.date()
        for point in points
    )
    if is_month and (as_of - day_judged).days <= _LONGEST_BARE_MONTH:
        return f" in {day_judged:%B}"
    return f" on {day(day_judged, beside=as_of)}"


def point_of(metric: Metric, event: Event, points: Sequence[MetricPoint]) -> MetricPoint | None:
    """The point that this very figure of the event became."""
    own = (p for p in points if p.event_id == event.id and p.metric == metric.name)
    return next((p for p in own if (p.value, p.unit) == (metric.value, metric.unit)), None)


def told_together(one: Metric, other: Metric, event: Event, points: Sequence[MetricPoint]) -> bool:
    """Whether two figures are of one day and were said on one; without their points, whether one quote states both."""
    first, second = point_of(one, event, points), point_of(other, event, points)
    if first and second:
        return _days(first) == _days(second)
    return stated_together(one, other, event)


def stated_together(one: Metric, other: Metric, event: Event) -> bool:
    """Whether one quote of the event states both figures."""
    stated = ({amount.value for amount in find_amounts(proof.quote)} for proof in event.evidence)
    return any({one.value, other.value} <= values for values in stated)


def _days(point: MetricPoint) -> tuple[date, date]:
    return point.as_of.date(), point.said_at.date()


def _names_month(point: MetricPoint, event: Event) -> bool:
    if point.as_of.date() >= point.said_at.date():
        return False
    month = f"{point.as_of:%B}"
    named = re.compile(rf"\b(?:{month}|{month[:3]})\b", 0 if month in ("March", "May") else re.IGNORECASE)
    stating = [p.quote for p in event.evidence if any(a.value == point.value for a in find_amounts(p.quote))]
    return any(named.search(quote) for quote in stating)
