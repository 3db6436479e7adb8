"""Whether a telling tells an event again that is already known: log-odds from what the two share.

People tell one thing in many words: `ink is dry`, then `Halcrest, 70 million`, on Friday `Halcrest closed`. What
decides is how long after the last telling it is said, which figures and uncommon words it shares, and whom it is about.
The weights are those of a logistic regression over the tellings of the labelled companies, rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz import fuzz

from sago.domain.amounts import find_amounts
from sago.domain.events import EventType, Observation
from sago.domain.everyday import everyday_words
from sago.domain.metrics import is_currency

NAMED = frozenset({
    EventType.ENTERPRISE_DEAL, EventType.PARTNERSHIP, EventType.HIRING, EventType.CUSTOMER_SUCCESS,
    EventType.INVESTOR_INTEREST, EventType.MEDIA_COVERAGE,
})  # fmt: skip
"""Types whose events are told apart by whom they are about."""
SAME_NAME = 90
"""Of 100: how alike two subjects must be (rapidfuzz token_set_ratio) to be one."""
MONEY = "money"
LARGE, MANY, THOUSAND = 10.0, 100.0, 1000.0
Figure = tuple[float, str]
"""Value and unit."""
KEPT = 16_384
"""Quotes whose figures and words a process remembers."""
_HOUR, _DAY = 3600.0, 86400.0
_SPANS = {
    "within half an hour": _HOUR / 2, "within half a day": _DAY / 2,
    "within 36 hours": 1.5 * _DAY, "within 4 days": 4 * _DAY, "within 9 days": 9 * _DAY, "within 20 days": 20 * _DAY,
}  # fmt: skip
"""Sign → seconds since the event's last telling; each span that holds the time counts."""
WEIGHTS = {
    "within half an hour": 1.9, "within half a day": 1.6, "within 36 hours": 1.0, "within 4 days": 0.7,
    "within 9 days": 0.3, "within 20 days": 0.8, "the newest": 1.4,
    "a shared figure": 1.9, "shared figures": 2.0, "shared small figures": 2.3, "other figures": -0.9,
    "no figures": 0.8,
    "a shared word": 0.9, "shared words": 0.2, "share of its words": 3.2,
    "same name": 0.5, "same name of a named type": 2.5, "another name": -0.6, "no name": -0.1,
    "a mail": 0.9, "told often": -1.0,
    "investor_interest": 1.2, "hiring": 0.8, "partnership": 0.2, "product_launch": 0.2, "compliance": 0.1,
    "technical_achievement": 0.1, "market_expansion": 0.1, "user_growth": 0.1, "funding": -0.1, "setback": -0.3,
    "revenue_milestone": -0.5, "enterprise_deal": -0.6, "customer_success": -0.6, "media_coverage": -1.0,
}  # fmt: skip
"""What each sign adds to the odds. The same name weighs more than was fitted: a model that names whom an event is about
is right more often than the offline reader, whose tellings they were fitted on."""
BEGIN = -3.5
_CLOSED = re.compile(
    r"(?<!be )(?<!once )(?<!when )\bclosed\b|\b(?:closes at|wired|paid in|notari[sz]ed|first clos(?:e|ing))\b"
    r"|\b(?:in|on|hit) (?:the|our) (?:account|bank)\b"
    r"|\b(?:money|funds|wires?|cash) (?:is|are|has|have|just|all)? ?(?:in|landed|arrived|cleared|here)\b",
    re.I,
)
_TERMS = re.compile(r"\bterm[- ]?sheets?\b|\bletter of intent\b|\bLOI\b|\btermsheet|タームシート", re.I)
_WORD = re.compile(r"[^\W\d_][\w'’-]{3,}")
_NAME_OF_SIGNS = re.compile(r"[ァ-ヴー]{3,}|(?:(?![様殿])[一-龥々]){3,}")
"""In Chinese and Japanese, which part no words."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What of a telling can be met again in another."""

    figures: frozenset[Figure]
    """Those that two tellings share by no accident: money from LARGE on, others from MANY on."""
    small: frozenset[Figure]
    words: frozenset[str]
    """Uncommon words in small letters: names and the terms of the trade."""


@dataclass(slots=True)
class Shared:
    """The traits of all tellings of an event so far."""

    figures: set[Figure] = field(default_factory=set)
    small: set[Figure] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    tellings: int = 0

    def add(self, traits: Traits) -> None:
        """One more telling."""
        self.figures |= traits.figures
        self.small |= traits.small
        self.words |= traits.words
        self.tellings += 1


