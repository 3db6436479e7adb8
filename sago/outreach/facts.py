"""Days and words as texts write them: what more than the check of letters reads."""

from __future__ import annotations

from sago.outreach.claims import calendar
from sago.outreach.claims.calendar import Day
from sago.outreach.claims.passages import WORD, words_of

__all__ = ["WORD", "Day", "find_days", "words_of"]


def find_days(text: str) -> list[Day]:
    """Dates, months and quarters written in a text, in order; years and weekdays alone are left out."""
    return [day for day in calendar.find_days(text) if day.month is not None]
