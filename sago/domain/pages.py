"""What is asked of long lists: which rows, and from where on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sago.domain.events import EventType, Severity
from sago.domain.letters import LetterState


class Place(NamedTuple):
    """Where the last page ended: its last row's time and id. Lists are newest first, and of one time by id, last
    first."""

    at: datetime
    id: str

    @property
    def row(self) -> UUID:
        """The id, of rows that have one of this form."""
        return UUID(self.id)


class EventsAsked(NamedTuple):
    """Which events; None and nothing are every one. `since` is the first moment, `until` the first one after."""

    company_id: str | None = None
    event_types: Collection[EventType] = ()
    severities: Collection[Severity] = ()
    since: datetime | None = None
    until: datetime | None = None
    after: Place | None = None
    limit: int = 50


class LettersAsked(NamedTuple):
    """Which letters; None and nothing are every one. Newest by when they were made."""

    company_id: str | None = None
    watch_id: UUID | None = None
    states: Collection[LetterState] = ()
    after: Place | None = None
    limit: int = 50


class AuditAsked(NamedTuple):
    """Which lines of the audit log; None is every one."""

    action: str | None = None
    subject: str | None = None
    after: UUID | None = None
    """The last line that was shown; nothing comes after one that the firm does not see."""
    limit: int = 50


class DeadLettersAsked(NamedTuple):
    """Which dead letters; None is every one. Newest by when they failed, and of one time by origin, last first."""

    topic: str | None = None
    company_id: str | None = None
    error_type: str | None = None
    is_replayed: bool | None = None
    after: Place | None = None
    limit: int = 50


class RunsAsked(NamedTuple):
    """Which page of started tasks, newest first."""

    after: Place | None = None
    limit: int = 50
