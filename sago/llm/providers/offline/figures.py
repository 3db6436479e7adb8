"""Figures tied to what they measure: `NRR is 143%` is nrr, `40 seats` is seats, `60k for it` is the pilot's value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import NamedTuple

from sago.domain.amounts import Amount
from sago.domain.events import EventType, Metric
from sago.domain.everyday import everyday_words
from sago.domain.metrics import METRICS, UNSTATED, canonical, is_currency
from sago.llm.providers.offline.hints import Hinted
from sago.llm.providers.offline.levels import TOLD as TOLD
from sago.llm.providers.offline.levels import level_name, tells_when
from sago.llm.providers.offline.speech import is_taken_back

TIMES = frozenset({"ms", "seconds", "minutes", "hours", "days", "weeks", "months", "years"})
MOST = 10
"""Metrics of one finding: more is a table, not a fact."""
LEAST_ALONE, _FEW_WORDS = 20, 7
"""A figure from here on counts something though nothing says what, in so few words: `it's 214 now`."""
_REACH = 45
"""Code points between a metric's name and its figure."""
_BESIDE, _BEFORE = 90, 20
"""Code points between the two figures of `slid to 19%, it was 24`, and before one, where a word compares it."""
_OF_THE_SAME = re.compile(r"\b(?:worst|best|median|mean|average|avg|min|max|peak|p\d\d|was|were)\W{1,3}$", re.I)
_COMPARED = frozenset({"percent", "ms", "seconds", "minutes", "hours", "days"})
"""Units that a bare figure takes from the one it stands beside."""
_ONWARD, _CLAUSE_ENDS = re.compile(r"\s?(?:->|→|–|to)\s?\d"), re.compile(r"[.;!?]\s")
_MOST_PERCENT = _LEAST_MONEY = 1000
"""No share is so large, and no company's revenue so small."""
_AMBIGUOUS = frozenset(
    {"people", "sales", "round", "raise", "committed", "term sheet", "logos", "availability", "turnover", "accounts"}
)
_KNOWN = sorted({alias for kind in METRICS.values() for alias in kind.aliases} - _AMBIGUOUS, key=len, reverse=True)
_USERS = (
    r"(?:(?:daily|weekly|monthly) )?active [a-z]+s|registered [a-z]+s|waiting list|installs|downloads|"
    r"subscribers|learners|members"
)
MENTION = Hinted(
    rf"\b(?:{'|'.join(re.escape(alias) for alias in _KNOWN)}|{_USERS}|d\d{{1,2}} retention|retention|conversion)\b",
    re.I,
)
REVENUE = {"mrr": "mrr", "arr": "mrr", "nrr": "nrr", "grr": "grr", "bookings": "bookings", "revenue": "revenue"}
"""Metric → the family one event tells together."""
USERS = frozenset({"dau", "wau", "mau", "users"})
_IS_USERS = re.compile(_USERS, re.I)
_NOUN = re.compile(
    r"[\s-]+(?:of (?:the|our|their) |more |new |other )?((?-i:[a-z][a-z-]{2,})(?:\s(?-i:[a-z][a-z-]{3,}))?)", re.I
)
_NO_NOUN = frozenset(resources.files(__package__).joinpath("no_nouns.txt").read_text(encoding="utf-8").split())
"""Words behind a figure that do not say what it counts."""
_VALUATION = re.compile(r"^\W{0,2}(?:pre|post)\b|^.{0,6}(?:pre-money|post-money|valuation)", re.I)
_VALUATION_BEFORE = re.compile(r"\b(?:valuation of|valued at|valuation|at an?|on)\s*$", re.I)
_GROWTH_BEFORE = re.compile(
    r"\b(?:up|grew|growth|increase[ds]?|rose|plus)\b(?!.{0,8}\b(?:from|to|at)\b).{0,12}$|\+$|\(\+?$", re.I
)
_FALL_BEFORE = re.compile(
    r"\b(?:down|fell|dropped|declined|decreased|lower|slipped|cut)\b(?!.{0,8}\b(?:from|to|at)\b)(?: by)?.{0,6}$", re.I
)
_FRACTION, _NAME_BEFORE = re.compile(r"\d{1,2}\.\d{1,2}"), re.compile(r"(?<!\w)(?-i:[A-Z])[\w'’&-]+\s$")
_WHOSE = re.compile(
    r"([A-Z][\w'’&-]{2,}(?: [A-Z][\w'’&-]+){0,2}?)(?:['’]s)?"
    r"(?: (?:put in|leads? with|for|with|in for|took|gave|at|is))? ?[:=]? ?$"
)
"""Before money: whose it is."""
_MONEY_NAMES = {
    "term sheet": "amount_raised", "round": "amount_raised", "grant": "grant", "debt": "loan", "churn": "lost revenue",
    "lost deal": "lost contract value", "lawsuit": "damages claimed", "pilot": "pilot fee",
    "interest": "investment size",
    "recall": "estimated cost", "result": "saved value", "reference": "saved value",
}  # fmt: skip
_TIME_NAMES = {
    "pilot": "pilot length",
    "contract": "term",
    "expansion": "term",
    "partnership": "term",
    "outage": "duration",
}
_TIMELESS = frozenset({EventType.HIRING, EventType.COMPLIANCE, EventType.MEDIA_COVERAGE, EventType.CUSTOMER_SUCCESS})
"""Types whose news no length of time belongs to: `five years at ACME` is a life, not a metric."""
OTHER = ("other", "further", "another")
_MONEY_TYPES = frozenset({EventType.FUNDING, EventType.ENTERPRISE_DEAL, EventType.REVENUE_MILESTONE})
_MONEY_PERIODS = ("month", "quarter", "year")
_MONEY_KINDS = frozenset({*_MONEY_NAMES, "contract", "expansion"}) - {"recall", "result", "reference"}


