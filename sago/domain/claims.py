"""What a metric's name claims of its figure beside value and unit: a period, a direction. And what a quote says.

A figure is judged by its own clause, and by what stands before that where the clause says nothing: what follows speaks
of something else.
"""

from __future__ import annotations

import re
from typing import Literal

from sago.domain.amounts import Amount

Direction = Literal["up", "down"]

_PERIODS = {
    "day": r"dau|daily|per day|a day",
    "week": r"wau|weekly|per week|a week",
    "month": r"mrr|mau|monthly|per month|a month|each month",
    "quarter": r"quarterly|per quarter|a quarter(?! (?:of|less|more|fewer|higher|lower))",
    "year": r"arr|acv|annual(?:ly|i[sz]ed)?|yearly|run[ -]rate|per (?:year|annum)|a year|p\.?a\.?",
}
_NOT_AGO = r"(?!\w| (?:ago|later|earlier|before)\b)"
_PERIOD = re.compile("|".join(rf"(?<!\w)(?P<{period}>{forms}){_NOT_AGO}" for period, forms in _PERIODS.items()), re.I)
_CLAUSE_ENDS = re.compile(
    # `$2M, annualised` is one clause
    rf"[;!?…\n]|[.](?=\s|$)|,(?=\s)(?!\s(?:{'|'.join(_PERIODS.values())}){_NOT_AGO}(?!\s\w))|\s[-–—]\s"
    r"|\b(?:after|although|because|but|despite|since|though|when|while|whereas)\b",
    re.I,
)
_RISING = re.compile(
    r"\b(?:grow(?:s|n|ing|th)?|grew|rises?|rose|risen|rising|increas(?:es?|ed|ing)|climb(?:s|ed|ing)?|jump(?:s|ed|ing)?|"
    r"gain(?:s|ed)?|doubl(?:es?|ed|ing)|tripl(?:es?|ed|ing)|surg(?:es?|ed|ing)|soar(?:s|ed|ing)?)\b",
    re.I,
)
_FALLING = re.compile(
    r"\b(?:f[ae]lls?|fallen|falling|drop(?:s|ped|ping)?|declin(?:es?|ed|ing)|decreas(?:es?|ed|ing)|shr[iau]nk(?:s|ing)?|"
    r"slid(?:es?|ing)?|slip(?:s|ped|ping)?|sank|plung(?:es?|ed|ing)|plummet(?:s|ed|ing)?|halv(?:es?|ed|ing)|"
    r"reduc(?:es?|ed|ing|tion))\b",
    re.I,
)
_UPWARD = frozenset({"growth", "increase", "rise", "gain", "uplift"})
_DOWNWARD = frozenset({"decline", "decrease", "drop", "fall", "reduction"})
_ADVERBS = re.compile(r"\b(?P<up>up|higher)\b|\b(?P<down>down|lower)\b", re.I)


def period_of(name: str) -> str | None:
    """`month` for `mrr` or `monthly burn`; None where a name says none, or several."""
    told = periods_in(name.replace("_", " "))
    return told.pop() if len(told) == 1 else None


def periods_in(text: str) -> set[str]:
    """The periods that a text speaks of rates in."""
    return {str(match.lastgroup) for match in _PERIOD.finditer(text)}


def other_period(name: str, quote: str, amount: Amount) -> bool:
    """Whether the quote gives the figure for another period than the metric's name: that of the figure itself, else
    those named where it stands."""
    claimed = period_of(name)
    if claimed is None:
        return False
    told = {amount.period} if amount.period else next(filter(None, map(periods_in, _said_of(amount, quote))), set())
    return bool(told) and claimed not in told


def _said_of(amount: Amount, quote: str) -> tuple[str, str]:
    """The clause that the figure stands in, and what stands before it."""
    start, end = 0, len(quote)
    for match in _CLAUSE_ENDS.finditer(quote):
        if match.end() <= amount.start:
            start = match.end()
        elif match.start() >= amount.end:
            end = match.start()
            break
    return quote[start:end], quote[:start]


def direction_of(name: str) -> Direction | None:
    """`up` for `revenue growth`, `down` for `churn reduction`."""
    last = re.split(r"[\s_]+", name.strip().lower().removesuffix(" rate").removesuffix("_rate"))[-1]
    if last in _UPWARD:
        return "up"
    return "down" if last in _DOWNWARD else None


def direction_in(text: str, *, adverbs: bool = True) -> Direction | None:
    """The one direction that a text speaks of; None where it speaks of none, or both."""
    told = {way for way, pattern in (("up", _RISING), ("down", _FALLING)) if pattern.search(text)}
    if adverbs:
        told |= {str(match.lastgroup) for match in _ADVERBS.finditer(text)}
    if told == {"up"}:
        return "up"
    return "down" if told == {"down"} else None


def other_direction(name: str, value: float, quote: str, amount: Amount) -> bool:
    """Whether the quote speaks of the opposite where the figure stands: `fell 12%` for a growth of 12; a growth of -12
    is a fall."""
    claimed = direction_of(name)
    told = next(filter(None, map(direction_in, _said_of(amount, quote))), None)
    if claimed and value < 0:
        claimed = "down" if claimed == "up" else "up"
    return claimed is not None and told is not None and claimed != told
