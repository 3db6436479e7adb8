"""What a letter tells of one event: a clause where it can be one, else the title, else the proof's own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from sago.domain.companies import Granularity
from sago.domain.events import Event, EventType
from sago.domain.letters import LetterRequest
from sago.domain.watches import Direction, Outcome
from sago.domain.wording import day
from sago.llm.letters.clauses import ON, SAID, WE, YOU, Sides, clause, is_known
from sago.llm.letters.days import day_of, time_of
from sago.llm.letters.figures import level_clause, level_of, telling_figures
from sago.llm.letters.phrasing import capital, one_line

THEMES = {
    EventType.REVENUE_MILESTONE: "Revenue",
    EventType.ENTERPRISE_DEAL: "Customers",
    EventType.CUSTOMER_SUCCESS: "Customers",
    EventType.USER_GROWTH: "Usage",
    EventType.FUNDING: "Funding",
    EventType.INVESTOR_INTEREST: "Funding",
    EventType.PARTNERSHIP: "Market",
    EventType.MARKET_EXPANSION: "Market",
    EventType.MEDIA_COVERAGE: "Market",
    EventType.PRODUCT_LAUNCH: "Product",
    EventType.TECHNICAL_ACHIEVEMENT: "Product",
    EventType.COMPLIANCE: "Product",
    EventType.HIRING: "Team",
    EventType.SETBACK: "Setback",
}
LONGEST_QUOTE = 120
_NOUNS = {
    EventType.REVENUE_MILESTONE: "On revenue",
    EventType.ENTERPRISE_DEAL: "An enterprise deal",
    EventType.CUSTOMER_SUCCESS: "A customer’s own result",
    EventType.USER_GROWTH: "On usage",
    EventType.FUNDING: "On funding",
    EventType.INVESTOR_INTEREST: "An investor’s interest",
    EventType.PARTNERSHIP: "A partnership",
    EventType.MARKET_EXPANSION: "A new market",
    EventType.MEDIA_COVERAGE: "In the press",
    EventType.PRODUCT_LAUNCH: "A release",
    EventType.TECHNICAL_ACHIEVEMENT: "On the product",
    EventType.COMPLIANCE: "On compliance",
    EventType.HIRING: "A hire",
    EventType.SETBACK: "A setback",
}
"""What the proof's own words are introduced with."""
_TURNING = re.compile(r"\b(?:no\w*|\w+n['’]t|never|cannot|without|will|would|could|if|but|except|unless)\b", re.I)
_LEVELS = (EventType.REVENUE_MILESTONE, EventType.USER_GROWTH)


_MONTHS = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATED = re.compile(rf"\b\d{{1,2}}(?:st|nd|rd|th)? {_MONTHS}\b|\b{_MONTHS} \d{{1,2}}(?:st|nd|rd|th)?\b")
"""A title that names a day gets no second one."""


class Manner(IntEnum):
    """How well an event can be told, best first."""

    CLAUSE = 0
    TITLE = 1
    QUOTE = 2


class Telling(NamedTuple):
    """One event in words. `text` has neither day nor stop; a clause begins in small letters unless with a name."""

    event: Event
    manner: Manner
    text: str
    when: str
    """` on 14 November`, ` in October`, or the bare day beside a title."""

    @property
    def theme(self) -> str:
        return THEMES[self.event.event_type]

    @property
    def clause(self) -> str:
        """With its day, to stand inside a sentence; only of a CLAUSE."""
        said = f" ({self.when.removeprefix(' on ').strip()})" if self.when else ""
        if ON in self.text or SAID in self.text:
            return self.text.replace(ON, self.when).replace(SAID, said)
        return f"{self.text}{self.when}"

    @property
    def sentence(self) -> str:
        if self.manner is Manner.CLAUSE:
            return f"{capital(self.clause)}."
        if self.manner is Manner.TITLE:
            return f"{capital(self.text)}." if _DATED.search(self.text) else f"{capital(self.text)} ({self.when})."
        return f"{_NOUNS[self.event.event_type]}, on {self.when}: “{self.text}”."


def sides(request: LetterRequest) -> Sides:
    """Who the company is in this letter."""
    return YOU if request.watch.direction is Direction.TO_FOUNDER else WE


def tell(event: Event, request: LetterRequest) -> Telling:
    """The event as well as it can be told."""
    side = sides(request)
    is_exact = request.granularity is Granularity.EXACT
    text = level_clause(event, side.own, request.metric_points) if is_exact and _is_level(event) else ""
    text = text or clause(event, side)
    if text:
        return Telling(event, Manner.CLAUSE, text, _when(event, request))
    when = day(event.occurred_at, beside=request.as_of)
    if is_known(event):
        return Telling(event, Manner.QUOTE, _cut(event.evidence[0].quote), when)
    if not _is_quote(event):
        return Telling(event, Manner.TITLE, _title(event), when)
    return Telling(event, Manner.QUOTE, _cut(event.title), when)


def tellable(events: Iterable[Event], request: LetterRequest) -> list[Telling]:
    """What a letter tells beside its answers: the proof's own words only where an update has nothing else, and to a
    founder no word of what other investors do."""
    is_update = request.verdict.outcome is not Outcome.NOW
    told = [tell(event, request) for event in events if event.event_type is not EventType.SETBACK]
    if request.watch.direction is Direction.TO_FOUNDER:
        told = [each for each in told if each.event.event_type is not EventType.INVESTOR_INTEREST] or told
    told = [each for each in told if not _hides(each.text)] or told
    return _each_once([each for each in told if each.manner is not Manner.QUOTE] or told[: int(is_update)])


def by_theme(told: Sequence[Telling]) -> list[Telling]:
    """Together what belongs together; themes and what belongs to each in the order given."""
    order = list(dict.fromkeys(each.theme for each in told))
    return sorted(told, key=lambda each: order.index(each.theme))


def _is_level(event: Event) -> bool:
    """A level's figures say more than its title; another event's title names whom it is about."""
    return event.event_type in _LEVELS and bool(telling_figures(event))


def _title(event: Event) -> str:
    """Thousands of euros in the form that figures have elsewhere."""
    title = one_line(event.title).rstrip(".!")
    return re.sub(r"\b(\d[\d.,]*) ?T€", r"€\1k", title)


def _each_once(told: Sequence[Telling]) -> list[Telling]:
    seen: dict[str, Telling] = {}
    for each in told:
        seen.setdefault(each.text.casefold(), each)
    return list(seen.values())


def _hides(text: str) -> bool:
    return "[not shared]" in text or "[…]" in text


def _is_quote(event: Event) -> bool:
    """Whether the title is no more than what somebody wrote."""
    title = _letters(event.title)
    return any(title in _letters(proof.quote) for proof in event.evidence)


def _letters(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _cut(text: str) -> str:
    """As it was written; a long one without its last parts, where these turn nothing round and no figure is torn."""
    text = one_line(text).rstrip("….").strip()
    ends = [match.start() for match in re.finditer(r"[.;:!?,](?=\s)", text[:LONGEST_QUOTE])]
    if len(text) <= LONGEST_QUOTE or not ends or ends[-1] < LONGEST_QUOTE // 3 or _TURNING.search(text[ends[-1] :]):
        return text
    return text[: ends[-1]]


def _when(event: Event, request: LetterRequest) -> str:
    """When its leading figure was, of a level; else the day it was first said."""
    lead = level_of(event) if _is_level(event) else None
    return time_of(lead, event, request.metric_points, request.as_of) if lead else day_of(event, request.as_of)
