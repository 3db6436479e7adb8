"""Letters: what one may draw on, what a provider composes, and the row it becomes."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.companies import DEFAULT_FIRM, Company, Person
from sago.domain.events import Event, Metric, MetricPoint
from sago.domain.messages import CompanyId, Moment
from sago.domain.watches import Verdict, Watch


class Highlight(BaseModel):
    """One line of a letter: a heading, a sentence, and the event it rests on."""

    model_config = ConfigDict(frozen=True)

    heading: str
    text: str
    event_id: UUID


class LetterRequest(BaseModel):
    """All a letter may draw on: nothing outside these events can be said.

    `objections` are what was found wrong with the draft before this one; empty the first time.
    """

    model_config = ConfigDict(frozen=True)

    company: Company
    watch: Watch
    verdict: Verdict
    events: tuple[Event, ...]
    metric_points: tuple[MetricPoint, ...] = ()
    as_of: Moment
    objections: tuple[str, ...] = ()


class LetterDraft(BaseModel):
    """What a provider composes; checked afterwards against the events of the request."""

    model_config = ConfigDict(frozen=True)

    subject: str = Field(min_length=5, max_length=90)
    body: str = Field(min_length=20)
    highlights: tuple[Highlight, ...] = ()
    metrics: tuple[Metric, ...] = ()


class LetterState(StrEnum):
    """draft → approved → sent, or rejected, expired, superseded (its events changed), unknown (for a person)."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENT = "sent"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"

    @property
    def is_live(self) -> bool:
        """Whether the letter fills its window: at most one live letter a (watch, window). An unknown one does: it may
        have been sent."""
        return self in (LetterState.DRAFT, LetterState.APPROVED, LetterState.SENT, LetterState.UNKNOWN)


class DueLetter(NamedTuple):
    """A watch that is due a letter as of a moment."""

    watch_id: UUID
    as_of: Moment


class CompositionState(StrEnum):
    """due → done (composed, or nothing new to say) | failed, until somebody asks anew."""

    DUE = "due"
    DONE = "done"
    FAILED = "failed"


class Composition(BaseModel):
    """One row of `compositions`: a due letter and what became of it."""

    model_config = ConfigDict(frozen=True)

    watch_id: UUID
    as_of: Moment
    state: CompositionState = CompositionState.DUE
    attempts: int = 0
    """Begun ones; those that met an outage or a wrong setting are given back."""
    retry_at: Moment
    """Not begun before: the end of a lease, or of a wait."""
    next_attempt_at: Moment
    """When its task is sent again."""
    error: str | None = None


class Letter(BaseModel):
    """One row of `outreach`: a composed letter and the events it cites. `window` is YYYY-MM or the firing's name."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    firm_id: str = DEFAULT_FIRM
    watch_id: UUID
    company_id: CompanyId
    window: str
    state: LetterState = LetterState.DRAFT
    sender: Person
    recipient: Person | None
    draft: LetterDraft
    event_ids: tuple[UUID, ...]
    composed_by: str
    created_at: Moment
