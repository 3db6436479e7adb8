"""Whether a condition says no more than the words it answers: a threshold that nobody named is a guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isclose

from sago.domain import periods
from sago.domain import reason_words as words
from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import EventType, Severity
from sago.domain.reasons import QUIET, fits
from sago.domain.watches import Condition
from sago.domain.wording import metric_label
from sago.outreach.conditions import asked_currency
from sago.outreach.named import unnamed

_EITHER_WAY = frozenset({"headcount", "amount_raised", "valuation"})
"""Metrics of which some people wait for more and some for less."""
_UNITS = {"day": "d", "week": "w", "month": "m", "year": "y"}
_QUARTERS = re.compile(r"\b(\d{1,2}|two|three|four) quarters\b", re.I)
_NUMBERS = {"two": 2, "three": 3, "four": 4}


def stands(said: str, reason: str) -> bool:
    """Whether the reason has these words to the letter, but for its blanks: whole words and whole figures."""
    said, reason = " ".join(said.split()), " ".join(reason.split())
    whole = rf"(?<![\w$€£¥₹])(?<!\d[.,]){re.escape(said)}(?![\w%$€£¥₹]|[.,]\d)"
    if not re.search(r"\w", said) or not re.search(whole, reason):
        return False
    figures = {amount.value for amount in find_amounts(reason)}
    return all(amount.value in figures for amount in find_amounts(said))


def unworded(condition: Condition, because: str) -> str | None:
    """What of the condition these words of a reason do not say, or None: its figure, its currency, its period, its
    metric or event, or that it is wanting."""
    amounts = find_amounts(because)
    unsaid = _uncounted(condition, amounts) if condition.kind == "count" else _unmeasured(condition, because, amounts)
    return (
        unsaid
        or _of_another_severity(condition, because)
        or _of_another_period(condition, because, amounts)
        or unnamed(condition, because)
    )


def _of_another_severity(condition: Condition, because: str) -> str | None:
    """Only that no high setback comes need nobody say."""
    severity = condition.severity
    if severity is None or (condition.is_absence and severity is Severity.HIGH):
        return None
    return None if re.search(rf"\b{severity}\b", because, re.I) else f"names no severity `{severity}`"


def _of_another_period(condition: Condition, because: str, amounts: list[Amount]) -> str | None:
    """How long is quiet, where nobody says it, is the same for all."""
    within = condition.within
    if within is None or (condition.is_absence and within == QUIET):
        return None
    lengths = (periods.days(each) for each in _periods(because, amounts))
    is_said = any(isclose(periods.days(within), each, rel_tol=0.03) for each in lengths)
    return None if is_said else f"names no period of {periods.words(within)}"


def _uncounted(condition: Condition, amounts: list[Amount]) -> str | None:
    if condition.name == EventType.SETBACK:
        return None if condition.is_absence else "is answered by setbacks that stay away"
    if condition.op[0] != ">":
        return "is answered by what happens, not by what stays away"
    if (condition.op, condition.value) in {(">=", 1.0), (">", 0.0)}:
        return None
    if any(amount.bare and amount.value == condition.value for amount in amounts):
        return None
    return f"does not count {condition.value:g}"


def _unmeasured(condition: Condition, because: str, amounts: list[Amount]) -> str | None:
    label = metric_label(condition.name)
    named = {words.OWN_NAMES[each.lower()] for each in words.METRIC.findall(because)}
    if named and condition.name not in named:
        return f"speaks of {', '.join(map(metric_label, sorted(named)))}, not of {label}"
    wanted = "<" if condition.name in words.LESS_IS_BETTER else ">"
    if condition.op[0] != wanted and (condition.name not in _EITHER_WAY or condition.op[0] not in "<>"):
        return f"is answered by {'less' if wanted == '<' else 'more'} {label}"
    if condition.kind == "change":
        is_said = any(amount.unit == "percent" and amount.value == abs(condition.value) for amount in amounts)
        return None if is_said else f"names no rate of {abs(condition.value):g}%"
    same = [each for each in amounts if fits(each, condition.name) and isclose(each.value, condition.value)]
    if not same:
        return "names no such figure"
    money = asked_currency(condition)
    if all((each.unit if each.is_money else None) != money for each in same):
        return f"does not speak of {money}" if money else f"names the currency, {same[0].unit}"
    return None


def _periods(because: str, amounts: list[Amount]) -> Iterator[str]:
    """The lengths of time that the words name, `a quarter` among them."""
    rest = because
    for amount in amounts:
        unit = _UNITS.get(amount.unit.removesuffix("s"))
        if unit and amount.value == int(amount.value) and not amount.bare:
            yield f"{int(amount.value)}{unit}"
            rest = rest.replace(amount.text, " ")
    for number in _QUARTERS.findall(rest):
        yield f"{3 * int(_NUMBERS.get(number.lower(), 0) or number)}m"
    rest = _QUARTERS.sub(" ", rest)
    yield from (f"1{_UNITS[amount.period]}" for amount in amounts if amount.period in _UNITS)
    yield from (length for pattern, length in words.PERIODS if pattern.search(rest))