class Currencies(NamedTuple):
    """What the signs mean that several currencies share; None where nothing tells."""

    dollar: str = "USD"
    crown: str | None = None


class Figure(NamedTuple):
    """A metric and the amount it was read from."""

    metric: Metric
    amount: Amount


def figures(
    text: str,
    amounts: Sequence[Amount],
    event_type: EventType,
    kind: str,
    currencies: Currencies,
    exclude: frozenset[str] = frozenset(),
) -> list[Figure]:
    """The amounts of a quote as named metrics; `amounts` are positions in `text`. Figures that the text takes back
    (`not 143%`) are left out. `exclude` are the company's own names: what others reached is named as theirs."""
    mentions = list(MENTION.pattern.finditer(text))
    amounts = [
        replace(amount, unit=unit) for amount in amounts for unit in [_meant(amount, currencies)] if unit is not None
    ]
    found: list[Figure] = []
    for amount in amounts:
        mention = _mention(text, amount, amounts, mentions)
        if is_taken_back(text, amount.start) or (mention is None and _is_version(text, amount)):
            continue
        named = name_of(mention[0]) if mention else None
        unit = _unit(text, amount, named, kind, amounts, event_type, in_money=_is_about_money(event_type, kind))
        if _lacks_its_magnitude(amount, named):
            continue
        name = _name(text, amount, mention, unit, event_type, kind, exclude)
        if name is None and kind != "figures":
            name = _plain_name(text, amount, unit)
        if name and not any((f.metric.value, f.metric.unit) == (amount.value, unit) for f in found):
            value = abs(amount.value) if name.startswith("lost ") else amount.value
            found.append(Figure(Metric(name=name[:80], value=value, unit=unit), amount))
    return _once(text, _dated(text, found))[:MOST]


def _dated(text: str, found: list[Figure]) -> list[Figure]:
    """The only figure, of which the text says when it was, is not set against a later one."""
    if len(found) != 1 or not tells_when(text, found[0].amount):
        return found
    name = found[0].metric.name.removeprefix("earlier ")
    return [found[0]._replace(metric=found[0].metric.model_copy(update={"name": name}))] if name in METRICS else found


def _is_version(text: str, amount: Amount) -> bool:
    """`Shift Swap 2.0 is live`: a number with a fraction, behind a name, that counts nothing."""
    is_plain = amount.bare and amount.scale == 1.0 and _FRACTION.fullmatch(amount.text) is not None
    return is_plain and _NAME_BEFORE.search(text[: amount.start]) is not None and _noun(text, amount) is None


def _meant(amount: Amount, currencies: Currencies) -> str | None:
    """The unit, where the sign is one that several currencies share, by what it means here; None where nothing tells
    whose crowns they are. `mkr` is Swedish."""
    if amount.shared == "$":
        return currencies.dollar
    if amount.shared == "kr":
        return currencies.crown or ("SEK" if amount.text.lower().endswith("mkr") else None)
    return amount.unit


