"""What the words of a condition mean together, once the grammar has told them apart, and what a wrong one may mean."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence, Set
from decimal import Decimal
from typing import Literal, NamedTuple

from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from sago.domain import periods
from sago.domain.amount_words import ISO_CODES
from sago.domain.events import EventType, Severity
from sago.domain.metrics import METRICS, canonical
from sago.domain.watches import Condition
from sago.domain.wording import SYMBOLS
from sago.errors import UsageError
from sago.outreach.pointing import pointed

Operator = Literal[">=", ">", "<=", "<", "==", "!="]
_OPERATORS: dict[str, Operator] = {
    ">=": ">=", "≥": ">=", "<=": "<=", "≤": "<=", "==": "==", "!=": "!=", "≠": "!=", ">": ">", "<": "<", "=": "==",
}  # fmt: skip
_TURNED: dict[Operator, Operator] = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "==": "==", "!=": "!="}
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9,
}  # fmt: skip
CURRENCIES = {sign: code for code, sign in SYMBOLS.items() if sign}
_DOWN = {"decline", "decrease", "fall", "drop"}
_UP = {"growth", "increase", "rise"}
_KEYWORDS = ["growth", "decline", "in", "over", "no", "high", "medium", "low"]
_LEAST_PERCENT = {"nrr": 5, "grr": 5}
"""Below it a number without a percent sign was meant as a share or a factor: `churn <= 0.03`, `nrr >= 1.2`."""
LARGEST = 1e15
LONGEST_PERIOD = 3660
"""Days: nobody waits for ten years."""
_EXPECTED = {
    "NUMBER": "a number, as in 2M, 450k, 120%",
    "OPERATOR": "one of >= > <= < == !=",
    "PERIOD": "a period, as in 60d, 8w, 3m or 1y",
    "WORD": "a metric or an event type, as in `arr >= 2M`, `enterprise_deal >= 1` or `no setback in 60d`",
}
_ONE_ALONE = "nothing may follow; give a further condition by itself"
_FURTHER = re.compile(r"\b(?:and|or)\b|[,;&]", re.I)


class Subject(NamedTuple):
    """What a condition speaks of: a metric, or events of a type."""

    kind: Literal["metric", "event"]
    name: str


class Reading:
    """The flat tree of one text, and what its tokens mean together."""

    def __init__(self, text: str, tree: Tree[Token]) -> None:
        self.text = text
        self.form = tree.data
        self.tokens = [token for token in tree.children if isinstance(token, Token)]

    def condition(self) -> Condition:
        make = {"comparison": self._comparison, "absence": self._absence, "change": self._change}[self.form]
        return make()

    def _comparison(self) -> Condition:
        subject = self._subject()
        if subject.kind == "event":
            operator, value = self._operator(), self._value("count", subject)
            if (operator, value) in {("<=", 0.0), ("<", 1.0)}:
                operator, value = "==", 0.0
            return self._made("count", subject, operator, value)
        if period := self._one("PERIOD"):
            metric, length = subject.name, period.replace(" ", "")
            raise self._error(
                period, f"a metric is judged by its newest figure; a change is `{metric} growth {length} >= 20%`"
            )
        return self._made("metric", subject, self._operator(), self._value(METRICS[subject.name].unit, subject))

    def _absence(self) -> Condition:
        subject = self._subject()
        if subject.kind == "metric":
            raise self._error(self._all("WORD")[0], f"{subject.name} is a metric; only events can be absent")
        return self._made("count", subject, "==", 0.0)

    def _change(self) -> Condition:
        direction = self.tokens[[token.type for token in self.tokens].index("DIRECTION")]
        subject = self._subject()
        if subject.kind == "event":
            counted = f"`{subject.name} >= 2 in 90d`"
            raise self._error(direction, f"{subject.name} is a type of event, which is counted: {counted}")
        found = self._all("PERIOD")
        if len(found) != 1:
            asked = f"`{subject.name} {direction} 3m >= 20%`"
            where = found[1] if found else direction
            raise self._error(where, f"a change is over one period, as in {asked}", behind=not found)
        operator = self._operator() if self._one("OPERATOR") else ">"
        value = self._value("change", subject) if self._one("OPERATOR") else 0.0
        if direction.lower() in _DOWN:
            operator, value = _TURNED[operator], -value or 0.0
        return self._made("change", subject, operator, value)

    def _made(
        self, kind: Literal["metric", "change", "count"], subject: Subject, operator: Operator, value: float
    ) -> Condition:
        severity = self._severity()
        if severity and kind != "count":
            raise self._error(severity, f"{subject.name} is a metric, which has no severity")
        return Condition(
            text=self.text.strip(),
            kind=kind,
            name=subject.name,
            op=operator,
            value=value,
            severity=Severity(severity.lower()) if severity else None,
            within=self._within(),
        )

    def _subject(self) -> Subject:
        words = [token for token in self.tokens if token.type in ("WORD", "PHRASE")]
        start, end = words[0].start_pos or 0, words[-1].end_pos or 0
        name = self.text[start:end]
        subject = _meant(name)
        if subject is None:
            raise _unknown(name, self.text, start)
        return subject

    def _operator(self) -> Operator:
        (written,) = self._all("OPERATOR")
        operator = _OPERATORS.get(written)
        if operator is None:
            raise self._error(written, f"`{written}` is none of >= > <= < == !=")
        return operator

    def _value(self, unit: str, subject: Subject) -> float:
        """The number, whose sign, magnitude and unit fit the subject."""
        (digits,) = self._all("NUMBER")
        scale, percent, sign = self._one("SCALE"), self._one("PERCENT"), self._one("SIGN")
        if percent and unit not in ("percent", "change"):
            raise self._error(percent, f"{subject.name} is not counted in percent")
        for written in (*self._all("CURRENCY"), *self._all("UNIT")):
            self._check_unit(written, unit, subject)
        if scale and unit in ("percent", "change"):
            told = "a change is told" if unit == "change" else f"{subject.name} is counted"
            raise self._error(scale, f"{told} in percent, as in 20%")
        number = Decimal(digits.replace(",", "")) * Decimal(_SCALES[scale.lower()] if scale else 1)
        if unit == "percent" and not percent and 0 < number < _LEAST_PERCENT.get(subject.name, 1):
            raise self._error(digits, f"{subject.name} is in percent; did you mean {(100 * number).normalize():f}%?")
        if number > LARGEST:
            raise self._error(digits, "no company has a figure as large")
        return float(-number if sign in ("-", "−") else number) or 0.0

    def _check_unit(self, written: Token, unit: str, subject: Subject) -> None:
        word = written.lower()
        if word in ("and", "or"):
            raise self._error(written, _ONE_ALONE)
        if is_currency_sign(written):
            if unit != "currency":
                told = "a change is told in percent" if unit == "change" else f"{subject.name} is not counted in money"
                raise self._error(written, told)
            if self._money()[0] is not written:
                raise self._error(written, "a currency was named before")
        elif not _counts(word, subject):
            raise self._error(written, self._wrong_unit(written, unit, subject))

    def _wrong_unit(self, written: Token, unit: str, subject: Subject) -> str:
        if (written.start_pos or 0) == (self._all("NUMBER")[0].end_pos or 0):
            return f"`{written}` is no magnitude; possible are k, M and B"
        counted = {"currency": "money", "percent": "percent", "change": "percent, as every change"}.get(unit)
        return f"{subject.name} is not counted in `{written}`" + (f", but in {counted}" if counted else "")

    def _money(self) -> list[Token]:
        tokens = [token for token in self.tokens if token.type in ("CURRENCY", "UNIT")]
        return [token for token in tokens if is_currency_sign(token)]

    def _severity(self) -> Token | None:
        found = self._all("SEVERITY")
        if len(found) > 1:
            raise self._error(found[1], "a severity was named before")
        return found[0] if found else None

    def _within(self) -> str | None:
        found = self._one("PERIOD")
        if found is None:
            return None
        digits, letters = re.findall(r"^\d+", found), re.findall(r"[A-Za-z]", found)
        number, unit = int(digits[0] if digits else 1), letters[0].lower()
        number, unit = (3 * number, "m") if unit == "q" else (number, unit)
        if number == 0:
            raise self._error(found, "a period has a length, as in 60d, 8w, 3m or 1y")
        if len(found) > 12 or periods.days(f"{number}{unit}") > LONGEST_PERIOD:
            raise self._error(found, "a period is at most ten years")
        return f"{number}{unit}"

    def _all(self, kind: str) -> list[Token]:
        return [token for token in self.tokens if token.type == kind]

    def _one(self, kind: str) -> Token | None:
        return next(iter(self._all(kind)), None)

    def _error(self, at: Token, reason: str, *, behind: bool = False) -> UsageError:
        return pointed(self.text, (at.end_pos if behind else at.start_pos) or 0, reason)


def _meant(name: str) -> Subject | None:
    metric = canonical(name)
    if metric:
        return Subject("metric", metric)
    words = re.sub(r"[\s_-]+", "_", name.lower())
    types = (word for word in (words, words.removesuffix("s")) if word in set(EventType))
    return next((Subject("event", word) for word in types), None)


def _counts(word: str, subject: Subject) -> bool:
    """Whether a word behind the number only says again what is counted: `100 customers`, `2 deals`, `12 months`."""
    if subject.name == "runway":
        return word in ("month", "months")
    own = METRICS[subject.name] if subject.kind == "metric" else None
    names = {subject.name, own.label.lower(), *own.aliases} if own else {subject.name.rpartition("_")[2], "events"}
    return word in names or word.removesuffix("s") in names


def _unknown(name: str, text: str, at: int) -> UsageError:
    words = re.sub(r"[\s_-]+", "_", name.lower())
    if further := _FURTHER.search(name):
        return pointed(text, at + further.start(), _ONE_ALONE)
    last = name.split()[-1]
    if name != last and (near := _near(last, _KEYWORDS)):
        return pointed(text, text.index(last, at), f"`{last}` is no word of a condition; did you mean {near}?")
    near = _near(words, [*METRICS, *EventType])
    hint = f"did you mean {near}?" if near else f"known are {', '.join([*METRICS, *EventType])}"
    return pointed(text, at, f"`{name}` is no metric and no event type; {hint}")


def _near(word: str, known: Sequence[str]) -> str:
    return " or ".join(difflib.get_close_matches(word.lower(), known, n=2, cutoff=0.6))


def unexpected(error: UnexpectedInput, text: str) -> UsageError:
    """What stands where something else was expected; a word before it that is nearly one of ours is the likelier
    mistake."""
    at, possible = len(text.rstrip()), set[str]()
    if isinstance(error, UnexpectedToken):
        possible = set(error.accepts or error.expected)
        at = at if error.token.type == "$END" else (error.token.start_pos or 0)
    elif isinstance(error, UnexpectedCharacters):
        possible, at = set(error.allowed), error.pos_in_stream or 0
    before = re.search(r"[A-Za-z]\S*\s*$", text[:at])
    is_ours = before is not None and before[0].strip().lower() in {*_KEYWORDS, *_UP, *_DOWN}
    if before and before.start() and "OPERATOR" in possible and not is_ours and not _meant(text[:at]):
        return _unknown(text[:at].strip(), text, len(text) - len(text.lstrip()))
    further = _FURTHER.search(text, 0, at)
    if further and text[: further.start()].rstrip()[-1:].isalnum():
        return pointed(text, further.start(), _ONE_ALONE)
    expected = _expected(possible, text[at : at + 1])
    found = f"not `{text[at:].split()[0]}`" if text[at:].strip() else "the text ends here"
    return pointed(text, at, f"expected {expected}; {found}" if expected else _ONE_ALONE)


def _expected(possible: Set[str], found: str) -> str:
    """The likeliest of what is possible: behind `growth` a digit was meant for a period."""
    wanted = ["NUMBER", "PERIOD", "OPERATOR", "WORD"] if found.isdigit() else ["NUMBER", "OPERATOR", "PERIOD", "WORD"]
    return next((_EXPECTED[terminal] for terminal in wanted if terminal in possible and not _ends(possible)), "")


def _ends(possible: Set[str]) -> bool:
    """Whether the text was a whole condition already."""
    return "$END" in possible and not possible & {"NUMBER", "OPERATOR"}


def is_currency_sign(written: str) -> bool:
    return written in CURRENCIES or written.upper() in ISO_CODES
