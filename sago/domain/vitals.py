"""How the pipeline does, in figures: what `GET …/health` and `GET …/metrics` answer."""

from __future__ import annotations

from enum import StrEnum

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
    """One server."""

    up: bool = Field(description="Whether it answered within five seconds.")
    reason: str | None = Field(None, description="Why it counts as down, in one line.")


class SourceVitals(Figures):
    """One source and its topic."""

    status: Condition
    topic: str
    last_sync: Moment | None = Field(description="When messages of its topic were last stored; null: never.")
    lag: int | None = Field(description="Messages in Kafka that are not stored yet.")


class QueueVitals(Figures):
    """What waits between storing and events."""

    queued: dict[str, int] | None = Field(description="Company → messages that wait for a batch.")
    queued_total: int | None
    batches: dict[str, int] | None = Field(description="Batches by state: claimed, extracting, merged, failed.")
    dead_letters: int | None = Field(description="Refused messages that were not replayed.")


class Health(Figures):
    """What works, what lags and what waits."""

    overall_status: Condition
    problems: list[str] = Field(description="One line for each thing that is not healthy.")
    checked_at: Moment
    services: dict[str, ServiceVitals]
    data_sources: dict[str, SourceVitals]
    queue_status: QueueVitals


class ProcessingMetrics(Figures):
    """What became of messages, counted in the stores: since they were last emptied."""

    messages_stored: int | None = Field(
        None, description="Message versions in the raw store; null: Cassandra keeps them."
    )
    messages_extracted: int | None = Field(None, description="Message versions read in merged batches.")
    messages_extracted_last_hour: int | None = Field(None, description="Of these, in batches merged in the last hour.")
    batches_merged: int | None = None
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


class Metrics(Figures):
    """Processing and cache in figures."""

    measured_at: Moment
    missing: dict[str, str] = Field(description="Server → why figures of it are missing; empty when none are.")
    processing: ProcessingMetrics
    cache: CacheMetrics
