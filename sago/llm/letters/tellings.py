"""What a letter tells of one event: a clause where it can be one, else the title, else the proof's own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from sago.domain.companies import Granularity
from sago.domain.events import Event, EventType, Evidence
from sago.domain.letters import LetterRequest
from sago.domain.watches import Direction, Outcome
from sago.domain.wording import one_line
from sago.llm.letters.clauses import ON, SAID, WE, YOU, Sides, clause, is_known
from sago.llm.letters.days import day_of, time_of
from sago.llm.letters.facts import fact, is_prose, prose
from sago.llm.letters.figures import level_clause, level_of, telling_figures
from sago.llm.letters.phrasing import capital
from sago.llm.letters.titles import (
    as_clause,
    as_level,
    bare_title,
    is_qualified,
    is_speech,
    noun,
    owned,
    told_title,
)

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
_NOUNS = {
    EventType.REVENUE_MILESTONE: "On revenue",
    EventType.ENTERPRISE_DEAL: "An enterprise deal",
    EventType.CUSTOMER_SUCCESS: "A customer’s result",
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
_LEVELS = (EventType.REVENUE_MILESTONE, EventType.USER_GROWTH)


_MONTHS = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATED = re.compile(rf"\b{_MONTHS}\b")
"""What names a day or its month gets no second one."""
_DONE = re.compile(r"\b(?:signed|renewed|closed|granted|awarded|passed|reached|approved|launched|received|released)\b")
_COUNT = re.compile(r"\d[\d,.kM–]* (?:[a-z-]+ ){0,3}[a-z]+s")
"""`12,000 active users`, also in a band."""
_LONGEST_DATED = 75
_OWN_KINDS = frozenset(
    {
        EventType.REVENUE_MILESTONE, EventType.USER_GROWTH, EventType.TECHNICAL_ACHIEVEMENT, EventType.PRODUCT_LAUNCH,
        EventType.FUNDING, EventType.COMPLIANCE, EventType.HIRING,
    }
)  # fmt: skip
"""Kinds of events that are about what is the company's own."""


class Manner(IntEnum):
    """How well an event can be told, best first: in our own clause, by a title that names a thing, by another title, by
    a sentence of its proof, or by no more than its kind."""

    CLAUSE = 0
    NOUN = 1
    TITLE = 2
    QUOTE = 3
    FACT = 4


class Telling(NamedTuple):
    """One event in words. `text` has neither day nor stop; a clause begins in small letters unless with a name."""

    event: Event
    manner: Manner
    text: str
    when: str
    """` on 14 November`, ` in October`, or nothing."""
    teller: str = "I noted"
    """How the letter brings in what is no clause."""

    @property
    def theme(self) -> str:
        return THEMES[self.event.event_type]

    @property
    def said(self) -> str:
        """` (14 November)`."""
        return f" ({self.when.removeprefix(' on ').strip()})" if self.when else ""

    @property
    def clause(self) -> str:
        """With its day, to stand inside a sentence."""
        if self.manner is Manner.FACT:
            return f"{self.teller} {self.text}{self.when}"
        if self.manner is not Manner.CLAUSE:
            return f"{self.teller} {self.text}{self.said}"
        if ON in self.text or SAID in self.text:
            return self.text.replace(ON, self.when).replace(SAID, self.said)
        return f"{self.text}{self.when}"

    @property
    def found(self) -> str:
        """As a sentence that nobody in it says or sees."""
        if self.manner is Manner.FACT:
            return f"There was {self.text}{self.when}."
        thing = re.sub(r"^(?:your|our) ", "the ", self.text)
        return f"There was {thing}{self.said}." if self.manner is Manner.NOUN else self.sentence

    @property
    def sentence(self) -> str:
        if self.manner is Manner.TITLE:
            return f"{capital(self.text)}{self.said}."
        if self.manner is Manner.QUOTE:
            return f"{_NOUNS[self.event.event_type]}{',' if self.when else ''}{self.when}: “{self.text}”."
        return f"{capital(self.clause)}."

    @property
    def line(self) -> str:
        """As an entry of a list."""
        if self.manner is Manner.NOUN:
            return f"{capital(re.sub(r'^(?:the|an?|your|our) ', '', self.text))}{self.said}."
        return f"{capital(self.text)}{self.when}." if self.manner is Manner.FACT else self.sentence


def sides(request: LetterRequest) -> Sides:
    """Who the company is in this letter."""
    return YOU if request.watch.direction is Direction.TO_FOUNDER else WE


