"""Whether a telling tells an event again that is already known: log-odds from what the two share.

People tell one thing in many words: `ink is dry`, then `Halcrest, 70 million`, on Friday `Halcrest closed`. What
decides is how long after the last telling it is said, which figures and uncommon words it shares, and whom it is about.
The weights are those of a logistic regression over the tellings of the labelled companies, rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from sago.domain.amounts import find_amounts
from sago.domain.events import EventType, Observation
from sago.domain.everyday import everyday_words

NAMED = frozenset({
    EventType.ENTERPRISE_DEAL, EventType.PARTNERSHIP, EventType.HIRING, EventType.CUSTOMER_SUCCESS,
    EventType.INVESTOR_INTEREST, EventType.MEDIA_COVERAGE,
})  # fmt: skip
"""Types whose events are told apart by whom they are about."""
SAME_NAME = 90
"""Of 100: how alike two subjects must be (rapidfuzz token_set_ratio) to be one."""
OTHER_NAME = 60
"""Of 100: less alike than this they are two."""
LARGE = 10
"""From here on a figure that two tellings share is no accident."""
_HOUR, _DAY = 3600.0, 86400.0
_WITHIN = (
    (_HOUR / 2, 2.0), (2.4 * _HOUR, 0.6), (_DAY / 2, 1.3), (1.5 * _DAY, 1.1), (4 * _DAY, 0.8), (9 * _DAY, 0.6),
    (20 * _DAY, 0.7),
)  # fmt: skip
"""Seconds since the last telling, and what each span that holds it adds."""
_OF_TYPE = {
    EventType.HIRING: 1.5, EventType.INVESTOR_INTEREST: 1.2, EventType.USER_GROWTH: 0.4, EventType.PARTNERSHIP: 0.3,
    EventType.TECHNICAL_ACHIEVEMENT: -0.4, EventType.MEDIA_COVERAGE: -0.5, EventType.SETBACK: -0.8,
    EventType.ENTERPRISE_DEAL: -0.8, EventType.REVENUE_MILESTONE: -1.0,
}  # fmt: skip
"""How seldom or often a company has two such events at a time; the others add nothing."""
_BEGIN = -2.2
_WORD = re.compile(r"[^\W\d_][\w'’-]{3,}")


@dataclass(frozen=True, slots=True)
class Traits:
    """What of a telling can be met again in another."""

    figures: frozenset[float]
    """From LARGE on, whatever their unit: a later telling often leaves it out."""
    small: frozenset[float]
    words: frozenset[str]
    """Uncommon words in small letters: names and the terms of the trade."""


@dataclass(slots=True)
class Shared:
    """The traits of all tellings of an event so far."""

    figures: set[float] = field(default_factory=set)
    small: set[float] = field(default_factory=set)
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
    figures = {abs(amount.value) for amount in find_amounts(o.quote)} | {abs(metric.value) for metric in o.metrics}
    return Traits(
        frozenset(figure for figure in figures if figure >= LARGE),
        frozenset(figure for figure in figures if 1 < figure < LARGE),
        _words(o.quote),
    )


def _words(text: str) -> frozenset[str]:
    plain = (re.sub(r"['’]s$", "", word.lower()) for word in _WORD.findall(text))
    return frozenset(word for word in plain if word not in everyday_words())


def log_odds(o: Observation, own: Traits, event: Shared, subjects: set[str], since: float) -> float:
    """Above 0 where the telling is rather of this event than of another one of its type; `since` in seconds from the
    event's last telling."""
    score = _BEGIN + _OF_TYPE.get(o.event_type, 0.0)
    score += sum(weight for span, weight in _WITHIN if since < span)
    figures = len(own.figures & event.figures)
    words = len(own.words & event.words)
    score += 1.4 * (figures > 0) + 1.8 * min(figures, 2) + 0.8 * min(len(own.small & event.small), 2)
    score += 1.5 * (words > 0) + 0.5 * min(words, 4)
    score += _named(o, own, event, subjects)
    score -= 1.3 * bool(own.figures and event.figures and not figures)
    score += 0.4 * (not own.figures and not own.small) + 0.9 * ("@" in o.sender)
    return score - 1.1 * (event.tellings > 2)


def _named(o: Observation, own: Traits, event: Shared, subjects: set[str]) -> float:
    """Two names speak against it, less so where one of them stands in the other's words."""
    if o.subject is None or not subjects:
        return -0.6
    likeness = alike(o.subject, subjects)
    if likeness >= SAME_NAME:
        return 2.5 if o.event_type in NAMED else 1.0
    if likeness >= OTHER_NAME:
        return 0.0
    return -1.0 if named_by_either(o, own, event, subjects) else -4.0


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
