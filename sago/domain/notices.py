"""Notices: what the person behind a firm's watches is told, once a day at most, before anybody else is written to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict

from sago.domain.companies import DEFAULT_FIRM, Granularity, Person
from sago.domain.events import EventType, Severity
from sago.domain.messages import CompanyId, Moment
from sago.domain.watches import Outcome


def event_key(event_id: UUID) -> str:
    """By what an event is told once: `event:<id>`."""
    return f"event:{event_id}"


class Change(StrEnum):
    """What is new of a watch, weightiest first."""

    MET = "met"
    """All that was asked for holds: write now."""
    AGAINST = "against"
    """It holds, but a setback speaks against writing."""
    OVER = "over"
    """It held when it was last told, and does no longer."""
    DRAFT = "draft"
    """A letter waits for approval that did not when it was last told."""
    CORRECTED = "corrected"
    """A figure that was told reads otherwise now, or what was withdrawn stands again."""
    WITHDRAWN = "withdrawn"
    """What was told is held no more."""
    MOVED = "moved"
    """Not yet, and nearer or further than when it was last told, or told for the first time."""


class Said(BaseModel):
    """A quote, who said it and when; sender and day are absent where nobody knows them any more."""

    model_config = ConfigDict(frozen=True)

    quote: str
    sender: str = ""
    said_at: Moment | None = None


class ToldFigure(BaseModel):
    """A figure as it is told: `before` is what it was when the person last looked, or what they were told."""

    model_config = ConfigDict(frozen=True)

    name: str
    value: float | None
    """None: it is not stated any more."""
    unit: str
    before: float | None = None


class ToldEvent(BaseModel):
    """An event as it is told."""

    model_config = ConfigDict(frozen=True)

    event_id: UUID
    kind: EventType
    severity: Severity
    title: str
    """Empty where its words were erased since."""
    occurred_at: Moment
    figures: tuple[ToldFigure, ...] = ()
    said: Said | None = None
    is_gone: bool = False
    """Whether it is told as withdrawn."""
    granularity: Granularity = Granularity.EXACT
    """How exactly its figures were shared when it was told: another one is no correction."""

    def without_words(self, event_ids: Collection[UUID]) -> ToldEvent:
        """Its id, type and day alone, if it is one of these."""
        nothing = {"title": "", "figures": (), "said": None}
        return self.model_copy(update=nothing) if self.event_id in event_ids else self


class ToldCondition(BaseModel):
    """A condition as it is told, with the event that proves it; `before` and `held_before` as last told or, the first
    time, as of the meeting."""

    model_config = ConfigDict(frozen=True)

    text: str
    label: str
    """What it is about: `ARR`, `enterprise deal`."""
    is_figure: bool
    """A figure with a unit, not a number of events."""
    op: str
    value: float
    holds: bool
    seen: float | None
    unit: str | None
    missing: str = ""
    note: str = ""
    as_of: Moment | None = None
    held_before: bool = False
    before: float | None = None
    event_id: UUID | None = None
    """Whose figure it is."""
    event: ToldEvent | None = None
    """Where the condition holds."""

    def without_words(self, event_ids: Collection[UUID]) -> ToldCondition:
        """What is left once these events are erased."""
        if self.event_id not in event_ids:
            return self
        event = self.event.without_words(event_ids) if self.event else None
        return self.model_copy(update={"seen": None, "before": None, "missing": "", "note": "", "event": event})


class ToldLetter(BaseModel):
    """The draft that waits for approval, as it would be read."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    subject: str
    body: str
    to: str
    doubts: int = 0
    """Passages that no event bears out, or another contradicts: who approves the letter answers for them."""


class Item(BaseModel):
    """One thing that is new of one watch."""

    model_config = ConfigDict(frozen=True)

    watch_id: UUID
    company_id: CompanyId
    company: str
    change: Change
    outcome: Outcome | None = None
    """What the watch says now; None where a fact is told that was corrected or withdrawn."""
    asked_by: str = ""
    """Who said no, where that is not the person who is told."""
    because: str = ""
    """The verdict's sentence."""
    conditions: tuple[ToldCondition, ...] = ()
    events: tuple[ToldEvent, ...] = ()
    more: tuple[str, ...] = ()
    """Titles of further events that are new."""
    against: tuple[ToldEvent, ...] = ()
    """What speaks against writing."""
    letter: ToldLetter | None = None
    tells: tuple[str, ...]
    """By what keys this is told once: `told.what`."""

    def without_words(self, event_ids: Collection[UUID], letter_ids: Collection[UUID]) -> Item:
        """What is left once these events and letters are erased: that it was told, and nothing of what they said."""
        gone = set(event_ids)
        keys = {event_key(each) for each in gone}
        told = {each.event_id for each in (*self.events, *self.against)}
        holds = (told | {each.event_id for each in self.conditions}) & gone
        tells = any(what.split("#")[0] in keys for what in self.tells)  # also what `more` names
        if not holds and not tells and (self.letter is None or self.letter.id not in letter_ids):
            return self
        return self.model_copy(
            update={
                "because": "",
                "conditions": tuple(each.without_words(event_ids) for each in self.conditions),
                "events": tuple(each.without_words(event_ids) for each in self.events),
                "more": (),
                "against": tuple(each.without_words(event_ids) for each in self.against),
                "letter": None,
            }
        )


class Told(NamedTuple):
    """One row of `told`, without the person: `what` is `event:<id>`, `letter:<id>`, a firing's window or a state; a
    `#2` behind it counts its tellings, for what went back and forth."""

    watch_id: UUID
    what: str


class Notice(BaseModel):
    """One row of `notices`: what one person is told on one day of theirs. Without items it went nowhere: it only keeps
    that there was nothing to tell."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    firm_id: str = DEFAULT_FIRM
    """Whose watches it tells of: those of no other."""
    email: str
    """As `address_of` writes it."""
    recipient: Person
    day: date
    """Where the person is."""
    items: tuple[Item, ...] = ()
    held_over: tuple[str, ...] = ()
    """For each item that did not fit in the company's name; it is told the next day."""
    created_at: Moment

    @property
    def told(self) -> frozenset[Told]:
        """What it tells."""
        return frozenset(Told(item.watch_id, what) for item in self.items for what in item.tells)

    def without_words(self, event_ids: Collection[UUID], letter_ids: Collection[UUID]) -> Notice:
        """Of its items what is left once these events and letters are erased."""
        return self.model_copy(
            update={"items": tuple(item.without_words(event_ids, letter_ids) for item in self.items)}
        )

    @property
    def companies(self) -> tuple[str, ...]:
        """Names of the companies it tells of, in their order."""
        return tuple(dict.fromkeys(item.company for item in self.items))


def notice_id(firm_id: str, email: str, day: date) -> UUID:
    """The same for one person's day and the watches of one firm, however often its notice is made."""
    return uuid5(NAMESPACE_URL, f"sago:notice:{firm_id}:{email}:{day.isoformat()}")
