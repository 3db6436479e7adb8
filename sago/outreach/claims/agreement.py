"""Whether a figure of a letter is the one a proof states: value, unit, metric, thing counted, period, direction."""

# ruff: noqa: SIM905 - a table of words is read more easily as one string
from __future__ import annotations

import re

from sago.domain.amounts import Amount
from sago.domain.claims import direction_in, period_of
from sago.domain.events import EventType
from sago.domain.metrics import is_currency
from sago.domain.wording import SYMBOLS, figure, metric_label, plain
from sago.outreach.claims.grounds import Ground, way_of
from sago.outreach.claims.measures import tells
from sago.outreach.claims.passages import stem
from sago.outreach.claims.reading import Text
from sago.outreach.claims.sayings import DENIED, UNDECIDED, Saying, Stated

MOST_ROUNDED = 0.02
"""A figure rounded by more than this share of itself is another figure: 1.6M is not $2M."""
_POINTS = re.compile(r"(?:\bpps?|points?)\s*$", re.I)
PERIOD = re.compile(r"\s?(?:/|(?:per|an?|each|every)\s)\s?(day|week|month|quarter|year)\b", re.I)
_IN_TOTAL = re.compile(
    r"\s(?:in (?:total|all|one go|full)|total\b|altogether|overall|up ?front|all told"
    r"|(?:for|over) (?:all )?(?:the )?\w+ years)",
    re.I,
)
_PAST = re.compile(
    r"\b(?:from|was|were|earlier|before|previous(?:ly)?|formerly|then|vs|versus|against|compared|up|down)\b", re.I
)
_BY = re.compile(r"\bby\s*(?:about|around|roughly)?\s*$", re.I)
_NOUN = re.compile(
    r"\s(?:(?:new|more|paying|active|named|other|further|additional)\s)?([a-z][\w-]+)(?:\s([a-z][\w-]+))?"
)
_NO_NOUN = frozenset(
    "in on at by to of for from as and or with within since after before was were is are has have had now "
    "then than per a an the "
    "this that last while when where it its we you our your i so but which who up down over under more "
    "across during until".split()
)
_QUALIFIERS = frozenset(
    stem(word) for word in ("enterprise", "corporate", "new", "additional", "more", "further", "government")
)
COUNTED = frozenset(
    stem(word)
    for word in (
        "customers users people employees engineers deals contracts partners countries cities offices "
        "hospitals banks seats logos "
        "pilots teams stores sites subscribers accounts members downloads hires investors merchants patients "
        "students schools "
        "drivers vehicles orders transactions clients companies firms plants factories markets languages "
        "integrations months weeks "
        "days years quarters hours minutes licences brokers underwriters carriers airlines"
    ).split()
)


def agrees(amount: Amount, stated: Stated) -> tuple[bool, bool]:
    """Whether the figure is exactly the stated one, and whether it is at the precision it is written with."""
    gap, expected = abs(amount.value - stated.value), abs(stated.value)
    exact = gap <= 1e-9 * expected
    return exact, exact or (amount.scale > 1 and gap <= _quantum(amount) / 2 and gap <= MOST_ROUNDED * expected)


def _quantum(amount: Amount) -> float:
    """The value of the last digit written: 100,000 in `$2.1M`."""
    decimals = re.search(r"[.,](\d{1,2})(?!\d|[.,]\d)", amount.text)
    return float(amount.scale * 10.0 ** -(len(decimals[1]) if decimals else 0))


def done_to(amount: Amount, stated: Stated, said: Saying, *, is_exact: bool) -> str:
    written = amount.text.strip("~≈ ")
    if stated.how:
        return stated.how
    if not is_exact:
        return f"{exactly(stated.value, stated.unit)} → {written}"
    if written in said.text:
        return ""
    source = stated.amount.text if stated.amount else exactly(stated.value, stated.unit)
    return f"{source} → {written}" if source != written else "as the event has it"


def exactly(value: float, unit: str) -> str:
    """A figure with all its digits: `$2,104,000`."""
    if is_currency(unit):
        sign = SYMBOLS.get(unit)
        return f"{sign}{plain(value)}" if sign is not None else f"{unit} {plain(value)}"
    return figure(value, unit)


def objection(amount: Amount, stated: Stated, ground: Ground, measure: str | None, text: Text) -> str:
    """Why a figure of this value is not the stated one; empty where it is."""
    clause = text.clause(amount.start)
    own = text.own_words(clause)
    if not _same_unit(amount, stated, measure):
        return f"is {exactly(stated.value, stated.unit)} in “{ground.label}”"
    if amount.unit == "percent" and in_points(amount) != _told_in_points(stated, ground):
        return f"mixes percent and points: “{stated.saying.text}”"
    if stated.open and not (UNDECIDED.search(own) or DENIED.search(own)):
        return f"is no fact there but planned, conditional or denied: “{shortened(stated.saying.text)}”"
    if measure and not tells(measure, stated.measures, ground.event_type) and not _names(measure, stated):
        told = ", ".join(sorted(metric_label(each) for each in stated.measures)) or "none"
        return f"is told of {metric_label(measure)}; in “{ground.label}” it is of {told}"
    return (
        _other_thing(amount, stated, ground, text)
        or other_period(amount, stated, ground, text)
        or _other_role(amount, stated, ground, own)
        or _other_way(amount, stated, ground, own, text)
    )


