"""What a letter may draw on: the figures, days and names of its events, its watch and its company."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sago.domain import periods
from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import CATALOGUE, Event
from sago.domain.letters import LetterRequest
from sago.domain.metrics import METRICS

MOST_ROUNDED = 0.02
"""A figure rounded by more than this share of itself is another figure: 1.6M is not $2M."""
MONTHS = [
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip
WORD = re.compile(r"[^\W\d_][\w&]*(?:[’'.+-][\w&]+)*")
_MONTH = "|".join(rf"{month}|{month[:3]}" for month in MONTHS)
_DAY = re.compile(
    rf"\b(?P<iso>\d{{4}}-\d\d-\d\d)\b"
    rf"|\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+)?(?P<month>{_MONTH})\b\.?"
    rf"(?:\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:%]))?(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?"
    r"|\b(?P<quarter>[QH][1-4])\b",
    re.I,
)


class Value(NamedTuple):
    """A figure with its unit; `count` where a text wrote none."""

    value: float
    unit: str
    bare: bool = False


class Day(NamedTuple):
    """A date as far as it was written: any part but one may be missing. `month` is 1–12, or a quarter's name."""

    day: int | None
    month: int | str
    year: int | None
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Facts:
    """Everything sayable: figures, what was written of days, the days themselves, and words in lower case."""

    values: frozenset[Value]
    monthly: frozenset[Value]
    """Of the values those stated as MRR: twelve times one may be told as ARR."""
    written: tuple[Day, ...]
    days: frozenset[date]
    words: frozenset[str]


def of_event(event: Event) -> Facts:
    """What the event's title, quotes and metrics say, and the day it happened."""
    texts = [event.title, *(proof.quote for proof in event.evidence)]
    labels = [METRICS[m.name].label if m.name in METRICS else m.name for m in event.metrics]
    metrics = {Value(m.value, m.unit) for m in event.metrics}
    monthly = {Value(m.value, m.unit) for m in event.metrics if m.name == "mrr"}
    labels.append(CATALOGUE[event.event_type].label)
    names = [*labels, *event.stakeholders]
    return _facts(texts, labels=names, values=metrics, monthly=monthly, days={event.occurred_at.date()})


def of_watch(request: LetterRequest) -> Facts:
    """What the watch and the company's own profile say: reason, thresholds, the meeting's day, people's names."""
    watch, company = request.watch, request.company
    texts = [watch.reason, *(condition.text for condition in watch.conditions)]
    names = [company.name, company.company_id, company.founder or "", company.founder_title]
    names += [watch.investor.name] if watch.investor else []
    asked = [(result.condition, result.unit or "count") for result in request.verdict.results]
    values = {Value(abs(condition.value), unit, bare=True) for condition, unit in asked}
    values |= {Value(*periods.amount(condition.within)) for condition, _ in asked if condition.within}
    return _facts(texts, labels=names, values=values, days={watch.met_on} if watch.met_on else set())


def of_verdict(request: LetterRequest) -> Facts:
    """The days of the proofs: points of the request's metric series that its results rest on; of a change its share
    and both its ends; and the bands they lie in where no exact figure is shared."""
    results = request.verdict.results
    changes = {Value(abs(r.seen), "percent") for r in results if r.points and r.seen is not None}
    ends = [point for result in results for point in result.points]
    days = {result.as_of.date() for result in results if result.as_of} | {point.as_of.date() for point in ends}
    bands = [result.note for result in results if result.seen is None]
    return _facts(bands, labels=[], values=changes | {Value(end.value, end.unit) for end in ends}, days=days)


def joined(parts: Iterable[Facts]) -> Facts:
    """All of them together."""
    parts = list(parts)
    return Facts(
        values=frozenset().union(*(part.values for part in parts)),
        monthly=frozenset().union(*(part.monthly for part in parts)),
        written=tuple(day for part in parts for day in part.written),
        days=frozenset().union(*(part.days for part in parts)),
        words=frozenset().union(*(part.words for part in parts)),
    )


def find_days(text: str) -> list[Day]:
    """Dates, months and quarters written in a text, in order. A lower-case `may` or `march` is a verb."""
    found = []
    for match in _DAY.finditer(text):
        if match["iso"]:
            year, month, number = (int(part) for part in match["iso"].split("-"))
            found.append(Day(number, month, year, match.group(), *match.span()))
        elif match["quarter"]:
            found.append(Day(None, match["quarter"].upper(), None, match.group(), *match.span()))
        elif match["month"][0].isupper() or match["month"].lower() not in {"may", "mar", "march"}:
            named = [name[:3] for name in MONTHS].index(match["month"][:3].lower()) + 1
            written, in_year = match["day"] or match["day2"], match["year"]
            parts = (int(written) if written else None, named, int(in_year) if in_year else None)
            found.append(Day(*parts, match.group().strip(), *match.span()))
    return found


def says_day(facts: Facts, wanted: Day) -> bool:
    """Whether the facts hold that day: as a day of theirs, or in the same words."""
    if any(
        wanted.month == known.month and wanted.day in (None, known.day) and wanted.year in (None, known.year)
        for known in facts.days
    ):
        return True
    return any(
        wanted.month == known.month and wanted.day in (None, known.day) and wanted.year in (None, known.year)
        for known in facts.written
    )


def says_value(facts: Facts, amount: Amount) -> bool:
    """Whether a figure of the facts is this one, at the precision it is written with."""
    return any(_same(amount, known) for known in facts.values)


def says_monthly(facts: Facts, amount: Amount) -> bool:
    """Whether twelve times an MRR of the facts is this figure."""
    return any(_same(amount, known._replace(value=known.value * 12)) for known in facts.monthly)


def _same(amount: Amount, known: Value) -> bool:
    if amount.unit != known.unit and not amount.bare and (amount.is_money or not known.bare):
        return False
    gap, expected = abs(amount.value - known.value), abs(known.value)
    rounded = amount.scale > 1 and gap <= _quantum(amount) / 2 and gap <= MOST_ROUNDED * expected
    return gap <= 1e-9 * expected or rounded


def _quantum(amount: Amount) -> float:
    """The value of the last digit written: 100,000 in `$2.1M`."""
    decimals = re.search(r"[.,](\d{1,2})(?!\d|[.,]\d)", amount.text)
    return float(amount.scale * 10.0 ** -(len(decimals[1]) if decimals else 0))


def _facts(
    texts: Sequence[str],
    *,
    labels: Sequence[str],
    values: Set[Value],
    days: Set[date],
    monthly: Set[Value] = frozenset(),
) -> Facts:
    stated = {Value(a.value, a.unit, a.bare) for text in texts for a in find_amounts(text)}
    words = {word for text in [*texts, *labels] for word in words_of(text)}
    return Facts(
        values=frozenset(values | stated),
        monthly=frozenset(monthly),
        written=tuple(day for text in texts for day in find_days(text)),
        days=frozenset(days),
        words=frozenset(words),
    )


def words_of(text: str) -> set[str]:
    """The words of a text in lower case, whole and cut at hyphens, possessives without their s."""
    found = {match.group().lower() for match in WORD.finditer(text)}
    found |= {re.sub(r"[’']s?$", "", word) for word in found}
    return found | {part for word in found for part in re.split(r"[-’'.]", word) if part}
