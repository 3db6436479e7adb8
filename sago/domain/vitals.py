"""How the pipeline does, in figures: what `GET …/health` and `GET …/metrics` answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.messages import Moment


class Condition(StrEnum):
    """`degraded`: it works, and something in it needs a look. `unhealthy`: a part does not work."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Figures(BaseModel):
    """A figure is null where the server that knows it did not answer."""

    model_config = ConfigDict(frozen=True)


class ServiceVitals(Figures):
    """One server, or one process of the stack."""

    up: bool = Field(description="Whether it answered within five seconds; of a process: whether it runs and works.")
    since: Moment | None = Field(
        None, description="Since when it is known to be down, or to wait; it may be longer. Null while all is well."
    )
    reason: str | None = Field(None, description="Why it counts as down, or what it waits for, in one line.")


class StackVitals(NamedTuple):
    """What somebody beside the servers knows of them: of our own stack, its supervisor."""

    servers: Mapping[str, ServiceVitals] = {}
    """Those that were probed; who was silent then need not be asked again."""
    processes: Mapping[str, ServiceVitals] = {}
    silent_since: Mapping[str, datetime] = {}
    """Server or process → since when the supervisor has it down."""


class SourceVitals(Figures):
    """One source and its topic."""

    status: Condition
    topic: str
    last_sync: Moment | None = Field(description="When messages of its topic were last stored; null: never.")
    lag: int | None = Field(description="Messages in Kafka that are not stored yet.")


class SourceState(StrEnum):
    """How a source does: its newest message is as old as usual; it is older than its own rhythm explains; asking fails;
    it waits for a person; or it is being read for the first time."""

    FRESH = "fresh"
    QUIET = "quiet"
    FAILING = "failing"
    REFUSED = "refused"
    BACK_FILLING = "back-filling"


class StreamVitals(Figures):
    """One channel or label, or all of an account, that is fetched."""

    name: str
    state: SourceState
    text: str = Field(description="The state in a sentence, with what to do where something is.")
    newest_at: Moment | None = Field(description="When its newest message was said; null: none was taken.")
    days_a_week: float | None = Field(
        description="On how many days of a week it is usually heard; null: not known yet."
    )
    taken: int = Field(description="Messages fetched.")


class ConnectionVitals(Figures):
    """One account that a founder connected."""

    id: UUID
    source: str
    name: str
    company_id: str | None
    state: SourceState
    text: str = Field(description="The state in a sentence, with what to do where something is.")
    newest_at: Moment | None = Field(description="When its newest message was said, pushed or fetched.")
    days_a_week: float | None = Field(
        description="On how many days of a week it is usually heard; null: not known yet."
    )
    streams: list[StreamVitals] = Field(description="What is fetched of it; empty where its vendor only pushes.")


class WaitingBatch(Figures):
    """The batch of one state that was claimed first."""

    company_id: str
    batch_id: str
    claimed_at: Moment
    next_attempt_at: Moment | None = Field(description="When it is taken up again; null: it is under way.")
    attempts: int = Field(description="Attempts that failed.")
    reason: str | None = Field(description="Why the last of them failed, in one line.")


class BreakerVitals(Figures):
    """A model, or the mail server, that is left alone since it failed."""

    name: str = Field(description="Provider and model, or the mail server.")
    since: Moment
    until: Moment = Field(description="When one call may try it again.")
    reason: str


class OutboxVitals(Figures):
    """Mails on their way out: approved letters, and notices."""

    queued: int = Field(description="That wait: for their reader's hours, a cap or the mail server.")
    oldest: Moment | None = Field(description="When the one that waits longest was queued.")
    held: int = Field(description="Of these, those that the mail server, or a setting for it, keeps back.")
    held_since: Moment | None = Field(description="Since when it does.")
    error: str | None = Field(description="What it last answered, or why it could not be asked, in one line.")
    idle_since: Moment | None = Field(
        description="Since when the first is to go and nobody sends it; null while the mail server keeps it."
    )
    is_late: bool = Field(description="Whether either is longer ago than `outreach.late_after`.")
    unknown: int = Field(description="Letters that may have arrived: a person has to look.")


