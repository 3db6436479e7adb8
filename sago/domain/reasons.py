"""Why somebody said no, in their words, and what would answer it, by rules: `ARR below 2M, no enterprise logo`.

What names no figure where one is needed is said to be missing, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from sago.domain import reason_words as words
from sago.domain.amounts import Amount, find_amounts
from sago.domain.companies import Company, Person
from sago.domain.events import EventType
from sago.domain.metrics import METRICS
from sago.domain.wording import SYMBOLS, metric_label

QUIET = "90d"
"""How long a setback has to stay away where the reason does not say."""
CLAUSE = re.compile(r"(?<!\d)[,;]|[,;](?!\d)|[.!?](?=\s|$)|\n|\b(?:and|but|plus|also|while|although)\b|&", re.I)
"""Where one reason ends and the next begins; a comma or point inside a figure does not."""

_EDGE = r"[\s\-–—:()“”\"']+"
_EDGES = re.compile(f"^{_EDGE}|{_EDGE}$")
UNCLEAR = "gives no condition as it stands: say with --when what you wait for"


class Suggestion(NamedTuple):
    """A condition as it is written, and the words of the reason it answers."""

    condition: str
    because: str


class Unclear(NamedTuple):
    """Words of the reason that give no condition, and what is missing."""

    words: str
    hint: str


class Suggestions(NamedTuple):
    """What a provider makes of a reason; code decides about each."""

    conditions: tuple[Suggestion, ...]
    unclear: tuple[Unclear, ...]


class ReasonRequest(BaseModel):
    """A reason, and of whom it speaks. `objections` are what was found wrong with the suggestions before; empty the
    first time. `people`, whom it may name, are told to no model: where persons are hidden, so are these."""

    model_config = ConfigDict(frozen=True)

    company: Company
    reason: str
    objections: tuple[str, ...] = ()
    people: tuple[Person, ...] = ()


def suggest(reason: str) -> Suggestions:
    """Conditions under which the reason no longer holds, and what of it cannot be watched as it stands."""
    said = [(clause, _read(clause)) for clause in clauses(reason)]
    return Suggestions(
        tuple(Suggestion(each, clause) for clause, each in said if isinstance(each, str)),
        tuple(each for _, each in said if isinstance(each, Unclear)),
    )


def unclear(said: str) -> Unclear:
    """What is missing in words of a reason that give no condition: an example where the rules know one."""
    hints = (each.hint for each in suggest(said).unclear if "`" in each.hint)
    return Unclear(said, next(hints, UNCLEAR))


def clauses(reason: str) -> Iterator[str]:
    """The parts of a reason; a goal without a name of its own belongs to the part before it: `ARR 1.2M, we need 3M`."""
    spans: list[tuple[int, int]] = []
    for start, end in _parts(reason):
        text = _tidy(reason[start:end])
        is_goal = find_amounts(text) and words.GOAL.match(text)
        if spans and is_goal and not words.METRIC.search(text) and not _event(text):
            spans[-1] = spans[-1][0], end
        elif re.search(r"\w", text):
            spans.append((start, end))
    yield from (_tidy(reason[start:end]) for start, end in spans)


def _parts(reason: str) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in CLAUSE.finditer(reason):
        yield start, cut.start()
        start = cut.end()
    yield start, len(reason)


def _tidy(text: str) -> str:
    return _EDGES.sub("", " ".join(text.split()))


def _read(clause: str) -> str | Unclear:
    """What one clause asks for. Growth comes before the metric that grows, an event before what it is counted in."""
    amounts = find_amounts(clause)
    metric = _metric(clause)
    if words.SETBACK.search(clause) and not words.NO_SETBACK.search(clause):
        return f"no setback high in {QUIET}"
    if words.GROWTH.search(clause):
        return _growth(clause, metric, amounts)
    kind = _event(clause)
    if words.TOO_MUCH.search(clause):
        return Unclear(clause, "says what there is too much of, not what you wait for")
    fitting = [amount for amount in amounts if metric and fits(amount, metric)]
    if metric and fitting and kind is not EventType.ENTERPRISE_DEAL:
        return _threshold(clause, metric, fitting)
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


def fits(amount: Amount, metric: str) -> bool:
    """Whether a figure may be one of that metric, by its unit."""
    unit = METRICS[metric].unit
    if metric == "runway":
        return amount.unit in ("months", "count")
    if amount.bare:
        return True
    return amount.is_money if unit == "currency" else amount.unit == unit


def _threshold(clause: str, metric: str, amounts: list[Amount]) -> str | Unclear:
    """The figure with a word of a threshold before it; one without is what there was."""
    amount = _wanted(clause, amounts)
    if amount is None:
        label = metric_label(metric)
        return Unclear(clause, f"says what {label} was, not what you wait for: say that, as in `{_example(metric)}`")
    before = clause[: amount.start]
    operator = ">="
    if metric in words.LESS_IS_BETTER:
        operator = "<" if words.BELOW.search(before) else "<="
    return f"{metric} {operator} {_figure(amount, metric)}"


def _wanted(clause: str, amounts: list[Amount]) -> Amount | None:
    """The first figure that stands as a threshold: a word of one directly before it."""
    return next((amount for amount in amounts if words.THRESHOLD_OF.search(clause[: amount.start])), None)


def _growth(clause: str, metric: str | None, amounts: list[Amount]) -> str | Unclear:
    shares = [amount for amount in amounts if amount.unit == "percent"]
    grown = metric or "mrr"
    wanted = _wanted(clause, shares)
    if shares and wanted is None:
        return Unclear(
            clause, f"says how fast it grew, not what you wait for: say that, as in `{grown} growth 3m >= 20%`"
        )
    if wanted is None:
        return Unclear(clause, f"names no rate: say how fast, as in `{grown} growth 3m >= 20%`")
    period = next((length for pattern, length in words.PERIODS if pattern.search(clause)), None)
    if period is None:
        share = _plain(wanted.value)
        return Unclear(clause, f"names no period: say over which, as in `{grown} growth 3m >= {share}%`")
    return f"{grown} growth {period} >= {_plain(wanted.value)}%"


def _count(kind: EventType, clause: str, amounts: list[Amount]) -> str:
    counts = [int(amount.value) for amount in amounts if amount.bare and amount.value == int(amount.value)]
    asked = counts[0] if counts and words.A_THRESHOLD.search(clause) and 0 < counts[0] <= 50 else 1
    return f"{kind.value} >= {asked}"


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


def is_kind_alone(clause: str) -> bool:
    """Whether a clause that names an event names no more than its kind: no office, no place."""
    is_of_office = _event(clause) is EventType.HIRING and not words.ANY_HIRE.search(clause)
    return not is_of_office and not words.PLACE.search(clause)
