"""Companies, watches, verdicts and letters: why somebody said no, and what is said when the reason is gone."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.events import Event, Evidence, Metric, MetricPoint
from sago.domain.messages import CompanyId, Moment

DEFAULT_FIRM = "default"


class ModelPolicy(StrEnum):
    """Where a company's messages may be read: only here, on the house's own servers, or at a vendor's."""

    OFFLINE = "offline"
    OWN_HOUSE = "own_house"
    VENDOR = "vendor"

    def allows(self, place: ModelPolicy) -> bool:
        """Whether text under this policy may go to a model at `place`: to that far, or nearer."""
        order = list(ModelPolicy)
        return order.index(place) <= order.index(self)


class Company(BaseModel):
    """A company whose messages are watched; `founder` signs letters in its name."""

    model_config = ConfigDict(frozen=True)

    company_id: CompanyId
    name: str
    founder: str | None = None
    founder_title: str = "CEO"
    founder_email: str | None = None
    model_policy: ModelPolicy = ModelPolicy.OFFLINE


class Person(BaseModel):
    """A name with an address, as in `Dana Reed <dana@northgate.example>`."""

    model_config = ConfigDict(frozen=True)

    name: str
    email: str | None = None


class Direction(StrEnum):
    """`to_founder`: the investor writes to the founder; `to_investor`: the founder's company update."""

    TO_FOUNDER = "to_founder"
    TO_INVESTOR = "to_investor"


class Condition(BaseModel):
    """`arr >= 2000000` (the newest point of a metric) or `enterprise_deal >= 1` (events since the meeting)."""

    model_config = ConfigDict(frozen=True)

    text: str
    """As the person wrote it."""
    kind: Literal["metric", "count"]
    name: str
    op: Literal[">=", ">", "<=", "<", "==", "!="]
    value: float


class Watch(BaseModel):
    """Why a person said no, as testable conditions. A watch without conditions is a periodic company update."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    firm_id: str = DEFAULT_FIRM
    company_id: CompanyId
    investor: Person | None = None
    met_on: date | None = None
    reason: str = ""
    conditions: tuple[Condition, ...] = ()
    direction: Direction = Direction.TO_INVESTOR
    created_at: Moment
    is_active: bool = True


class Outcome(StrEnum):
    """The three verdicts, and `update` for a watch that has no conditions."""

    NOW = "now"
    NOT_YET = "not_yet"
    DO_NOT_WRITE = "do_not_write"
    UPDATE = "update"


class ConditionResult(BaseModel):
    """A condition against today's facts: whether it holds, what was seen, what is missing, and the proof."""

    model_config = ConfigDict(frozen=True)

    condition: Condition
    holds: bool
    seen: float | None
    unit: str | None = None
    missing: str = ""
    """For a person: `1.4M of 2M`, or `no enterprise deal since 2 March`."""
    note: str = ""
    """How the figure was come by where nobody stated it: `MRR $450k → ARR $5.4M`."""
    proof: tuple[Evidence, ...] = ()
    event_id: UUID | None = None
    as_of: Moment | None = None


class Verdict(BaseModel):
    """What a watch says as of a moment, with its reasons; `against` are setbacks that speak against writing."""

    model_config = ConfigDict(frozen=True)

    watch: Watch
    outcome: Outcome
    results: tuple[ConditionResult, ...] = ()
    against: tuple[Event, ...] = ()
    because: str
    as_of: Moment


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
