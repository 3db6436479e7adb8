"""Which metric a text speaks of where a figure stands: `ARR` in `ARR reached $2.1M`, `contract` in `a $240k "
"contract`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from sago.domain.amounts import Amount
from sago.domain.events import EventType
from sago.domain.metrics import METRICS, canonical, is_currency
from sago.outreach.claims.passages import Span

_ALSO = {
    "contract_value": ("contract", "contracts"),
    "amount_raised": ("funding", "raised", "financing", "investment", "seed round", "pre-seed", "series [a-e]"),
    "burn": ("burns", "burning"),
    "runway": ("cash left",),
    "customers": ("customer", "logo"),
    "users": ("user", "account"),
    "headcount": ("employee", "staff", "team members"),
    "recurring_revenue": ("recurring revenue",),
}
_LOOSE = {"sales", "committed", "people", "accounts", "account", "availability", "raise", "round"}
"""Aliases that mean many other things in a letter."""
_FAMILIES = {"recurring_revenue": frozenset({"arr", "mrr"}), "churn": frozenset({"churn"})}
_IMPLIED = {
    EventType.ENTERPRISE_DEAL: "contract_value",
    EventType.FUNDING: "amount_raised",
    EventType.USER_GROWTH: "users",
    EventType.HIRING: "headcount",
}
_OF_RATES = {"percent", "bps", "x"}


class Measure(NamedTuple):
    """A metric's word in a text."""

    name: str
    start: int
    end: int


@cache
def _pattern() -> re.Pattern[str]:
    forms: dict[str, str] = {}
    for name, kind in METRICS.items():
        for form in (kind.label.lower(), *kind.aliases):
            if form not in _LOOSE:
                forms[form.replace(" ", r"[\s-]+")] = name
    for name, more in _ALSO.items():
        forms |= {form.replace(" ", r"[\s-]+"): name for form in more}
    groups: dict[str, list[str]] = {}
    for form, name in forms.items():
        groups.setdefault(name, []).append(form)
    ordered = sorted(groups.items(), key=lambda each: -max(len(form) for form in each[1]))
    named = [rf"(?P<{name}>{'|'.join(sorted(each, key=len, reverse=True))})" for name, each in ordered]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(named)})(?!\w)", re.I)


def measures_in(text: str, start: int = 0, end: int | None = None) -> list[Measure]:
    """Every metric that is named, in order."""
    found = _pattern().finditer(text, start, len(text) if end is None else end)
    return [Measure(str(match.lastgroup), *match.span()) for match in found]


def measure_beside(text: str, amount: Amount, amounts: Sequence[Amount], within: Span) -> str | None:
    """The metric named nearest to a figure, no other figure between them."""
    low = max((each.end for each in amounts if each.end <= amount.start), default=0)
    high = min((each.start for each in amounts if each.start >= amount.end), default=len(text))
    found = [
        each
        for each in measures_in(text, max(low, within.start), min(high, within.end))
        if fits(each.name, amount) and not (each.start < amount.end and amount.start < each.end)
    ]
    return min(found, key=lambda each: _distance(each, amount, text)).name if found else None


def _distance(measure: Measure, amount: Amount, text: str) -> float:
    """Characters between; `$2.1M ARR` and `ARR of $2.1M` are nearest of all."""
    if measure.start >= amount.end:
        between = text[amount.end : measure.start]
        return len(between) + (20 if re.search(r"[.;,:()]|\b(?:and|with|while|on)\b", between) else 0)
    between = text[measure.end : amount.start]
    return len(between) * 0.8 + (20 if re.search(r"[.;,()]|\b(?:and|with|while)\b", between) else 0)


def fits(name: str, amount: Amount) -> bool:
    """Whether a metric can have a figure of that unit: a share may be a change of any metric."""
    kind = METRICS.get(name)
    if kind is None or amount.unit in _OF_RATES or (amount.bare and amount.scale > 1):
        return True
    if kind.unit == "currency":
        return is_currency(amount.unit)
    if kind.unit == "count":
        return not is_currency(amount.unit) and (name != "runway" or amount.unit in ("months", "weeks", "years"))
    return False


def measures_of(name: str) -> frozenset[str]:
    """What a metric of that name is told as: the canonical one, else those its name speaks of."""
    own = canonical(name.removeprefix("earlier ").removeprefix("previous "))
    if own:
        return frozenset({own})
    named = {each.name for each in measures_in(name.replace("_", " "))}
    return frozenset(named | ({"contract_value"} if "contract" in name else set()))


def tells(asked: str, told: frozenset[str], event_type: EventType | None) -> bool:
    """Whether a figure told of these metrics may be written as one of `asked`."""
    if not told:
        return event_type is not None and _IMPLIED.get(event_type) == asked
    return asked in told or bool(_FAMILIES.get(asked, frozenset()) & told) or asked in _wider(told)


def _wider(told: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(family for name, family in _FAMILIES.items() if name in told))
