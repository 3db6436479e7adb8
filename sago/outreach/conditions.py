"""Conditions as a person writes them: `arr >= 2M`, `nrr > 120%`, `enterprise_deal >= 1`."""

from __future__ import annotations

import difflib
import re
from typing import Literal, NamedTuple

from sago.domain.events import CATALOGUE, EventType
from sago.domain.metrics import METRICS, canonical
from sago.domain.watches import Condition
from sago.errors import UsageError

Operator = Literal[">=", ">", "<=", "<", "==", "!="]
_OPERATORS: dict[str, Operator] = {
    ">=": ">=", "≥": ">=", "<=": "<=", "≤": "<=", "==": "==", "!=": "!=", "≠": "!=", ">": ">", "<": "<", "=": "==",
}  # fmt: skip
_SCALES = {"": 1.0, "k": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "million": 1e6, "billion": 1e9}
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP"}
_NAME = re.compile(r"[A-Za-z][A-Za-z_ -]*")
_OPERATOR = re.compile(r"[<>=!≥≤≠]+")
_NUMBER = re.compile(
    r"(?P<currency>[$€£])?\s*(?P<digits>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s*(?P<scale>[A-Za-z]*)\s*(?P<percent>%)?"
)


class Subject(NamedTuple):
    """What a condition speaks of: a metric's newest figure, or the number of events of a type."""

    kind: Literal["metric", "count"]
    name: str


def parse(text: str) -> Condition:
    """The condition in `text`; raises UsageError with the column (from 1) and what is possible there."""
    name, at = _expect(_NAME, text, 0, "a metric or an event type, as in `arr >= 2M` or `enterprise_deal >= 1`")
    subject = _subject(name.group().strip(), text, name.start())
    written, at = _expect(_OPERATOR, text, at, "one of >= > <= < == !=")
    operator = _OPERATORS.get(written.group())
    if operator is None:
        raise _error(text, written.start(), f"`{written.group()}` is none of >= > <= < == !=")
    number, at = _expect(_NUMBER, text, at, "a number, as in 2M, 450k, 120%")
    value = _value(number, subject, text)
    if text[at:].strip():
        raise _error(text, _skip(text, at), "nothing may follow the number; give a further condition by itself")
    return Condition(text=text.strip(), kind=subject.kind, name=subject.name, op=operator, value=value)


def asked_currency(condition: Condition) -> str | None:
    """The ISO 4217 code the person wrote with the threshold, or None where none was written."""
    return next((code for sign, code in _CURRENCIES.items() if sign in condition.text), None)


def holds(condition: Condition, seen: float) -> bool:
    """Whether `seen` fulfils the condition."""
    wanted = condition.value
    return {
        ">=": seen >= wanted,
        ">": seen > wanted,
        "<=": seen <= wanted,
        "<": seen < wanted,
        "==": seen == wanted,
        "!=": seen != wanted,
    }[condition.op]


def _expect(pattern: re.Pattern[str], text: str, at: int, expected: str) -> tuple[re.Match[str], int]:
    at = _skip(text, at)
    match = pattern.match(text, at)
    if match is None:
        found = f"not `{text[at:].split()[0]}`" if text[at:].strip() else "the text ends here"
        raise _error(text, at, f"expected {expected}; {found}")
    return match, match.end()


def _subject(name: str, text: str, at: int) -> Subject:
    metric = canonical(name)
    if metric:
        return Subject("metric", metric)
    words = re.sub(r"[ _-]+", "_", name.lower())
    for candidate in (words, words.removesuffix("s")):
        if candidate in set(EventType):
            return Subject("count", candidate)
    known = [*METRICS, *EventType]
    near = difflib.get_close_matches(words, known, n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
    raise _error(text, at, f"`{name}` is no metric and no event type; {hint}")


def _value(number: re.Match[str], subject: Subject, text: str) -> float:
    scale = _SCALES.get(number["scale"].lower())
    if scale is None:
        raise _error(text, number.start("scale"), f"`{number['scale']}` is no magnitude; possible are k, M and B")
    unit = METRICS[subject.name].unit if subject.kind == "metric" else "count"
    if number["percent"] and unit != "percent":
        raise _error(text, number.start("percent"), f"{subject.name} is not counted in percent")
    if number["currency"] and unit != "currency":
        raise _error(text, number.start("currency"), f"{subject.name} is not counted in money")
    return float(number["digits"].replace(",", "")) * scale


def _skip(text: str, at: int) -> int:
    return at + len(text[at:]) - len(text[at:].lstrip())


def _error(text: str, at: int, reason: str) -> UsageError:
    return UsageError(f"condition `{text.strip()}`, column {at + 1}: {reason}")


def event_label(name: str) -> str:
    """An event type's name in a sentence: `enterprise deal`."""
    return CATALOGUE[EventType(name)].label.lower()