def _lacks_its_magnitude(amount: Amount, named: str | None) -> bool:
    """`arr 5.31` means millions, or thousands: what it does not say is not told."""
    return amount.bare and abs(amount.value) < _LEAST_MONEY and named in METRICS and METRICS[named].unit == "currency"


def _once(text: str, found: Sequence[Figure]) -> list[Figure]:
    """Of several figures of one name and unit each under a name of its own, the first under the plain one. Money that
    has no name but whose it is takes that: `11.5 million: Lindqvist 8, Brookhaven 3`."""
    kept: dict[tuple[str, str], Figure] = {}
    for each in found:
        figure = _apart(text, each, kept) if (each.metric.name, each.metric.unit) in kept else each
        kept.setdefault((figure.metric.name, figure.metric.unit), figure)
    return list(kept.values())


def _apart(text: str, figure: Figure, kept: Mapping[tuple[str, str], Figure]) -> Figure:
    """A further figure under a name of its own: money after whose it is, where that stands before it in its clause."""
    name, unit = figure.metric.name, figure.metric.unit
    start = max((match.end() for match in _CLAUSE_ENDS.finditer(text, 0, figure.amount.start)), default=0)
    whose = _WHOSE.search(text, max(start, figure.amount.start - _REACH), figure.amount.start)
    other = next((f"{word} {name}" for word in OTHER if (f"{word} {name}", unit) not in kept), name)
    is_owner = is_currency(unit) and whose is not None and whose[1].split()[0].lower() not in everyday_words()
    own = f"{whose[1]} {name}" if whose is not None and is_owner else other
    return figure._replace(metric=figure.metric.model_copy(update={"name": own[:80]}))


def _plain_name(text: str, amount: Amount, unit: str) -> str:
    """What a figure counts, else what its unit measures."""
    if unit in TIMES:
        return "duration"
    return _noun(text, amount) or {"percent": "rate", "x": "factor", "count": "count"}.get(unit, "amount")


def name_of(mention: str) -> str:
    """The canonical name of a metric as written, or the words themselves."""
    return canonical(mention.replace("sign ups", "sign-ups")) or mention.lower()


def _mention(
    text: str, amount: Amount, amounts: Sequence[Amount], mentions: Sequence[re.Match[str]]
) -> re.Match[str] | None:
    """The metric's name that stands closest: before the amount, or right behind it (`450k MRR`, `14k of mrr`)."""
    behind = next(
        (m for m in mentions if 0 <= m.start() - amount.end <= 16 and _is_link(text[amount.end : m.start()])), None
    )
    before = [
        m
        for m in mentions
        if 0 <= amount.start - m.end() <= _REACH and not re.search(r"[;!?]|\.\s", text[m.end() : amount.start])
    ]
    if before and behind:
        between = [a for a in amounts if before[-1].end() <= a.start < amount.start]
        is_apart = between or amount.start - before[-1].end() > 12 or "," in text[before[-1].end() : amount.start]
        kind = METRICS.get(name_of(before[-1][0]))
        is_other = amount.is_money and kind is not None and kind.unit != "currency"
        return behind if is_apart or is_other else before[-1]
    return behind or (before[-1] if before else None)


def _is_link(text: str) -> bool:
    return re.fullmatch(r"\s*(?:of|in|total|net|new|monthly|paying)?(?:\s\w+)?\s*", text) is not None


def _is_about_money(event_type: EventType, kind: str) -> bool:
    """Whether a large figure without a unit is money rather than a count."""
    return kind in _MONEY_KINDS or (kind == TOLD and event_type in _MONEY_TYPES)


def _unit(
    text: str,
    amount: Amount,
    named: str | None,
    kind: str,
    amounts: Sequence[Amount],
    event_type: EventType,
    *,
    in_money: bool,
) -> str:
    """The unit a bare number has from its metric, its kind of event, or the figure it is set against."""
    if not amount.bare:
        return amount.unit
    wanted = METRICS[named].unit if named in METRICS else None
    if wanted == "currency" or (kind == "churn" and named == "mrr"):
        return _beside_it(text, amounts)
    if wanted == "percent":
        return "percent" if abs(amount.value) < _MOST_PERCENT and _noun(text, amount) is None else amount.unit
    if _is_compared(text, amount) and abs(amount.value) < _MOST_PERCENT and _noun(text, amount) is None:
        against = [a for a in amounts if a.unit in _COMPARED and _is_beside(text, amount, a)]
        nearest = min(against, key=lambda a: max(a.start - amount.end, amount.start - a.end), default=amount)
        return nearest.unit
    is_lost = event_type is EventType.SETBACK and amount.period in _MONEY_PERIODS
    is_money = wanted is None and amount.scale >= 1e3 and (in_money or is_lost)
    return _beside_it(text, amounts) if is_money and not _noun(text, amount, strict=True) else amount.unit


