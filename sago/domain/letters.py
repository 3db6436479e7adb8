"""Letters: what one may draw on, what a provider composes, and the row it becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.companies import DEFAULT_FIRM, Company, Granularity, Person
from sago.domain.events import Event, Metric, MetricPoint
from sago.domain.messages import CompanyId, Moment
from sago.domain.watches import Verdict, Watch
from sago.errors import UsageError

SYSTEM = "sago"
"""Who changed a letter where no person did, as the audit log names it."""
UNNAMED = "The investor"
"""Who writes where a watch names nobody."""
EVENT_REJECTED = "an event that it tells was called wrong"
"""Why a letter is withdrawn; why the event is wrong stands in its own line of the log."""


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
    answers_all: bool = False
    """Whether the conditions answer each part of the reason: only then may a letter say that it no longer holds."""
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

    @property
    def sha256(self) -> str:
        """Of what its reader gets, subject and body: which text somebody approved, once its words are gone."""
        return hashlib.sha256(f"{self.subject}\n\n{self.body}".encode()).hexdigest()


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

    @property
    def said(self) -> tuple[str, UUID | None, str | None]:
        """What is claimed, and by what: the same wherever in the letter it stands."""
        return self.claim, self.event_id, self.message_id

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

    def may_become(self, state: LetterState) -> bool:
        """Whether a letter may go from here to there; the one table of it."""
        return state in _NEXT[self]

    @property
    def instead(self) -> str:
        """What can be done about such a letter, for a person who asked for something else."""
        return _INSTEAD[self]

    def require(self, state: LetterState, letter_id: UUID) -> None:
        """Raises UsageError, with what can be done instead, where a letter may not go from here to there."""
        if not self.may_become(state):
            raise UsageError(f"letter {letter_id}: is {self} and cannot become {state}: {self.instead}")


_NEXT: Mapping[LetterState, frozenset[LetterState]] = {
    LetterState.DRAFT: frozenset(
        {
            LetterState.APPROVED,
            LetterState.REJECTED,
            LetterState.EXPIRED,
            LetterState.SUPERSEDED,
            LetterState.UNKNOWN,
        }
    ),
    LetterState.APPROVED: frozenset(set(LetterState) - {LetterState.APPROVED}),
    LetterState.QUEUED: frozenset(set(LetterState) - {LetterState.QUEUED}),
    LetterState.SENT: frozenset(),
    LetterState.REJECTED: frozenset({LetterState.DRAFT}),
    LetterState.EXPIRED: frozenset(),
    LetterState.SUPERSEDED: frozenset(),
    LetterState.UNKNOWN: frozenset({LetterState.SENT, LetterState.SUPERSEDED}),
}
"""From an approved letter to a draft: undone or edited. To sent: by hand, from its `.eml`. From a queued one back:
its mail was cancelled or refused before its content went over."""
_INSTEAD: Mapping[LetterState, str] = {
    LetterState.DRAFT: "approve, edit or reject it",
    LetterState.APPROVED: "undo the approval while it is fresh, or reject the letter until it is queued",
    LetterState.QUEUED: "it is on its way; `sago outreach recall` takes back what has not begun to go",
    LetterState.SENT: "it has left the house, and nothing takes it back",
    LetterState.REJECTED: "a fresh rejection can be undone; its window gets no other letter",
    LetterState.EXPIRED: "its news was too old; `outreach.schedule` writes another when there is news",
    LetterState.SUPERSEDED: "what it told has changed; look for the one in its place with `sago outreach list`, "
    "or have it written by `outreach.schedule`",
    LetterState.UNKNOWN: "say what became of it first: `sago outreach resolve`",
}


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
    def to_tick(self) -> frozenset[int]:
        """Numbers of the claims that rest on an event: the watch's own words and the profile's names need no tick."""
        return frozenset(number for number, each in enumerate(self.receipts) if each.event_id is not None)

    def equals(self, numbers: Collection[int]) -> frozenset[int]:
        """These claims, and those that say the same by the same event and message."""
        said = {self.receipts[number].said for number in numbers}
        return frozenset(number for number, each in enumerate(self.receipts) if each.said in said) | set(numbers)

    @property
    def subject(self) -> str:
        """As the mail has it: of a reply the conversation's, else the draft's own."""
        return f"Re: {self.thread.subject}" if self.thread and self.thread.subject else self.draft.subject


class LetterChange(BaseModel):
    """One entry of the audit log about a letter: what was done, by whom, when and why."""

    model_config = ConfigDict(frozen=True)

    at: Moment
    who: str
    action: str
    """`letter.` and the state it came to, or `letter.edited`, `letter.ticked`."""
    why: str = ""
    detail: Mapping[str, Any] = Field(default_factory=dict)
    """`from`: the state before; `text`: the sha256 of what was approved, queued or sent; `before` and `after` of an
    edit; `claims`: the numbers that were ticked, counted from 0."""


def approval(letter: Letter, state: LetterState, at: datetime, who: str) -> dict[str, Any]:
    """What a letter's own fields about its approval become when it comes to a state: kept beyond, also where it comes
    back from the queue, and gone in a draft."""
    if state is LetterState.APPROVED and letter.state is not LetterState.QUEUED:
        return {"approved_by": who, "approved_at": at}
    return {"approved_by": None, "approved_at": None} if state is LetterState.DRAFT else {}


def changed(letter: Letter, state: LetterState) -> dict[str, str]:
    """What the audit log keeps of a change of state beside who, when and why."""
    is_let_go = state in (LetterState.APPROVED, LetterState.QUEUED, LetterState.SENT)
    return {"from": letter.state.value} | ({"text": letter.draft.sha256} if is_let_go else {})
