"""Significant events: the 14 types, what a provider finds, what is observed, and what observations fold into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.messages import CompanyId, MessageKey, Moment


class EventType(StrEnum):
    """The types of event an investor would change their view for; `CATALOGUE` says what each means."""

    USER_GROWTH = "user_growth"
    REVENUE_MILESTONE = "revenue_milestone"
    FUNDING = "funding"
    PARTNERSHIP = "partnership"
    PRODUCT_LAUNCH = "product_launch"
    HIRING = "hiring"
    ENTERPRISE_DEAL = "enterprise_deal"
    TECHNICAL_ACHIEVEMENT = "technical_achievement"
    MARKET_EXPANSION = "market_expansion"
    COMPLIANCE = "compliance"
    MEDIA_COVERAGE = "media_coverage"
    INVESTOR_INTEREST = "investor_interest"
    CUSTOMER_SUCCESS = "customer_success"
    SETBACK = "setback"


class Severity(StrEnum):
    """How much the event moves an investor's view."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """3 for high, 2 for medium, 1 for low."""
        return {"high": 3, "medium": 2, "low": 1}[self.value]


class Status(StrEnum):
    """What the speaker does with the fact; only `actual` makes an event."""

    ACTUAL = "actual"
    PLANNED = "planned"
    HYPOTHETICAL = "hypothetical"
    DENIED = "denied"


class EventKind(NamedTuple):
    """One row of the catalogue: the word people read, what belongs and its weight in a letter (0 to 1)."""

    label: str
    meaning: str
    weight: float


CATALOGUE: dict[EventType, EventKind] = {
    EventType.FUNDING: EventKind("Funding", "money committed: term sheet, round, grant, debt", 1.0),
    EventType.REVENUE_MILESTONE: EventKind("Revenue", "MRR, ARR, bookings, NRR, profitability reached", 1.0),
    EventType.ENTERPRISE_DEAL: EventKind("Enterprise deal", "a named customer signed, renewed or expanded", 0.9),
    EventType.SETBACK: EventKind("Setback", "churn, outage, lost deal, departure, breach, fallen metric", 0.9),
    EventType.USER_GROWTH: EventKind("User growth", "users, sign-ups, DAU or MAU reached a figure", 0.8),
    EventType.INVESTOR_INTEREST: EventKind("Investor interest", "an investor asked in or began diligence", 0.8),
    EventType.PARTNERSHIP: EventKind("Partnership", "an alliance or reseller agreement signed", 0.7),
    EventType.MARKET_EXPANSION: EventKind("Market expansion", "a country, segment or office opened", 0.7),
    EventType.PRODUCT_LAUNCH: EventKind("Product launch", "a product or major feature available to users", 0.6),
    EventType.COMPLIANCE: EventKind("Compliance", "an audit passed, a licence or certificate granted", 0.6),
    EventType.CUSTOMER_SUCCESS: EventKind("Customer success", "a customer's own result, reference or praise", 0.6),
    EventType.TECHNICAL_ACHIEVEMENT: EventKind("Technical", "a measured technical result that matters", 0.5),
    EventType.HIRING: EventKind("Hiring", "a senior or named hire, a team-size milestone", 0.5),
    EventType.MEDIA_COVERAGE: EventKind("Media", "a named outlet wrote, an award won", 0.4),
}


class Metric(BaseModel):
    """A figure stated for an event: `value` is a plain number, `unit` one of the labelling guide's units.

    Units: an ISO 4217 code, percent, bps, count, x, ms, seconds, minutes, hours, days, weeks, months, years, or the
    plural English name of a physical unit. `name` is a canonical name of `sago.domain.metrics` where one fits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    value: float = Field(allow_inf_nan=False)
    unit: str = Field(min_length=1, max_length=32)


class Finding(BaseModel):
    """What a provider says it found in one message, before grounding.

    `quote` must stand to the letter in the message's text; `start`, where given, is the code point the provider means
    when the quote occurs twice. `subject` names the counterpart or thing the fact is about (customer, investor,
    product, person), so that two tellings of one fact can meet. `corrects` says that the figures replace earlier ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    quote: str = Field(min_length=1)
    start: int | None = None
    event_type: EventType
    status: Status = Status.ACTUAL
    severity: Severity = Severity.MEDIUM
    title: str = Field(min_length=5, max_length=200)
    description: str = ""
    impact: str = ""
    subject: str | None = Field(None, max_length=200)
    metrics: tuple[Metric, ...] = ()
    stakeholders: tuple[str, ...] = ()
    corrects: bool = False


