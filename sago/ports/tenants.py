"""What one firm may see of Postgres: the second wall, behind the use cases that cut what a share hides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sago.domain.companies import Company, Share
from sago.domain.events import Event, MetricPoint, SharedTexts
from sago.domain.letters import Letter
from sago.domain.pages import AuditAsked, EventsAsked, LettersAsked, Place, RunsAsked
from sago.domain.readings import SeriesAsked
from sago.domain.tasks import TaskRun
from sago.domain.watches import Watch

TOLD_TO_FIRMS = ("key", "letter", "share", "watch")
"""Actions that a firm is told of, by the word before their dot: not what the house does with accounts and persons."""


class AuditLine(NamedTuple):
    """One row of `audit_log` that concerns the firm."""

    id: UUID
    """Drawn at random: a number would count the lines of others between two of the firm's."""
    at: datetime
    who: str
    action: str
    subject: str
    company_id: str | None
    detail: Mapping[str, Any]


class FirmView(Protocol):
    """Everything of one firm, and of the companies whose founders share with it while the share holds. Reads only.

    Of another firm's rows it returns what it returns of rows that do not exist. Rows are whole: an event's proofs of
    sources that are not shared stand in it still, and its figures are exact; the use cases cut and coarsen.
    """

    def shares(self, of: Collection[str] | None = None) -> list[Share]:
        """Shares with this firm, ended ones too, by company; of these companies alone where they are named."""

    def companies(self, after: str | None = None, limit: int = 50, at: datetime | None = None) -> list[Company]:
        """Companies whose share holds, by id, those after this id; without the address of the founder. With `at` it
        holds by that clock too: whoever asks drops no row of a page."""

    def company(self, company_id: str) -> Company | None:
        """One of these, or None."""

    def events(self, asked: EventsAsked, at: datetime | None = None) -> list[Event]:
        """Active events whose first proof's source is shared and that happened before the share's end, newest first by
        `occurred_at`; `at` as with companies."""

    def event(self, event_id: UUID) -> Event | None:
        """One of these, also by an id it once had; or None."""

    def events_named(self, event_ids: Collection[UUID]) -> list[Event]:
        """Those of these events that have one of these ids now, in no order."""

    def shared_texts(self, event_ids: Collection[UUID], version: int) -> dict[UUID, SharedTexts]:
        """Texts of these events that count, made for shares of the kind that the firm has."""

    def metric_points(self, asked: SeriesAsked) -> list[MetricPoint]:
        """A page of the points of these events; none where the share is not exact."""

    def watches(
        self, company_id: str | None = None, after: Place | None = None, limit: int | None = None
    ) -> list[Watch]:
        """Active watches of the firm, oldest first, those after this place; also of companies whose share has ended.
        Without the voice, which was learned from somebody's mails: whoever changes a watch takes it from the house's
        store."""

    def watch(self, watch_id: UUID) -> Watch | None:
        """One of these, or None."""

    def letters(self, asked: LettersAsked) -> list[Letter]:
        """Letters of the firm, newest first; none of companies whose share has ended."""

    def letter(self, letter_id: UUID) -> Letter | None:
        """One of these, or None. Its people come without their addresses."""

    def audit(self, asked: AuditAsked) -> list[AuditLine]:
        """What was done in the firm's name or to its shares, newest first; none on letters of companies whose share has
        ended."""

    def task_runs(self, asked: RunsAsked) -> list[TaskRun]:
        """What the firm started, newest first; without the keys it was started under."""

    def task_run(self, run_id: UUID) -> TaskRun | None:
        """One of these, or None."""


class Tenants(Protocol):
    """Postgres as the API's own role, which is no superuser and passes no row policy by."""

    def view(self, firm_id: str) -> AbstractContextManager[FirmView]:
        """What this firm sees, in one read-only transaction. A firm that does not exist sees nothing."""

    def close(self) -> None:
        """Close all connections."""
