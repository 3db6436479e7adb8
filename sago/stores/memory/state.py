"""Everything the in-memory database holds: flat dictionaries of immutable rows, so that a copy is cheap."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from uuid import UUID

from sago.domain.batches import Batch, Chunk, ChunkResult, DeadLetter, Progress, Tick, TickRun
from sago.domain.companies import Company
from sago.domain.erasures import Erasure
from sago.domain.events import Event, Extraction, MetricPoint, Observation, Rejection
from sago.domain.generations import Generation
from sago.domain.letters import Composition, DueLetter, Letter
from sago.domain.messages import MessageRef
from sago.domain.watches import Watch


class Member(NamedTuple):
    """A message version that a batch owns."""

    ref: MessageRef
    source: str
    batch_id: str
    chunk_no: int | None = None


class AuditEntry(NamedTuple):
    """What happened to a letter or an event, and the person behind it."""

    at: datetime
    who: str
    action: str
    subject: UUID
    why: str
    detail: Mapping[str, Any] = MappingProxyType({})


@dataclass
class State:
    """The tables; rows are replaced, never changed."""

    companies: dict[str, Company] = field(default_factory=dict)
    watches: dict[UUID, Watch] = field(default_factory=dict)
    letters: dict[UUID, Letter] = field(default_factory=dict)
    audit_log: list[AuditEntry] = field(default_factory=list)
    batches: dict[str, Batch] = field(default_factory=dict)
    chunks: dict[tuple[str, int], Chunk] = field(default_factory=dict)
    results: dict[tuple[str, int], ChunkResult] = field(default_factory=dict)
    members: dict[tuple[str, str, int, str], Member] = field(default_factory=dict)
    observations: dict[tuple[object, ...], Observation] = field(default_factory=dict)
    extractions: dict[tuple[object, ...], Extraction] = field(default_factory=dict)
    rejections: dict[tuple[str, UUID, str, datetime], Rejection] = field(default_factory=dict)
    events: dict[UUID, Event] = field(default_factory=dict)
    aliases: dict[UUID, UUID] = field(default_factory=dict)
    metric_points: dict[str, list[MetricPoint]] = field(default_factory=dict)
    dead_letters: dict[str, DeadLetter] = field(default_factory=dict)
    progress: dict[tuple[str, str, int], Progress] = field(default_factory=dict)
    progress_at: dict[tuple[str, str, int], datetime] = field(default_factory=dict)
    ticks: dict[Tick, TickRun] = field(default_factory=dict)
    plans: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    compositions: dict[DueLetter, Composition] = field(default_factory=dict)
    erasures: dict[UUID, Erasure] = field(default_factory=dict)
    generation: Generation = field(default_factory=Generation)

    def copy(self) -> Self:
        """A state that can be changed without changing this one."""
        return type(self)(**{each.name: copy.copy(getattr(self, each.name)) for each in fields(self)})
