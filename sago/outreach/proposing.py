"""Conditions proposed from the words of a reason: `ARR below 2M, no enterprise logo`. A person confirms them.

By rules, offline: what names no figure where one is needed is said to be missing, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import EventType
from sago.domain.metrics import METRICS
from sago.domain.watches import Condition, Watch
from sago.domain.wording import SYMBOLS, metric_label
from sago.errors import UsageError
from sago.outreach import reason_words as words
from sago.outreach.conditions import parse, render

CLAUSE = re.compile(r"(?<!\d)[,;]|[,;](?!\d)|[.!?](?=\s|$)|\n|\b(?:and|but|plus|also|while|although)\b|&", re.I)
"""Where one reason ends and the next begins; a comma or point inside a figure does not."""


class Proposed(NamedTuple):
    """A condition, and the words of the reason it answers."""

    condition: Condition
    because: str


class Unclear(NamedTuple):
    """Words of the reason that give no condition, and what is missing."""

    words: str
    hint: str


class Proposals(NamedTuple):
    """All that a reason gives, in its order."""

    conditions: tuple[Proposed, ...]
    unclear: tuple[Unclear, ...]


def propose(reason: str) -> Proposals:
    """Conditions under which the reason no longer holds, each once; and what of it cannot be watched as it stands."""
    found: dict[str, Proposed] = {}
    unclear: list[Unclear] = []
    for clause in _clauses(reason):
        said = _read(clause)
        if isinstance(said, Unclear):
            unclear.append(said)
        else:
            found.setdefault(render(said), Proposed(said, clause))
    return Proposals(tuple(found.values()), tuple(unclear))


def answers_all(watch: Watch) -> bool:
    """Whether the watch's conditions ask for all that its reason names, and for no less of it."""
    said = propose(watch.told_reason)
    return not said.unclear and all(
        any(_covers(own, each.condition) for own in watch.conditions) for each in said.conditions
    )


def _covers(own: Condition, wanted: Condition) -> bool:
    if (own.kind, own.name) != (wanted.kind, wanted.name):
        return False
    if own.is_absence or wanted.is_absence:
        return own.is_absence and wanted.is_absence
    if own.op[0] != wanted.op[0]:
        return False
    return own.value <= wanted.value if own.op[0] == "<" else own.value >= wanted.value


def _clauses(reason: str) -> Iterator[str]:
    for part in CLAUSE.split(reason):
        text = " ".join(part.split()).strip(" -–—:()“”\"'")
        if re.search(r"\w", text):
            yield text


def _read(clause: str) -> Condition | Unclear:
    """What one clause asks for. Growth comes before the metric that grows, an event before what it is counted in."""
    amounts = find_amounts(clause)
    metric = _metric(clause)
    if words.SETBACK.search(clause):
        return parse("no setback high in 90d")
    if words.GROWTH.search(clause):
        return _growth(clause, metric, amounts)
    kind = _event(clause)
    fitting = [amount for amount in amounts if metric and _fits(amount, metric)]
    if metric and fitting and kind is not EventType.ENTERPRISE_DEAL:
        return _threshold(clause, metric, fitting[0])
    if kind and (kind not in (EventType.USER_GROWTH, EventType.REVENUE_MILESTONE) or not _is_comparative(clause)):
        return _count(kind, clause, amounts)
    if not words.WANTING.search(clause) and not words.A_THRESHOLD.search(clause):
        return Unclear(clause, "names nothing that was wanting")
    if metric:
        return Unclear(clause, f"names no figure: say which, as in `{_example(metric)}`")
    return Unclear(clause, "names neither a metric nor an event that can be watched")


def _metric(clause: str) -> str | None:
    match = words.METRIC.search(clause)
    return words.OWN_NAMES[match.group().lower()] if match else None


def _event(clause: str) -> EventType | None:
    """The type of event that is wanting."""
    if not words.WANTING.search(clause):
        return None
    return next((kind for kind, pattern in words.EVENTS if pattern.search(clause)), None)


def _is_comparative(clause: str) -> bool:
    """`too little revenue` is a matter of how much; `no revenue` of whether any."""
    return re.search(r"\b(?:too|enough|more|low|small|little|few|weak)\b", clause, re.I) is not None


def _fits(amount: Amount, metric: str) -> bool:
    unit = METRICS[metric].unit
    if metric == "runway":
        return amount.unit in ("months", "count")
    if amount.bare:
        return True
    return amount.is_money if unit == "currency" else amount.unit == unit


def _threshold(clause: str, metric: str, amount: Amount) -> Condition | Unclear:
    before = clause[: amount.start]
    is_level = words.A_LEVEL.search(before) and not words.A_THRESHOLD.search(before)
    if is_level:
        label = metric_label(metric)
        return Unclear(clause, f"says what {label} was, not what you wait for: say that, as in `{_example(metric)}`")
    operator = ">="
    if metric in words.LESS_IS_BETTER:
        operator = "<" if words.BELOW.search(before) else "<="
    return _parsed(f"{metric} {operator} {_figure(amount, metric)}", clause)


def _growth(clause: str, metric: str | None, amounts: list[Amount]) -> Condition | Unclear:
    shares = [amount for amount in amounts if amount.unit == "percent"]
    grown = metric or "mrr"
    if not shares:
        return Unclear(clause, f"names no rate: say how fast, as in `{grown} growth 3m >= 20%`")
    period = next((length for pattern, length in words.PERIODS if pattern.search(clause)), None)
    if period is None:
        share = _plain(shares[0].value)
        return Unclear(clause, f"names no period: say over which, as in `{grown} growth 3m >= {share}%`")
    return _parsed(f"{grown} growth {period} >= {_plain(shares[0].value)}%", clause)


def _count(kind: EventType, clause: str, amounts: list[Amount]) -> Condition | Unclear:
    counts = [int(amount.value) for amount in amounts if amount.bare and amount.value == int(amount.value)]
    asked = counts[0] if counts and words.A_THRESHOLD.search(clause) and 0 < counts[0] <= 50 else 1
    return _parsed(f"{kind.value} >= {asked}", clause)


def _parsed(text: str, clause: str) -> Condition | Unclear:
    """By the same parser that reads a person's; what it refuses is not proposed."""
    try:
        return parse(text)
    except UsageError as error:
        return Unclear(clause, str(error).splitlines()[0])


def _figure(amount: Amount, metric: str) -> str:
    unit = METRICS[metric].unit
    if unit == "percent":
        return f"{_plain(amount.value)}%"
    money = (SYMBOLS.get(amount.unit) or f"{amount.unit} ") if unit == "currency" and amount.is_money else ""
    scales = ((1e9, "B"), (1e6, "M"), (1e3, "k")) if amount.scale > 1 else ()
    scale, letter = next((each for each in scales if amount.value >= each[0]), (1.0, ""))
    return f"{money}{_plain(amount.value / scale)}{letter}"


def _example(metric: str) -> str:
    figure = words.EXAMPLES.get(metric) or words.EXAMPLES[METRICS[metric].unit]
    return f"{metric} {'<=' if metric in words.LESS_IS_BETTER else '>='} {figure}"


def _plain(value: float) -> str:
    return f"{round(value, 6):f}".rstrip("0").rstrip(".")