def tell(event: Event, request: LetterRequest) -> Telling:
    """The event as well as it can be told."""
    teller = "I noted" if sides(request) is YOU else "we can report"
    title, when = told_title(event.title), day_of(event, request.as_of)
    is_whole = title != "" and is_qualified(title)
    if not is_whole and (text := _own_clause(event, request)):
        return Telling(event, Manner.CLAUSE, text, "" if _DATED.search(text) else _when(event, request))
    if is_whole and is_speech(title):
        return Telling(event, Manner.QUOTE, title, when)
    if not is_whole and (is_known(event) or not title or is_speech(title) or _is_chat(event, title)):
        if proof := _to_quote(event):
            return Telling(event, Manner.QUOTE, one_line(proof.quote).rstrip("."), when)
        return Telling(event, Manner.FACT, fact(event, request.granularity), when, teller)
    when = "" if _DATED.search(title) else when
    if event.event_type is EventType.SETBACK:
        return Telling(event, Manner.TITLE, title, when)
    own = sides(request).own if event.event_type in _OWN_KINDS else ""
    if text := as_clause(title, _quotes(event)) or as_level(title, _quotes(event)):
        return Telling(event, Manner.CLAUSE, _dated(owned(text, own) if own else text), when)
    if text := noun(title):
        return Telling(event, Manner.NOUN, owned(text, own) if own else text, when, teller)
    return Telling(event, Manner.TITLE, title, when)


def _to_quote(event: Event) -> Evidence | None:
    """A sentence of its proofs; one in the first person only where the kind tells who speaks, or it is a setback."""
    proof = prose(event)
    is_named = event.event_type in (EventType.CUSTOMER_SUCCESS, EventType.SETBACK)
    return proof if proof and not _hides(proof.quote) and (is_named or not is_speech(proof.quote)) else None


def _own_clause(event: Event, request: LetterRequest) -> str:
    """The clause of a level's figure, or of a title in a form of our own readers."""
    is_exact = request.granularity is Granularity.EXACT
    side = sides(request)
    text = level_clause(event, side.own, request.metric_points) if is_exact and _is_level(event) else ""
    if not text and event.event_type is EventType.USER_GROWTH and _COUNT.fullmatch(bare_title(event.title)):
        return f"{side.who} reached {bare_title(event.title)}"
    return text or clause(event, side)


def _dated(text: str) -> str:
    """With the place of its day: behind what was done that day, in brackets where the sentence says more."""
    is_plain = _DONE.search(text) and len(text) <= _LONGEST_DATED and not re.search("[,;:(]", text)
    return f"{text}{ON if is_plain else SAID}"


def _quotes(event: Event) -> str:
    return " ".join(proof.quote for proof in event.evidence)


def tellable(events: Iterable[Event], request: LetterRequest) -> list[Telling]:
    """What a letter tells beside its answers: the proof's own words only where an update has nothing else, and to a
    founder no word of what other investors do."""
    is_update = request.verdict.outcome is not Outcome.NOW
    told = [tell(event, request) for event in events if event.event_type is not EventType.SETBACK]
    if request.watch.direction is Direction.TO_FOUNDER:
        told = [each for each in told if each.event.event_type is not EventType.INVESTOR_INTEREST] or told
    told = [each for each in told if not _hides(each.text)] or told
    return _each_once([each for each in told if each.manner < Manner.QUOTE] or told[: int(is_update)])


def by_theme(told: Sequence[Telling]) -> list[Telling]:
    """Together what belongs together; themes and what belongs to each in the order given."""
    order = list(dict.fromkeys(each.theme for each in told))
    return sorted(told, key=lambda each: order.index(each.theme))


def _is_level(event: Event) -> bool:
    """A level's figures say more than its title; another event's title names whom it is about."""
    return event.event_type in _LEVELS and bool(telling_figures(event))


def _each_once(told: Sequence[Telling]) -> list[Telling]:
    seen: dict[str, Telling] = {}
    for each in told:
        seen.setdefault(each.text.casefold(), each)
    return list(seen.values())


def _hides(text: str) -> bool:
    return "[not shared]" in text or "[…]" in text


def _is_chat(event: Event, title: str) -> bool:
    """Whether the title is no more than what somebody wrote, and no sentence."""
    written = _letters(event.title)
    return not is_prose(title) and any(written in _letters(proof.quote) for proof in event.evidence)


def _letters(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _when(event: Event, request: LetterRequest) -> str:
    """When its leading figure was, of a level; else the day it was first said."""
    lead = level_of(event) if _is_level(event) else None
    return time_of(lead, event, request.metric_points, request.as_of) if lead else day_of(event, request.as_of)
