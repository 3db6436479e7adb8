"""How much an event weighs for somebody who waits, what speaks against it, and what was promised and kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.events import EventType, Evidence, Severity
from sago.domain.messages import Moment

HALF_LIFE_DAYS = 30.0
HALF_LIVES: Mapping[EventType, float] = MappingProxyType(
    {
        EventType.FUNDING: 60.0,
        EventType.COMPLIANCE: 90.0,
        EventType.HIRING: 45.0,
        EventType.SETBACK: 45.0,
        EventType.MEDIA_COVERAGE: 14.0,
    }
)
"""Of the types that stay news for longer, or less long, than HALF_LIFE_DAYS."""
WORTH_A_LETTER = 1.0
"""The score from which an update is worth writing: a medium launch is, a mention in the press by itself is not."""


class Scale(BaseModel):
    """What scores are measured with."""

    model_config = ConfigDict(frozen=True)

    default_half_life_days: float = Field(HALF_LIFE_DAYS, gt=0)
    half_life_days: Mapping[EventType, float] = Field(default_factory=lambda: dict(HALF_LIVES))
    threshold: float = Field(WORTH_A_LETTER, ge=0)
    """Of an update: below it there is nothing worth a letter."""

    def half_life(self, event_type: EventType) -> float:
        """Days after which an event of this type counts half as much."""
        return self.half_life_days.get(event_type, self.default_half_life_days)

    def decay(self, age: timedelta, event_type: EventType | None = None) -> float:
        """What is left of 1 after that time: of a fact of this type, or of any. Never more than 1."""
        half_life = self.half_life(event_type) if event_type else self.default_half_life_days
        return float(0.5 ** (max(age.total_seconds(), 0.0) / 86_400 / half_life))


DEFAULT_SCALE = Scale()


class Score(BaseModel):
    """What one event weighs: `value` is the product of `points`, `weight`, `novelty` and `decay`."""

    model_config = ConfigDict(frozen=True)

    event_id: UUID
    severity: Severity
    points: float
    """3 for high, 2 for medium, 1 for low."""
    weight: float
    """Of the type: the watch's own, else the catalogue's."""
    novelty: float
    decay: float
    value: float
    because: str
    """The parts in one line."""


class NewlyMet(BaseModel):
    """A condition met since the last look: `value`, `points` × `decay`, is added to the verdict's score."""

    model_config = ConfigDict(frozen=True)

    condition: str
    since: date
    points: float
    decay: float
    value: float
    because: str


class CounterEvidence(BaseModel):
    """A fact that speaks against writing, told beside the verdict; it blocks nothing by itself."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["setback", "fall", "contradiction", "denial"]
    text: str
    """`ARR fell from $2.1M on 2 March to $1.9M on 1 April`."""
    proof: Evidence
    event_id: UUID | None = None
    at: Moment
    strength: float
    """On the scale of scores."""


class Fate(StrEnum):
    """What became of a promise as of a moment."""

    REACHED = "reached"
    LATE = "late"
    MISSED = "missed"
    OPEN = "open"


class Promise(BaseModel):
    """What was planned for a day, and what was said of it later: both with their words."""

    model_config = ConfigDict(frozen=True)

    what: str
    """`$1M ARR`, `SOC 2 report issued`."""
    due: date
    """The last day of the period that was named."""
    fate: Fate
    text: str
    """`$1M ARR by 31 May: reached on 12 June, 12 days late`."""
    said_at: Moment
    plan: Evidence
    fact: Evidence | None = None
    fact_at: Moment | None = None
    event_id: UUID | None = None
    """Of the fact."""


class Arrivals(NamedTuple):
    """Messages of one source sent on one day (UTC)."""

    source: str
    day: date
    messages: int


class Gap(BaseModel):
    """Days without messages where there usually are some: a company that is silent, or a source that broke.

    `source` is None where no source has any.
    """

    model_config = ConfigDict(frozen=True)

    source: str | None = None
    last: date
    """The day of the last message."""
    days: int
    usual: int
    """Messages a week before that."""
    text: str
