"""Dates as a letter or a proof writes them, and whether a day is the one that is meant."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import NamedTuple

MONTHS = [
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
UNAMBIGUOUS_DAYS = 330
"""A day without its year is one of the last eleven months."""
_MONTH = "|".join(rf"{month}|{month[:3]}" for month in MONTHS) + "|sept"
_DAY = re.compile(
    rf"(?<![\w-])(?P<iso>\d{{4}}-\d\d-\d\d)(?![\w-])"
    rf"|\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+)?(?P<month>{_MONTH})\b\.?"
    rf"(?:\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|[.,]\d))?(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?"
    r"|\b(?P<quarter>[QH][1-4])\b(?:\s+(?P<of>(?:19|20)\d\d)\b)?"
    rf"|\b(?P<weekday>{'|'.join(WEEKDAYS)})\b"
    r"|(?<![\w.,$€£/-])(?P<alone>(?:19|20)\d\d)(?![\w%/-]|[.,]\d)"
    r"|\b(?P<relative>yesterday|last (?:week|month|quarter|year)"
    r"|(?:the )?day before yesterday|this (?:morning|afternoon|evening|week|month)|tonight)\b",
    re.I,
)
_VERBS = {"may", "mar", "march"}


class Day(NamedTuple):
    """A date as far as it was written: any part but one may be missing. `month` is 1–12, or a quarter's name."""

    day: int | None
    month: int | str | None
    year: int | None
    text: str
    start: int
    end: int
    weekday: int | None = None
    relative: str = ""


def find_days(text: str) -> list[Day]:
    """Dates, months, quarters, years and weekdays written in a text, in order. A lower-case `may` or `march` is a
    verb."""
    return [day for match in _DAY.finditer(text) if (day := _day(match))]


def _day(match: re.Match[str]) -> Day | None:
    written = match.group().strip().rstrip(".")
    span = (match.start(), match.start() + len(match.group().rstrip(". ")))
    if match["iso"]:
        year, month, number = (int(part) for part in match["iso"].split("-"))
        return Day(number, month, year, written, *span)
    if match["quarter"]:
        return Day(None, match["quarter"].upper(), int(match["of"]) if match["of"] else None, written, *span)
    if match["weekday"]:
        return Day(None, None, None, written, *span, weekday=WEEKDAYS.index(match["weekday"].lower()))
    if match["alone"]:
        return Day(None, None, int(match["alone"]), written, *span)
    if match["relative"]:
        return Day(None, None, None, written, *span, relative=match["relative"].lower())
    is_dated = bool(match["day"] or match["day2"] or match["year"])
    if match["month"].lower() in _VERBS and not (match["month"][0].isupper() or is_dated):
        return None
    named = [name[:3] for name in MONTHS].index(match["month"][:3].lower()) + 1
    of_month = match["day"] or match["day2"]
    return Day(
        int(of_month) if of_month else None, named, int(match["year"]) if match["year"] else None, written, *span
    )


def is_day(wanted: Day, known: date, as_of: date) -> bool:
    """Whether the written date is that day, read by somebody who reads it at `as_of`."""
    if wanted.relative:
        return _is_relative(wanted.relative, known, as_of)
    if wanted.weekday is not None:
        return known.weekday() == wanted.weekday
    if isinstance(wanted.month, str):
        number, width = int(wanted.month[1]), 3 if wanted.month[0] == "Q" else 6
        if (known.month - 1) // width + 1 != number:
            return False
        return wanted.year == known.year if wanted.year else known.year == as_of.year
    if wanted.month is None:
        return wanted.year == known.year
    if wanted.month != known.month or wanted.day not in (None, known.day):
        return False
    return wanted.year == known.year if wanted.year else abs((as_of - known).days) <= UNAMBIGUOUS_DAYS


def is_written(wanted: Day, known: Day) -> bool:
    """Whether a proof writes the same date, or a fuller one."""
    if wanted.relative or known.relative:
        return wanted.relative == known.relative
    if wanted.weekday is not None or known.weekday is not None:
        return wanted.weekday == known.weekday
    return wanted.month == known.month and wanted.day in (None, known.day) and wanted.year in (None, known.year)


def _is_relative(said: str, known: date, as_of: date) -> bool:
    if said.endswith("yesterday"):
        return known == as_of - timedelta(days=2 if "before" in said else 1)
    if said == "tonight" or said.startswith("this "):
        return {
            "this week": known.isocalendar()[:2] == as_of.isocalendar()[:2],
            "this month": (known.year, known.month) == (as_of.year, as_of.month),
        }.get(said, known == as_of)
    if said == "last week":
        return known.isocalendar()[:2] == (as_of - timedelta(weeks=1)).isocalendar()[:2]
    if said == "last month":
        before = as_of.replace(day=1) - timedelta(days=1)
        return (known.year, known.month) == (before.year, before.month)
    if said == "last quarter":
        return known.year * 4 + (known.month - 1) // 3 == as_of.year * 4 + (as_of.month - 1) // 3 - 1
    return known.year == as_of.year - 1


def find_dates(text: str) -> list[Day]:
    """Dates, months and quarters written in a text, in order; years and weekdays alone are left out."""
    return [day for day in find_days(text) if day.month is not None]
