"""Everything the in-memory database holds: flat dictionaries of immutable rows, so that a copy is cheap."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from secrets import token_bytes
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from uuid import UUID

from sago.domain.batches import Batch, Chunk, ChunkResult, DeadLetter, Progress, Tick, TickRun
from sago.domain.companies import DEFAULT_FIRM, Company, Share, ShareKind
from sago.domain.connections import Connection, Refresh, Route, Stream
from sago.domain.erasures import Erasure
from sago.domain.events import Event, Extraction, KeptTexts, MetricPoint, Observation, Rejection
from sago.domain.generations import Generation
from sago.domain.identities import Decision, IdentityKey, KnownIdentity
from sago.domain.keys import ApiKey
from sago.domain.letters import Composition, DueLetter, Letter
from sago.domain.mails import Contact, Mail, Suppression
from sago.domain.messages import MessageRef
from sago.domain.notices import Notice, Told
from sago.domain.tasks import TaskRun
from sago.domain.watches import Verdict, Watch

DEFAULT_FIRMS = {DEFAULT_FIRM: "This house"}


class Member(NamedTuple):
    """A message version that a batch owns."""

    ref: MessageRef
    source: str
    batch_id: str
    chunk_no: int | None = None


class AuditEntry(NamedTuple):
    """What happened to a letter, an event or an address, and the person behind it."""

    at: datetime
    who: str
    action: str
    subject: UUID | str
    why: str
    detail: Mapping[str, Any] = MappingProxyType({})
    firm_id: str | None = None
    company_id: str | None = None


@dataclass
class State:
    """The tables; rows are replaced, never changed."""

    companies: dict[str, Company] = field(default_factory=dict)
    firms: dict[str, str] = field(default_factory=lambda: dict(DEFAULT_FIRMS))
    shares: dict[tuple[str, str], Share] = field(default_factory=dict)
    api_keys: dict[UUID, ApiKey] = field(default_factory=dict)
    watches: dict[UUID, Watch] = field(default_factory=dict)
    connections: dict[UUID, Connection] = field(default_factory=dict)
    tokens: dict[UUID, bytes] = field(default_factory=dict)
    routes: dict[tuple[UUID, str, str], Route] = field(default_factory=dict)
    served: set[tuple[UUID, str]] = field(default_factory=set)
    streams: dict[tuple[UUID, str], Stream] = field(default_factory=dict)
    fence: int = 0
    """The newest of any stream."""
    identities: dict[IdentityKey, KnownIdentity] = field(default_factory=dict)
    participants: dict[tuple[str, IdentityKey], datetime] = field(default_factory=dict)
    person_decisions: dict[UUID, Decision] = field(default_factory=dict)
    refreshes: dict[UUID, Refresh] = field(default_factory=dict)
    heard: dict[tuple[UUID, str, str, date], datetime] = field(default_factory=dict)
    under_way: dict[tuple[str, str], datetime] = field(default_factory=dict)
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
    changed: dict[UUID, datetime] = field(default_factory=dict)
    """When an event became what it is."""
    texts: dict[tuple[UUID, ShareKind], tuple[int, KeptTexts]] = field(default_factory=dict)
    aliases: dict[UUID, UUID] = field(default_factory=dict)
    metric_points: dict[str, list[MetricPoint]] = field(default_factory=dict)
    dead_letters: dict[str, DeadLetter] = field(default_factory=dict)
    progress: dict[tuple[str, str, int], Progress] = field(default_factory=dict)
    progress_at: dict[tuple[str, str, int], datetime] = field(default_factory=dict)
    task_runs: dict[UUID, TaskRun] = field(default_factory=dict)
    ticks: dict[Tick, TickRun] = field(default_factory=dict)
    plans: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    verdicts: dict[tuple[UUID, date], Verdict] = field(default_factory=dict)
    compositions: dict[DueLetter, Composition] = field(default_factory=dict)
    mails: dict[UUID, Mail] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    suppressions: dict[str, Suppression] = field(default_factory=dict)
    seal: bytes = field(default_factory=lambda: token_bytes(32))
    notices: dict[UUID, Notice] = field(default_factory=dict)
    told: set[tuple[str, Told, UUID]] = field(default_factory=set)
    erasures: dict[UUID, Erasure] = field(default_factory=dict)
    generation: Generation = field(default_factory=Generation)

    def copy(self) -> Self:
        """A state that can be changed without changing this one."""
        return type(self)(**{each.name: copy.copy(getattr(self, each.name)) for each in fields(self)})
