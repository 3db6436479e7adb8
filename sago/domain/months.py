"""Which month a quote speaks of, and until when its figures are true."""

from __future__ import annotations

import calendar
import re
from datetime import datetime

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_SHORT = {name[:3]: number for name, number in _MONTHS.items()}
_MONTH = re.compile(rf"\b({'|'.join([*_MONTHS, *_SHORT])})\b", re.I)
_HEADING = re.compile(r"[^:.!?\n]{3,40}:(?!\d)")


def as_of(quote: str, said_at: datetime) -> datetime:
    """The last second of the month the quote names, where that is past; else the moment it was said."""
    named = month_of(quote, said_at)
    if named is None:
        return said_at
    year, month = named
    last_day = calendar.monthrange(year, month)[1]
    end = said_at.replace(year=year, month=month, day=last_day, hour=23, minute=59, second=59, microsecond=0)
    return min(end, said_at)


def month_of(quote: str, said_at: datetime) -> tuple[int, int] | None:
    """Year and month, where the quote names one alone, or its heading does: `October: ARR is €1.12M, up from €852k in
    September`. The newest of that name when it was said."""
    heading = _HEADING.match(quote)
    for text in (heading[0] if heading else "", quote):
        named = {number for number in map(_number, _MONTH.findall(text)) if number}
        if len(named) == 1:
            month = named.pop()
            return said_at.year - (month > said_at.month), month
    return None


def _number(name: str) -> int:
    """1 to 12; 0 for a `may` in small letters."""
    return 0 if name == "may" else _MONTHS.get(name.lower()) or _SHORT[name.lower()]
