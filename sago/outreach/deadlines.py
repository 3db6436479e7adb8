"""The day by which something was promised, as people write it: `by May`, `in Q3`, `by the end of the year`."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from sago.outreach.claims.calendar import Day, find_dates

_WEEKDAYS = [name.lower() for name in calendar.day_name]
_BEFORE = re.compile(
    r"\b(?P<firm>by|before|until|till|no later than|due(?: (?:in|on|by))?|end of|come)"
    r"(?: the)?(?: (?:end of|early|mid|late|middle of|this|next))?(?: the)?[ -]$"
    r"|\b(?P<loose>in|for|on|this|next|during|expected|early|mid|late)(?: the)?[ -](?:(?:early|mid|late)[ -])?$",
    re.I,
)
_RELATIVE = re.compile(
    r"\b(?:(?P<end>(?:the )?end of (?:the |this )?)(?P<this>month|quarter|year)"
    r"|(?P<eo>EO[MQY])\b|(?P<yearend>year[- ]end)"
    r"|(?:(?:the )?end of )?next (?P<next>week|month|quarter|year)"
    r"|this (?P<current>month|quarter|year)"
    r"|(?:by|before|until) (?P<weekday>" + "|".join(_WEEKDAYS) + r")"
    r"|(?:by|before|for) (?P<christmas>christmas)"
    r"|(?:by|before|in|during|end of) (?P<year>20\d\d)(?!-)"
    r"|(?:in|within) (?:the next )?(?P<count>\d{1,2}) (?P<unit>days|weeks|months)"
    r"|(?P<tomorrow>by tomorrow|tomorrow))\b",
    re.I,
)
_LONG_AGO = 300
"""Days: `in March`, said in April without a year, is more likely the March that was than the one to come."""


_ONLY_BEFORE = re.compile(r"\bbefore(?: the)?(?: (?:this|next))?(?: the)?[ -]$|^before\b(?! the end| end)", re.I)
"""`before June` is over when June begins; `before the end of June` is not."""
_NOT_BEFORE = re.compile(
    r"(?:\b(?:not|never|no earlier|nothing|hardly)|n['’]t)(?: \w+){0,4} (?:before|until|till|than) (?:the )?$", re.I
)
_YEAR_AFTER = re.compile(r"^[ ,]*(?:of )?next year\b", re.I)


class Deadline(NamedTuple):
    """The last day of the period that was named, where it stands in the text, and whether `by` or its like is said."""

    due: date
    start: int
    is_firm: bool


def deadline(text: str, said: date, beside: int = 0) -> date | None:
    """The last day of the period by which the text promises something, or None where it names none that is to come.

    `by May` lasts until 31 May, which is the kinder reading; `before May` until 30 April; `not before May` is none. Of
    several periods one with `by` counts, then the first after `beside` (a code point: where the figure stands), then
    the last before it. A month without a year is the next.
    """
    found = [each for each in (*_named(text, said), *_relative(text, said)) if each.due >= said]
    return min(found, key=lambda d: (not d.is_firm, d.start < beside, abs(d.start - beside))).due if found else None


def _named(text: str, said: date) -> Iterator[Deadline]:
    for found in find_dates(text):
        is_next_year = found.year is None and _YEAR_AFTER.search(text[found.end :])
        named = found._replace(year=said.year + 1) if is_next_year else found
        before = _BEFORE.search(text[: named.start])
        is_whole_date = named.day is not None and named.year is not None
        if before is None and not is_whole_date:
            continue
        is_firm = before is not None and before["firm"] is not None
        if _NOT_BEFORE.search(text[: named.start]):
            continue
        due = _last_day(named, said)
        if due and _ONLY_BEFORE.search(text[: named.start]):
            due = _first_day(named, due) - timedelta(days=1)
        if due is None or (not is_firm and named.year is None and (due - said).days > _LONG_AGO):
            continue
        yield Deadline(due, named.start, is_firm)


def _last_day(named: Day, said: date) -> date | None:
    """Of the period; without a year the next one that has not ended. None for a day that no month has, and for one
    without a month."""
    if named.month is None:
        return None
    first, months = _span(named.month)
    for year in [named.year] if named.year else [said.year, said.year + 1]:
        last = first + months - 1
        try:
            due = date(year, last, named.day or calendar.monthrange(year, last)[1])
        except ValueError:
            return None
        if due >= said or named.year:
            return due
    return None


def _first_day(named: Day, last: date) -> date:
    """Of the period that ends on `last`."""
    if named.day is not None or named.month is None:
        return last
    return date(last.year, _span(named.month)[0], 1)


def _span(month: int | str) -> tuple[int, int]:
    """First month and length of a month, a quarter `Q2` or a half `H1`."""
    if isinstance(month, int):
        return month, 1
    length = 3 if month[0] == "Q" else 6
    return (min(int(month[1]), 12 // length) - 1) * length + 1, length


def _relative(text: str, said: date) -> Iterator[Deadline]:
    for match in _RELATIVE.finditer(text):
        if _NOT_BEFORE.search(text[: match.start()] + _word_before(match)) or _is_year_of(text, match):
            continue
        before = text[: match.start()].lower().rstrip()
        is_firm = match["end"] is not None or before.endswith((" by", " before", " until")) or before in ("by", "until")
        due = _resolved(match, said)
        is_end = match["end"] or match["eo"] or match["yearend"]
        if not is_end and (_ONLY_BEFORE.search(text[: match.start()]) or _ONLY_BEFORE.search(match.group())):
            due = _beginning(match, due) - timedelta(days=1)
        yield Deadline(due, match.start(), is_firm or match.group().lower()[:2] in ("by", "be"))


def _word_before(match: re.Match[str]) -> str:
    """`before ` of `before Friday`, which the match holds itself."""
    word = match.group().split()[0].lower()
    return f"{word} " if word in ("before", "until") else ""


def _is_year_of(text: str, match: re.Match[str]) -> bool:
    """Whether `next year` only says which May was meant."""
    named = [each for each in find_dates(text) if each.month is not None and each.end <= match.start()]
    return match["next"] == "year" and any(_YEAR_AFTER.search(text[each.end :]) for each in named[-1:])


def _beginning(match: re.Match[str], due: date) -> date:
    """The first day of the period that ends on `due`; of a day itself."""
    period = (match["next"] or match["current"] or ("year" if match["year"] else "")).lower()
    if period == "week":
        return due - timedelta(days=6)
    if period in ("month", "quarter", "year"):
        return date(due.year, {"month": due.month, "quarter": due.month - 2, "year": 1}[period], 1)
    return due


def _resolved(match: re.Match[str], said: date) -> date:
    if match["next"]:
        return _next(match["next"].lower(), said)
    if match["weekday"]:
        return said + timedelta(days=(_WEEKDAYS.index(match["weekday"].lower()) - said.weekday() - 1) % 7 + 1)
    if match["christmas"]:
        return date(said.year + (said > date(said.year, 12, 25)), 12, 25)
    if match["year"]:
        return date(int(match["year"]), 12, 31)
    if match["tomorrow"]:
        return said + timedelta(days=1)
    if match["count"]:
        return _later(said, int(match["count"]), match["unit"].lower())
    short = {"m": "month", "q": "quarter", "y": "year"}
    period = match["this"] or match["current"] or (short[match["eo"][2].lower()] if match["eo"] else "year")
    return _end_of(period.lower(), said)


def _end_of(period: str, day: date) -> date:
    """The last day of the month, quarter or year that the day lies in."""
    month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 3, "year": 12}[period]
    return date(day.year, month, calendar.monthrange(day.year, month)[1])


def _next(period: str, said: date) -> date:
    if period == "week":
        return said + timedelta(days=13 - said.weekday())
    return _end_of(period, _end_of(period, said) + timedelta(days=1))


def _later(said: date, count: int, unit: str) -> date:
    if unit != "months":
        return said + timedelta(days=count * (7 if unit == "weeks" else 1))
    year, month = divmod(said.year * 12 + said.month - 1 + count, 12)
    return date(year, month + 1, min(said.day, calendar.monthrange(year, month + 1)[1]))
