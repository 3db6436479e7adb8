"""What was read, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from sago.domain.companies import ShareKind
from sago.domain.events import (
    Event,
    Extraction,
    Fold,
    KeptTexts,
    MetricPoint,
    Observation,
    Rejection,
    SharedTexts,
    Status,
)
from sago.domain.readings import SeriesAsked


class EventStore(Protocol):
    """Observations, extractions and the events folded from them."""

    def lock(self, company_id: str) -> None:
        """Hold the company's fold until the transaction ends (`pg_advisory_xact_lock`)."""

    def state(self, company_id: str) -> object:
        """Equals what it was as long as nothing that was read of the company, or folded of it, has become another."""

    def append(self, observations: Sequence[Observation], extractions: Sequence[Extraction]) -> int:
        """Append what is new by its key; how many observations were new."""

    def current(
        self,
        company_id: str,
        said_before: datetime | None = None,
        statuses: Collection[Status] | None = None,
        message_ids: Collection[str] | None = None,
    ) -> list[Observation]:
        """Per message the observations of the newest finished extraction of its highest extracted version; with
        `statuses` or `message_ids` of these alone."""

    def said_on(self, company_id: str) -> list[date]:
        """The days (UTC) on which something came to be known that was read of the company's messages, oldest first:
        what was said, also what was edited away since, and each edit and deletion."""

    def rejections(self, company_id: str, *, in_force: bool = True) -> list[Rejection]:
        """What people said is wrong, oldest word first; with `in_force=False` also what was taken back since."""

    def reject(self, rejection: Rejection) -> None:
        """Record a person's word, here and in the audit log; nothing while one of theirs against the event stands."""

    def restore(
        self, company_id: str, event_ids: Collection[UUID], at: datetime, who: str, why: str
    ) -> list[Rejection]:
        """Take back every word in force against these event ids, and keep it with who did so, when and why, here and
        in the audit log; which they were, none the second time."""

    def replace(self, company_id: str, fold: Fold, now: datetime) -> None:
        """Make the company's events and metric points those of the fold: upsert, deactivate what is gone, and note
        an alias when an event with the same latest proofs carries a new id. Shared texts of what changed go."""

    def without_texts(self, company_id: str, kind: ShareKind, version: int, limit: int) -> list[tuple[Event, datetime]]:
        """Active events that shares of this kind show in other words, and of which no shared texts of this version are
        kept that count; and what names each as it is."""

    def keep_texts(self, kind: ShareKind, version: int, made: Sequence[KeptTexts]) -> None:
        """Keep shared texts of events that are what they were made of, until the fold makes something else of them; the
        company's fold is held by the caller."""

    def shared_texts(self, company_id: str, kind: ShareKind, version: int) -> dict[UUID, SharedTexts]:
        """Those of the company's events that count."""

    def find(self, company_id: str | None = None, *, active: bool = True, limit: int | None = None) -> list[Event]:
        """Events, newest first."""

    def get(self, event_id: UUID) -> Event | None:
        """The event under its id or an alias of it."""

    def counts(self) -> tuple[int, int]:
        """Observations ever recorded and events active now, over all companies."""

    def metric_points(self, company_id: str) -> list[MetricPoint]:
        """The series of one company, oldest `as_of` first."""

    def points(self, asked: SeriesAsked, sources: Collection[str]) -> list[MetricPoint]:
        """A page of the points of active events whose first proof is of one of these sources; `*` is every source."""