def _beside_it(text: str, amounts: Sequence[Amount]) -> str:
    """The one currency that the text writes with another of the company's metrics: `MRR is 182k (€2.2M ARR)`."""
    mentions = list(MENTION.pattern.finditer(text))
    named = [(amount, _mention(text, amount, amounts, mentions)) for amount in amounts if amount.is_money]
    written = {amount.unit for amount, mention in named if mention and name_of(mention[0]) in METRICS}
    return written.pop() if len(written) == 1 else UNSTATED


def _is_compared(text: str, amount: Amount) -> bool:
    before = text[max(0, amount.start - _BEFORE) : amount.start]
    return bool(amount.role or _OF_THE_SAME.search(before)) and not _ONWARD.match(text, amount.end)


def _is_beside(text: str, amount: Amount, other: Amount) -> bool:
    """Whether the two are near; what the figure is now stands in one sentence with what it was."""
    between = text[min(amount.end, other.end) : max(amount.start, other.start)]
    return len(between) <= _BESIDE and (amount.role == "from" or not _CLAUSE_ENDS.search(between))


def _noun(text: str, amount: Amount, *, strict: bool = False) -> str | None:
    match = _NOUN.match(text, amount.end)
    if match is None:
        return None
    words = [word for word in match[1].lower().split() if word not in _NO_NOUN]
    if not words or match[1].lower().split()[0] in _NO_NOUN:
        return None
    return " ".join(words) if not strict or words[0].endswith("s") else None


def _name(
    text: str,
    amount: Amount,
    mention: re.Match[str] | None,
    unit: str,
    event_type: EventType,
    kind: str,
    exclude: frozenset[str],
) -> str | None:
    named = name_of(mention[0]) if mention else None
    earlier = "earlier " if amount.role == "from" else ""
    before = text[max(0, amount.start - 28) : amount.start]
    if unit == "percent" and (_GROWTH_BEFORE.search(before) or text[amount.start] == "+"):
        return f"{named or event_type.replace('_', ' ')} growth"
    if unit == "percent" and _FALL_BEFORE.search(before) and not before.rstrip().endswith("to"):
        return f"{named or 'relative'} decline"
    if mention and named and _takes(named, unit):
        return level_name(text, amount, mention, named, event_type, kind, exclude)
    if is_currency(unit):
        return _money_name(text, amount, kind, earlier)
    if unit in TIMES and event_type in _TIMELESS:
        return "experience" if event_type is EventType.HIRING and unit == "years" else None
    if unit in TIMES:
        return earlier + _TIME_NAMES.get(kind, "duration" if unit not in ("ms", "seconds") else "latency")
    if unit == "count":
        noun = _noun(text, amount)
        if noun or (named and amount.value >= 10):
            return earlier + str(noun or named)
        return "count" if amount.value >= LEAST_ALONE and len(text.split()) <= _FEW_WORDS else None
    return earlier + (_noun(text, amount) or {"percent": "rate", "x": "factor"}.get(unit, unit))


def _takes(name: str, unit: str) -> bool:
    wanted = METRICS[name].unit if name in METRICS else None
    if wanted == "currency":
        return is_currency(unit)
    return wanted in (unit, None) or (name == "runway" and unit in TIMES)


def _money_name(text: str, amount: Amount, kind: str, earlier: str) -> str:
    if kind in ("term sheet", "round", "interest") and (
        _VALUATION.match(text[amount.end : amount.end + 24]) or (
            kind != "interest" and _VALUATION_BEFORE.search(text[max(0, amount.start - 24) : amount.start]))
    ):  # fmt: skip
        return "valuation"
    if kind in ("contract", "expansion", "partnership"):
        return earlier + {"month": "monthly fee", "year": "annual contract value"}.get(
            amount.period or "", "contract_value"
        )
    return earlier + _MONEY_NAMES.get(kind, "amount")


def has_users(name: str) -> bool:
    """Whether a metric's name counts users of some kind."""
    return name in USERS or _IS_USERS.fullmatch(name) is not None
