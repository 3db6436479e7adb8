"""Lengths of time as conditions write them: `60d`, `8w`, `3m`, `1y`; months and years by the calendar."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

_PERIOD = re.compile(r"(\d+)([dwmy])")
_DAYS = {"d": 1, "w": 7}
_MONTHS = {"m": 1, "y": 12}
_WORDS = {"d": "day", "w": "week", "m": "month", "y": "year"}


def after(moment: datetime, period: str) -> datetime:
    """The moment one period later; 31 January and `1m` is the last day of February. Raises ValueError."""
    return _moved(moment, period, 1)


def before(moment: datetime, period: str) -> datetime:
    """The moment one period earlier. Raises ValueError."""
    return _moved(moment, period, -1)


def words(period: str) -> str:
    """`3 months`, `1 year`, as a person writes it. Raises ValueError."""
    number, unit = _parts(period)
    return f"{number} {_WORDS[unit]}{'' if number == 1 else 's'}"


def span(period: str) -> str:
    """The same behind `the` or `the last`: `month` for `1m`. Raises ValueError."""
    return words(period).removeprefix("1 ")


def amount(period: str) -> tuple[int, str]:
    """The number and the unit of the labelling guide: `(3, "months")`. Raises ValueError."""
    number, unit = _parts(period)
    return number, f"{_WORDS[unit]}s"


def days(period: str) -> float:
    """About how long it is: a month counts 30.4 days. Raises ValueError."""
    number, unit = _parts(period)
    return number * _DAYS[unit] if unit in _DAYS else number * _MONTHS[unit] * 365.25 / 12


def _parts(period: str) -> tuple[int, str]:
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise ValueError(f"{period!r} is no period such as 60d, 8w, 3m or 1y")
    return int(match[1]), match[2]


def _moved(moment: datetime, period: str, sign: int) -> datetime:
    number, unit = _parts(period)
    if unit in _DAYS:
        return moment + timedelta(days=sign * number * _DAYS[unit])
    years, month = divmod(moment.year * 12 + moment.month - 1 + sign * number * _MONTHS[unit], 12)
    last = calendar.monthrange(years, month + 1)[1]
    return moment.replace(year=years, month=month + 1, day=min(moment.day, last))
