"""Batches, chunks, dead letters and ticks: the book-keeping that makes every effect happen once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.events import Observation
from sago.domain.messages import CompactMessage, CompanyId, MessageKey, MessageRef, Moment, id_in
from sago.errors import ConfigError, InvalidMessageError, PermanentError, TransientError

LIVE_RUN = "live"
"""The run of ordinary traffic in `batch_members`; a re-processing has an id of its own."""
PASSING = frozenset({TransientError.__name__, ConfigError.__name__})
"""Kinds of failure for which no message is at fault: an outage, a setting. However often they come, they only wait,
and use up none of a chunk's attempts."""
HOPELESS = frozenset({PermanentError.__name__, InvalidMessageError.__name__})
"""Kinds of failure that will come again however often the chunk is read; others get `max_attempts`."""


class BatchState(StrEnum):
    """claimed → extracting → merged, or failed, which the reaper takes up again at `next_attempt_at`."""

    CLAIMED = "claimed"
    EXTRACTING = "extracting"
    MERGED = "merged"
    FAILED = "failed"


UNDER_WAY = frozenset({BatchState.CLAIMED, BatchState.EXTRACTING})
"""What tasks in a queue, or a worker, have in hand."""


class ChunkState(StrEnum):
    """pending → done | failed (tried again by the reaper) | split (two chunks took its messages) | dead."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    SPLIT = "split"
    DEAD = "dead"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to a chunk in this state."""
        return self in (ChunkState.DONE, ChunkState.SPLIT, ChunkState.DEAD)


class Claim(BaseModel):
    """What one atomic claim took out of a company's queues; `batch_id` names it from here on."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    company_id: CompanyId
    messages: tuple[CompactMessage, ...]


class Batch(BaseModel):
    """One row of `batches`."""

    model_config = ConfigDict(frozen=True)

    id: str
    company_id: CompanyId
    state: BatchState
    run: str = LIVE_RUN
    claimed_at: Moment
    merged_at: Moment | None = None
    next_attempt_at: Moment | None = None
    fired_at: Moment | None = None
    """When its chord was sent for the last time."""
    attempts: int = 0
    error: str | None = None


class Chunk(BaseModel):
    """One row of `batch_chunks`; `observations` and `extracted` are its first committed result."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    chunk_no: int
    state: ChunkState
    attempts: int = 0
    """Failed ones that are not PASSING."""
    begun: int = 0
    """Attempts since the last that ended, those of one firing counted once: nobody lived to tell how they went."""
    begun_at: Moment | None = None
    """When the last of them was counted."""
    error: str | None = None
    error_type: str | None = None
    retry_at: Moment | None = None
    """Not tried again before, where the other side said so."""


class ChunkResult(BaseModel):
    """What extraction of one chunk gave: grounded observations, the versions read, and what grounding dropped."""

    model_config = ConfigDict(frozen=True)

    extractor: str
    extractor_version: str
    read: tuple[MessageKey, ...]
    observations: tuple[Observation, ...] = ()
    dropped: dict[str, int] = Field(default_factory=dict)
    """Reason → findings or metrics that failed grounding."""


class ExtractionRequest(BaseModel):
    """One chunk for a provider: at most `message_limit` messages, and others around them as context only."""

    model_config = ConfigDict(frozen=True)

    company_id: CompanyId
    company_name: str
    messages: tuple[CompactMessage, ...]
    context: tuple[CompactMessage, ...] = ()
    within: float | None = None
    """Seconds that all of it may take; None: as long as the provider gives a chunk."""


class StoreOutcome(NamedTuple):
    """What the raw store did with a batch of messages. `stored` holds rows that this batch name owns."""

    stored: list[MessageRef]
    duplicates: list[MessageRef]
    conflicts: list[MessageRef]
    """Same id and version with other content: for the dead letters."""


class Added(NamedTuple):
    """What the buffer did with messages: how many it counted, and the claim when the threshold was crossed."""

    counted: int
    duplicates: int
    batch_id: str | None
    epoch_missing: bool
    """Redis has lost its data since the epoch key was set: recovery must run."""
    further_id: str | None = None
    """A second claim, where the first was full before it came to what is urgent."""


class Position(NamedTuple):
    """A place in the log; `log_id` names the cluster, new at each start of the embedded broker."""

    log_id: str
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.log_id}/{self.topic}/{self.partition}/{self.offset}"


class Held(NamedTuple):
    """Records of one company in one partition of the log: how many, from which offset to which, and until when the
    newest is kept; None where the log is in memory and goes with its broker."""

    topic: str
    partition: int
    first: int
    last: int
    records: int
    until: datetime | None


class Record(NamedTuple):
    """One record as polled from the log."""

    position: Position
    key: bytes | None
    value: bytes
    headers: dict[str, str]


class DeadLetter(BaseModel):
    """A message that could not be taken, with its reason; unique by `origin`.

    `origin` is `log_id/topic/partition/offset`, `sha256(file):line`, `message:company/id/version/extractor`, or, of an
    item that a vendor sent, `item:source/account/id/version`, with the payload's SHA-256 in place of `id/version` where
    it holds no message. Such an item's `value` is JSON: `id`, `source`, `account`, `container`, `addresses`,
    `senders`, `payload`.
    """

    model_config = ConfigDict(frozen=True)

    origin: str
    topic: str
    company_id: str | None = None
    message_id: str | None = None
    error: str
    error_type: str
    failed_at: Moment
    attempts: int = 1
    value: bytes = b""
    replayed_at: Moment | None = None

    @property
    def known_as(self) -> str:
        """Its message's id, or as much of it as is known: `slack:` of what came in `slack-messages`."""
        return self.message_id or id_in(self.topic)


class Tick(NamedTuple):
    """One planned run of a periodic job."""

    job: str
    due_at: datetime


class TickState(StrEnum):
    """running → done; skipped: missed, and a later instant was made up in its place."""

    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"


class TickRun(NamedTuple):
    """What became of a tick so far. A running one may be taken again once its lease is over."""

    state: TickState
    lease_until: datetime
    attempts: int


class BatchPlan(NamedTuple):
    """How the messages a batch won are cut into chunks; index is the chunk number."""

    batch_id: str
    chunks: list[list[MessageRef]]


class Progress(NamedTuple):
    """Up to where a partition is durably stored: every offset below `watermark` is stored or dead-lettered."""

    log_id: str
    topic: str
    partition: int
    watermark: int