class Observation(BaseModel):
    """A grounded finding: append-only, the ground that events are folded from. Offsets count code points."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    company_id: CompanyId
    message_id: str
    version: int = 0
    source: str
    sender: str
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    quote: str
    event_type: EventType
    status: Status
    severity: Severity
    title: str = Field(min_length=5, max_length=200)
    description: str = ""
    impact: str = ""
    subject: str | None = None
    metrics: tuple[Metric, ...] = ()
    stakeholders: tuple[str, ...] = ()
    corrects: bool = False
    extractor: str
    extractor_version: str
    said_at: Moment
    recorded_at: Moment

    @property
    def key(self) -> MessageKey:
        return MessageKey(self.message_id, self.version)


class Extraction(BaseModel):
    """A finished reading of one message version by one extractor version, also when it found nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    company_id: CompanyId
    message_id: str
    version: int
    extractor: str
    extractor_version: str
    finished_at: Moment


class Rejection(BaseModel):
    """A person's word that an event is wrong; it survives every fold until a person takes it back, and is kept then
    with who did so, when and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    company_id: CompanyId
    event_id: UUID
    because: str = Field(min_length=1)
    rejected_by: str
    rejected_at: Moment
    restored_by: str | None = None
    restored_at: Moment | None = None
    restored_because: str | None = None

    @property
    def is_in_force(self) -> bool:
        return self.restored_at is None


class Evidence(BaseModel):
    """A quote and where it stands: code points `start` to `end` of the named message's text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    quote: str
    start: int
    end: int


class Event(BaseModel):
    """One thing that happened to one company, with its proofs; a row of `significant_events`.

    `id` is uuid5 of company, type, the earliest proof's message id and an ordinal. `occurred_at` is the earliest
    proof's said time. `timeline` tells the tellings in order. `evidence` is stored as `source_messages`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID
    company_id: CompanyId
    event_type: EventType
    title: str = Field(min_length=5, max_length=200)
    description: str = ""
    impact: str = ""
    metrics: tuple[Metric, ...] = ()
    timeline: str = ""
    severity: Severity
    stakeholders: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = Field(min_length=1)
    occurred_at: Moment
    is_active: bool = True

    def to_row(self) -> dict[str, Any]:
        """The fields of `significant_events` in JSON types, without the database's own times."""
        row = self.model_dump(mode="json", exclude={"evidence"})
        row["source_messages"] = [proof.model_dump() for proof in self.evidence]
        return row


class SharedTexts(NamedTuple):
    """What shares of one kind show in place of an event's own words."""

    title: str
    description: str
    impact: str
    timeline: str
    stakeholders: Sequence[str]
    quotes: Sequence[str]
    """Of the proofs whose sources are shared, in their order."""
    metrics: Sequence[int]
    """Which of the event's metrics are shown, by their places."""


class KeptTexts(NamedTuple):
    """Shared texts, and what they were made of."""

    event_id: UUID
    made_of: datetime
    """Names the event as it was then."""
    texts: SharedTexts


class MetricPoint(BaseModel):
    """One figure of a series: true at `as_of`, said at `said_at`, by the event that states it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    company_id: CompanyId
    metric: str
    value: float
    unit: str
    as_of: Moment
    said_at: Moment
    event_id: UUID


class Fold(NamedTuple):
    """The result of folding one company's observations; a function of the set, not of the order of arrival."""

    events: list[Event]
    metric_points: list[MetricPoint]
    event_of: Mapping[UUID, UUID] = MappingProxyType({})
    """Each id that an event has or could have, by one of its proofs → the event's id; of denied events too."""

    def without(self, rejections: Iterable[Rejection]) -> Fold:
        """What is left where these are heeded, whichever of its ids an event was rejected under."""
        gone = {self.event_of.get(rejection.event_id, rejection.event_id) for rejection in rejections}
        return self._replace(
            events=[event for event in self.events if event.id not in gone],
            metric_points=[point for point in self.metric_points if point.event_id not in gone],
        )


def latest_first(events: list[Event]) -> list[Event]:
    """Newest first; ties by id, so that the order never depends on the store."""
    return sorted(events, key=lambda event: (-event.occurred_at.timestamp(), str(event.id)))
