"""Letters: what one may draw on, what a provider composes, and the row it becomes."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.companies import DEFAULT_FIRM, Company, Granularity, Person
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
    granularity: Granularity = Granularity.EXACT
    """How exactly figures may be told: the events and points above are coarsened to it already."""
    objections: tuple[str, ...] = ()


class LetterDraft(BaseModel):
    """What a provider composes; checked afterwards against the events of the request."""

    model_config = ConfigDict(frozen=True)

    subject: str = Field(min_length=5, max_length=90)
    body: str = Field(min_length=20)
    highlights: tuple[Highlight, ...] = ()
    metrics: tuple[Metric, ...] = ()
    prompt_version: str = ""
    """Of the prompt it was asked with; empty where none was used."""


class Receipt(BaseModel):
    """Where one claim of a letter comes from: the proof, and what was done to it until it read as it does.

    `event_id` and `message_id` are None where the watch or the company's profile says it: a reason, a name.
    """

    model_config = ConfigDict(frozen=True)

    claim: str
    """As the letter writes it: `$5.4M`, `26 March`, `Meridian`."""
    kind: Literal["figure", "date", "name"]
    where: str
    """`subject`, `body` or `highlight 2`."""
    start: int
    """Offset in that text, in code points."""
    end: int
    event_id: UUID | None = None
    message_id: str | None = None
    quote: str = ""
    sha256: str = ""
    """Of the quote: it still tells whether a quote is the one that was seen, once the words are erased."""
    transformation: str = ""
    """`MRR $450k × 12 → $5.4M ARR`; empty where the claim stands in the proof as it is written."""

    def without_quote(self) -> Receipt:
        """What is left once the quote is erased: the letter's own words stay, and the hash."""
        return self.model_copy(update={"quote": ""})

    def without_words(self) -> Receipt:
        """What is left where the letter's text goes too: where a claim stood, what it cited, and the hash."""
        return self.model_copy(update={"claim": "", "quote": "", "transformation": ""})


class Thread(BaseModel):
    """The conversation that a letter goes on with (RFC 5322, 3.6.4): Message-IDs with their angle brackets."""

    model_config = ConfigDict(frozen=True)

    in_reply_to: str
    references: tuple[str, ...]
    subject: str = ""
    """Of the conversation, without `Re:`; as a person wrote it, so no claim of the letter."""


class LetterState(StrEnum):
    """draft → approved → queued → sent, or rejected, expired, superseded (its events changed), unknown (for a person).

    An approval can be undone until the letter is queued; what is queued lies in `mails`.
    """

    DRAFT = "draft"
    APPROVED = "approved"
    QUEUED = "queued"
    SENT = "sent"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"

    @property
    def is_live(self) -> bool:
        """Whether the letter fills its window: at most one live letter a (watch, window). An unknown one does: it may
        have been sent."""
        return self not in (LetterState.REJECTED, LetterState.EXPIRED, LetterState.SUPERSEDED)


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
    prompt_version: str = ""
    """Of the model that wrote it; empty where no prompt was used."""
    receipts: tuple[Receipt, ...] = ()
    ticked: frozenset[int] = frozenset()
    """Numbers of the receipts that a person has ticked, counted from 0."""
    thread: Thread | None = None
    created_at: Moment
    approved_by: str | None = None
    approved_at: Moment | None = None

    @property
    def subject(self) -> str:
        """As the mail has it: of a reply the conversation's, else the draft's own."""
        return f"Re: {self.thread.subject}" if self.thread and self.thread.subject else self.draft.subject
