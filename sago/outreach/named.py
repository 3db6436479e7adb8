"""Whether words of a reason name what a condition asks about, and give its figure as one that is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import NamedTuple

from sago.domain import reason_words as words
from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import EventType
from sago.domain.reasons import clauses, fits, suggest
from sago.domain.watches import Condition
from sago.domain.wording import metric_label
from sago.outreach.conditions import parse

_GROWTH = "growth"


class _Name(NamedTuple):
    """A metric, or growth, and where a clause names it."""

    name: str
    start: int
    end: int


def unnamed(condition: Condition, because: str) -> str | None:
    """What of the condition these words do not name, or None: its metric or its type of event, and the figure in the
    same clause. What the rules read in them is named."""
    if any(_asks_the_same(parse(each.condition), condition) for each in suggest(because).conditions):
        return None
    return _unnamed_event(condition, because) if condition.kind == "count" else _unnamed_metric(condition, because)


def _asks_the_same(one: Condition, other: Condition) -> bool:
    return (one.kind, one.name, one.op, one.value) == (other.kind, other.name, other.op, other.value)


def _unnamed_event(condition: Condition, because: str) -> str | None:
    pattern = words.EVENT_NAMES[EventType(condition.name)]
    if not pattern.search(because):
        return f"names no {condition.name.replace('_', ' ')}"
    if condition.is_absence or (condition.op, condition.value) in {(">=", 1.0), (">", 0.0)}:
        return None
    for clause in filter(pattern.search, clauses(because)):
        amounts = find_amounts(clause)
        if any(each.bare and each.value == condition.value and not _is_told(each, clause, amounts) for each in amounts):
            return None
    return f"does not say that {condition.value:g} are waited for"


def _unnamed_metric(condition: Condition, because: str) -> str | None:
    label = metric_label(condition.name)
    naming = [clause for clause in clauses(because) if _is_named(condition, clause)]
    if not naming:
        return f"does not name {label}" if condition.kind == "metric" else f"does not name growth of {label}"
    is_elsewhere = True
    for clause in naming:
        amounts = find_amounts(clause)
        for amount in (each for each in amounts if _is_its(each, condition) and _belongs(each, clause, condition)):
            if not _is_told(amount, clause, amounts):
                return None
            is_elsewhere = False
    if is_elsewhere:
        return f"does not say that figure of {label}"
    return f"says what {label} was, not what is waited for"


def _is_named(condition: Condition, clause: str) -> bool:
    """Growth of nothing named is that of MRR."""
    names = {each.name for each in _names(clause)}
    if condition.kind == "metric":
        return condition.name in names
    grows = _GROWTH in names or words.CHANGE.search(clause) is not None
    return grows and (condition.name in names or (condition.name == "mrr" and names == {_GROWTH}))


def _names(clause: str) -> Iterator[_Name]:
    for match in words.METRIC.finditer(clause):
        yield _Name(words.OWN_NAMES[match.group().lower()], match.start(), match.end())
    for name, pattern in words.OTHER_NAMES:
        yield from (_Name(name, match.start(), match.end()) for match in pattern.finditer(clause))


def _is_its(amount: Amount, condition: Condition) -> bool:
    if condition.kind == "change":
        return amount.unit == "percent" and amount.value == abs(condition.value)
    return fits(amount, condition.name) and isclose(amount.value, condition.value)


def _belongs(amount: Amount, clause: str, condition: Condition) -> bool:
    """Of several things that a clause names, a figure is of the nearest with no other figure between them."""
    own = {condition.name, _GROWTH} if condition.kind == "change" else {condition.name}
    names = list(_names(clause))
    if {each.name for each in names} <= own:
        return True
    others = [each for each in find_amounts(clause) if each != amount]
    reached = {
        max(each.start - amount.end, amount.start - each.end): each.name
        for each in names
        if not any(_is_between(other, amount, each) for other in others)
    }
    return bool(reached) and reached[min(reached)] in own


def _is_between(other: Amount, amount: Amount, name: _Name) -> bool:
    return min(amount.end, name.end) <= other.start and other.end <= max(amount.start, name.start)


def _is_told(amount: Amount, clause: str, amounts: list[Amount]) -> bool:
    """Whether the clause gives the figure as what is or was."""
    start = max((each.end for each in amounts if each.end <= amount.start), default=0)
    end = min((each.start for each in amounts if each.start >= amount.end), default=len(clause))
    before, after = clause[start : amount.start], clause[amount.end : end]
    if words.THRESHOLD_OF.search(before) or words.ELSEWHERE.search(before):
        return False
    if words.WAS.search(before) or words.TOLD_AFTER.match(after):
        return True
    return words.TOLD.search(before) is not None and not words.EXPECTED.search(before)