def traits(o: Observation) -> Traits:
    """Those of a telling's quote and metrics."""
    read, words = _read(o.quote)
    figures = read | {_figure(metric.value, metric.unit) for metric in o.metrics}
    large = frozenset(figure for figure in figures if figure[0] >= (LARGE if figure[1] == MONEY else MANY))
    return Traits(large, frozenset(figure for figure in figures - large if figure[0] > 1), words)


def stage(o: Observation) -> str | None:
    """How far a round is by a telling's words: `terms` offered or signed, or `closed`; None where it does not say.
    The guide counts the two as two events."""
    if o.event_type is not EventType.FUNDING:
        return None
    if _CLOSED.search(o.quote):
        return "closed"
    return "terms" if _TERMS.search(o.quote) else None


def _figure(value: float, unit: str) -> Figure:
    """A figure as tellings share it: all money alike, as a later telling leaves the currency out, and a count of a
    thousand or more may be money."""
    is_money = (is_currency(unit)) or (unit == "count" and abs(value) >= THOUSAND)
    return abs(value), MONEY if is_money else unit


@lru_cache(maxsize=KEPT)
def _read(quote: str) -> tuple[frozenset[Figure], frozenset[str]]:
    """Figures and words of a quote; kept, as each fold of a company reads all its quotes again."""
    return frozenset(_figure(amount.value, amount.unit) for amount in find_amounts(quote)), _words(quote)


def forget() -> None:
    """Whatever was read of quotes: how long a fold takes then tells nothing of those before it."""
    _read.cache_clear()


def _words(text: str) -> frozenset[str]:
    plain = (re.sub(r"['’]s$", "", word.lower()) for word in _WORD.findall(text))
    return frozenset(_NAME_OF_SIGNS.findall(text)).union(word for word in plain if word not in everyday_words())


def log_odds(o: Observation, own: Traits, event: Shared, subjects: set[str], since: float, *, is_newest: bool) -> float:
    """Above 0 where the telling is rather of this event than of another one of its type; `since` in seconds from the
    event's last telling. `is_newest`: no other of its type was told of later."""
    found = signs(o, own, event, subjects, since, is_newest=is_newest)
    return BEGIN + sum(WEIGHTS.get(name, 0.0) * value for name, value in found.items())


def signs(
    o: Observation, own: Traits, event: Shared, subjects: set[str], since: float, *, is_newest: bool
) -> dict[str, float]:
    """What speaks for or against it, by the names of WEIGHTS: 1 for a plain sign, else how many."""
    figures, words = len(own.figures & event.figures), len(own.words & event.words)
    found = {name: 1.0 for name, span in _SPANS.items() if since < span}
    found[o.event_type.value] = found[_naming(o, subjects)] = 1.0
    if figures:
        found |= {"a shared figure": 1.0, "shared figures": min(figures, 2)}
    elif own.figures and event.figures:
        found["other figures"] = 1.0
    if not own.figures and not own.small:
        found["no figures"] = 1.0
    if small := len(own.small & event.small):
        found["shared small figures"] = min(small, 2)
    if words:
        share = words / len(own.words)
        found |= {"a shared word": 1.0, "shared words": min(words, 4), "share of its words": share}
    if is_newest:
        found["the newest"] = 1.0
    if "@" in o.sender:
        found["a mail"] = 1.0
    if event.tellings > 2:
        found["told often"] = 1.0
    return found


def shares_anything(own: Traits, event: Shared) -> bool:
    """Whether a figure, be it small, or an uncommon word is in both."""
    return bool(own.figures & event.figures or own.small & event.small or own.words & event.words)


def _naming(o: Observation, subjects: set[str]) -> str:
    """The sign that whom they are about gives."""
    if o.subject is None or not subjects:
        return "no name"
    if alike(o.subject, subjects) < SAME_NAME:
        return "another name"
    return "same name of a named type" if o.event_type in NAMED else "same name"


def named_by_either(o: Observation, own: Traits, event: Shared, subjects: set[str]) -> bool:
    """Whether the event's words name the telling's subject, or the telling's words one of the event's."""
    of_it = o.subject is not None and mentions(event.words, o.subject)
    return of_it or any(mentions(own.words, subject) for subject in subjects)


def mentions(words: Iterable[str], subject: str) -> bool:
    """Whether one of these words is of a subject's name."""
    return not _words(subject).isdisjoint(words)


def alike(subject: str, subjects: set[str]) -> float:
    """Of 100: how like the nearest of some subjects this one is."""
    return max((fuzz.token_set_ratio(subject, other) for other in subjects), default=0.0)