class QueueVitals(Figures):
    """What waits between storing and events."""

    queued: dict[str, int] | None = Field(description="Company → messages that wait for a batch.")
    queued_total: int | None
    batches: dict[str, int] | None = Field(description="Batches by state: claimed, extracting, merged, failed.")
    oldest: dict[str, WaitingBatch] | None = Field(
        description="State → its oldest batch, of claimed, extracting, failed."
    )
    first_due: Moment | None = Field(
        description="When the first unfinished batch is, or was, to be taken up; null: there is none."
    )
    dead_letters: int | None = Field(description="Refused messages that were not replayed.")
    letters_due: int | None = Field(description="Letters that are due and not composed yet.")
    outbox: OutboxVitals | None = Field(description="Mails on their way out.")
    open_breakers: list[BreakerVitals] | None = Field(
        description="Models, and the mail server, that are not asked for a while."
    )
    recovered: bool | None = Field(
        description="False: Redis was emptied, and what waited in it is queued again by the next recovery."
    )


class Health(Figures):
    """What works, what lags and what waits."""

    overall_status: Condition
    problems: list[str] = Field(description="One line for each thing that is not healthy.")
    checked_at: Moment
    services: dict[str, ServiceVitals]
    processes: dict[str, ServiceVitals] = Field(
        description="Bridge, workers, beat and Flower of a stack of `sago up`; empty where something else runs them."
    )
    data_sources: dict[str, SourceVitals]
    queue_status: QueueVitals
    sources: list[ConnectionVitals] | None = Field(
        None, description="What founders connected, by source and account; null where Postgres did not answer."
    )


class ProcessingMetrics(Figures):
    """What became of messages, counted in the stores: since they were last emptied."""

    messages_stored: int | None = Field(
        None, description="Message versions in the raw store; null: Cassandra keeps them."
    )
    messages_extracted: int | None = Field(None, description="Message versions read in merged batches.")
    messages_extracted_last_hour: int | None = Field(None, description="Of these, in batches merged in the last hour.")
    batches_merged: int | None = Field(None, description="Batches that were read to the end.")
    batches_failed: int | None = Field(None, description="Batches that wait for a further attempt.")
    observations: int | None = Field(None, description="Statements found, with their quotes.")
    events: int | None = Field(None, description="Significant events that stand now.")
    dead_letters: int | None = Field(None, description="Refused messages that were not replayed.")


class CacheMetrics(Figures):
    """The buffer in Redis."""

    queued_messages: int | None = Field(None, description="Messages that wait for a batch.")
    companies_waiting: int | None = Field(None, description="Companies they belong to.")
    counted_marks: int | None = Field(None, description="Messages that count as duplicates when they come again.")
    memory_share: float | None = Field(
        None, description="Memory used over Redis's ceiling, 0 to 1; 0 where it has none."
    )
    memory_pause_at: float = Field(description="The share at which the bridge pauses.")
    trigger_threshold: int = Field(description="Messages of one company that make a batch.")


class SourceDeliveries(Figures):
    """What became of what one vendor delivered. The first four count messages and the like; the others, and what is
    ignored as a whole, count deliveries."""

    taken: int = 0
    known: int = Field(0, description="Taken before: a vendor that heard no answer sends again.")
    ignored: dict[str, int] = Field({}, description="Left out on purpose, by the reason.")
    refused: int = Field(0, description="In the dead letters, each with its reason.")
    woken: int = Field(0, description="Streams that a delivery told of news.")
    ended: int = Field(0, description="The vendor lets us read the account no more: it is to be connected again.")
    wrong_signature: int = Field(0, description="Not signed by the vendor, or not within five minutes: 401.")
    unreadable: int = Field(0, description="Signed, and not in a form of the vendor's: 422.")
    not_set_up: int = Field(0, description="A setting is missing, which the log names: 503.")
    unavailable: int = Field(0, description="A server did not answer in time: 503; the vendor sends again.")


class WebhookMetrics(Figures):
    """What vendors delivered, since Redis was last emptied."""

    sources: dict[str, SourceDeliveries] = {}
    unknown_source: int = Field(0, description="Deliveries for a source nobody knows: 404.")


class Metrics(Figures):
    """Processing and cache in figures."""

    measured_at: Moment
    missing: dict[str, str] = Field(description="Server → why figures of it are missing; empty when none are.")
    processing: ProcessingMetrics
    cache: CacheMetrics
    webhooks: WebhookMetrics | None = Field(description="Null where Redis did not answer.")


class Gauges(NamedTuple):
    """Figures for somebody who asks every few seconds. What a server did not tell is None, or missing."""

    up: Mapping[str, bool]
    """Server → whether it answered."""
    lag: Mapping[str, int] | None
    """Topic → messages that are not stored yet."""
    batches: Mapping[str, int] | None
    """By state."""
    totals: Mapping[str, tuple[str, float]]
    """Name → what it counts, and how many."""