def other_name(stated: Stated, ground: Ground, named: frozenset[str]) -> str:
    """A figure written with the name of another metric of the events."""
    own = {f.name for f in ground.figures if f.amount is None and f.value == stated.value}
    return f"is not of {', '.join(sorted(named))} in “{ground.label}”" if named and not named & own else ""


def _names(measure: str, stated: Stated) -> bool:
    """Whether a figure without a metric of its own stands in a text that speaks of that metric alone."""
    return not stated.measures and stated.amount is None and measure in stated.name


def in_points(amount: Amount) -> bool:
    """Whether it is written as percentage points."""
    return _POINTS.search(amount.text) is not None


def _told_in_points(stated: Stated, ground: Ground) -> bool:
    told = (
        [stated] if stated.amount else [each for each in ground.figures if each.amount and each.value == stated.value]
    )
    return any(each.amount is not None and in_points(each.amount) for each in told)


def _same_unit(amount: Amount, stated: Stated, measure: str | None) -> bool:
    if amount.bare:
        if stated.bare or stated.unit == "count":
            return True
        return is_currency(stated.unit) and amount.scale > 1 and measure is not None
    return amount.unit == stated.unit


def _other_thing(amount: Amount, stated: Stated, ground: Ground, text: Text) -> str:
    """A count must count what it counts in the proof."""
    if amount.unit != "count":
        return ""
    match = _NOUN.match(text.text, amount.end)
    words = [stem(word) for word in (match.groups() if match else ()) if word and word not in _NO_NOUN]
    if match and match[1] in _NO_NOUN:
        words = []
    context = stated.context | (ground.stems if stated.amount is None else frozenset())
    added = re.match(r"\s(new|more|further|additional)\s", text.text[amount.end :])
    words += [added[1]] if added else []
    wrong = [word for word in words if word in COUNTED | _QUALIFIERS and word not in context]
    if not wrong and (not words or any(word in context for word in words)):
        return ""
    return f"counts other things in “{ground.label}”: {shortened(stated.saying.text)}"


def other_period(amount: Amount, stated: Stated, ground: Ground, text: Text) -> str:
    behind = PERIOD.match(text.text, amount.end)
    period = amount.period or (behind and behind[1].lower())
    if period is None and not _IN_TOTAL.match(text.text, amount.end):
        return ""
    same = [stated] if stated.amount else [stated, *(each for each in ground.figures if each.value == stated.value)]
    told = {each.amount.period for each in same if each.amount} | {
        period_of(name) for name in (stated.name, *stated.measures)
    }
    if period is None:
        alike = [(f.saying.text, f.amount) for f in ground.figures if f.value == stated.value and f.amount]
        is_rate = told - {None} or any(PERIOD.match(said, of.end) or of.period for said, of in alike)
        return f"is said for a period: “{shortened(stated.saying.text)}”" if is_rate else ""
    return "" if period in told else f"is not said for a {period}: “{shortened(stated.saying.text)}”"


def _other_role(amount: Amount, stated: Stated, ground: Ground, own: str) -> str:
    if stated.earlier and amount.role != "from" and not _PAST.search(own):
        return f"is the earlier value in “{ground.label}”"
    if (
        amount.role == "from"
        and not stated.earlier
        and any(f.earlier and f.measures == stated.measures for f in ground.figures)
    ):
        return f"is the newer value in “{ground.label}”"
    return ""


def _other_way(amount: Amount, stated: Stated, ground: Ground, own: str, text: Text) -> str:
    """A rise told as a fall, or a level told as a change."""
    told = direction_in(own, adverbs=False)
    stating = way_of(ground) | {way for saying in ground.sayings if (way := direction_in(saying.text))}
    ways = {stated.way} if stated.way else stating | {figure.way for figure in ground.figures if figure.way}
    if told == "down" and "down" not in ways:
        return f"did not fall: “{ground.label}”"
    if told == "up" and "up" not in ways and ("down" in ways or ground.event_type is EventType.SETBACK):
        return f"did not rise: “{ground.label}”"
    before = text.text[: amount.start]
    is_change = bool(_BY.search(before)) or (
        told is not None and amount.unit == "percent" and not re.search(r"\bto\s*$", before)
    )
    if told and is_change and not (stated.way or stating):
        return f"is a level, not a change: “{ground.label}”"
    return ""


def shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"
