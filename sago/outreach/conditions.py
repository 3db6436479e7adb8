"""Conditions as a person writes them: `arr >= 2M`, `mrr growth 3m >= 20%`, `enterprise_deal high >= 2 in 90d`,
`no setback high in 60d`. The grammar stands beside this file; `condition_reading.py` says what its words mean."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files

from lark import Lark
from lark.exceptions import UnexpectedInput

from sago.domain.condition_wording import event_label as event_label
from sago.domain.events import EventType
from sago.domain.metrics import LOW_VALUE, METRICS
from sago.domain.watches import Condition
from sago.domain.wording import SYMBOLS, figure
from sago.errors import UsageError
from sago.outreach.condition_reading import CURRENCIES, Reading, is_currency_sign, unexpected
from sago.outreach.pointing import pointed
from sago.outreach.possible import contradiction, never_or_always

LONGEST = 200
"""Characters of a condition."""


def parse(text: str) -> Condition:
    """The condition in `text`; raises UsageError that points at the character and says what is possible there, also
    where the condition could never hold, or would always."""
    if len(text) > LONGEST:
        raise UsageError(f"condition `{text[:40]}…`: longer than {LONGEST} characters; give each condition by itself")
    try:
        tree = _grammar().parse(text)
    except UnexpectedInput as error:
        raise unexpected(error, text) from None
    condition = Reading(text, tree).condition()
    if reason := never_or_always(condition):
        raise pointed(text, len(text) - len(text.lstrip()), reason)
    return condition


def parse_all(texts: Sequence[str]) -> tuple[Condition, ...]:
    """The conditions of one watch; raises UsageError as `parse` does, and for two that can never hold at once."""
    conditions = tuple(parse(text) for text in texts)
    require_possible(conditions)
    return conditions


def holds_conditions(text: str) -> bool:
    """Whether words of a person hold the language's own syntax: `arr >= 1`, `enterprise_deal`, `no setback high`."""
    plain = (letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    return _syntax().search("".join(plain)) is not None


def require_possible(conditions: Sequence[Condition]) -> None:
    """Raises UsageError that names two conditions which can never hold at once."""
    if excluded := contradiction(conditions, [asked_currency(condition) for condition in conditions]):
        one, other = excluded
        raise UsageError(f"conditions `{one.text}` and `{other.text}`: they can never hold at once; leave one out")


def asked_currency(condition: Condition) -> str | None:
    """The ISO 4217 code the person wrote with the threshold, or None where none was written."""
    written = (match.group() for match in re.finditer(r"[^\W\d_]+|[^\w\s]", condition.text))
    return next((CURRENCIES.get(each, each.upper()) for each in written if is_currency_sign(each)), None)


def is_comparable(condition: Condition, unit: str) -> bool:
    """Whether a figure in that unit may be held against the threshold. Without a currency `2M` means dollars, euros or
    their like: two million yen are none of these."""
    asked = asked_currency(condition)
    return unit not in LOW_VALUE if asked is None else asked == unit


def in_its_own_money(condition: Condition, seen: str, unit: str) -> str:
    """What is missing where the figure's currency has to be asked for."""
    return f"stated in {unit}: {seen}; ask in {unit}, as in `{condition.name} {condition.op} {figure(3e8, unit)}`"


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


def render(condition: Condition) -> str:
    """The condition in words that `parse` reads as the same."""
    severity = f" {condition.severity}" if condition.severity else ""
    within = f" in {condition.within}" if condition.within else ""
    if condition.is_absence:
        return f"no {condition.name}{severity}{within}"
    if condition.kind == "change":
        return f"{condition.name} growth {condition.within} {condition.op} {_plain(condition.value)}%"
    unit = METRICS[condition.name].unit if condition.kind == "metric" else "count"
    currency = asked_currency(condition)
    money = (SYMBOLS.get(currency) or f"{currency} ") if currency else ""
    number = f"{_plain(condition.value)}%" if unit == "percent" else f"{money}{_scaled(condition.value)}"
    return f"{condition.name}{severity} {condition.op} {number}{within}"


@cache
def _syntax() -> re.Pattern[str]:
    identifiers = [*METRICS, *EventType]
    names = {*identifiers, *(alias for kind in METRICS.values() for alias in kind.aliases)}
    spelt = "|".join(re.escape(name).replace("_", "[ _]") for name in sorted(names, key=len, reverse=True))
    lone = "|".join(name for name in identifiers if "_" in name)
    return re.compile(
        rf"(?<!\w)(?:(?:{spelt})(?:\s+(?:growth|decline|high|medium|low|\d+\s?[dwmy]))*[\s`'\"*]*(?:[<>≤≥]|[=!]=)"
        rf"|(?:{lone})(?!\w)|no setback (?:high|medium|low|in \d))",
        re.I,
    )


@cache
def _grammar() -> Lark:
    text = files("sago.outreach").joinpath("conditions.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", propagate_positions=False, maybe_placeholders=False)


def _plain(value: float) -> str:
    text = f"{Decimal(repr(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(value: float) -> str:
    """With a magnitude where that is no longer: 2,000,000 → `2M`, 450,000 → `450k`."""
    for letter, scale in (("B", 9), ("M", 6), ("k", 3)):
        part = Decimal(repr(value)).scaleb(-scale)
        if value and abs(part) >= 1 and part == part.quantize(Decimal("0.01")):
            return f"{part.normalize():f}{letter}"
    return _plain(value)
