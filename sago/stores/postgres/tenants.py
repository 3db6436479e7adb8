"""One firm's view of Postgres: read as `sago_api`, whose row policies show it what is its own and what founders share.

No query here names the firm: the transaction does, and the policies of `migrations/` read it there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, Tuple, any_, bindparam, func, literal, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from sago.domain.companies import Company, Share
from sago.domain.events import Event, MetricPoint, SharedTexts
from sago.domain.letters import Letter
from sago.domain.pages import AuditAsked, EventsAsked, LettersAsked, Place, RunsAsked
from sago.domain.readings import SeriesAsked
from sago.domain.tasks import TaskRun
from sago.domain.watches import Watch
from sago.ports import AuditLine
from sago.sections import PostgresSettings
from sago.stores.postgres.columns import Words
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.event_pages import newest_events
from sago.stores.postgres.events import counting, event_of, texts_by_event
from sago.stores.postgres.point_pages import points_asked
from sago.stores.postgres.tables import (
    Time,
    audit_log,
    companies,
    event_aliases,
    outreach,
    shared_texts,
    shares,
    significant_events,
    task_runs,
    watches,
)
from sago.stores.postgres.task_runs import SHOWN, newest_runs, run_of

API = "sago_api"
BEGIN = text(
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT set_config('sago.firm_id', :firm, true)"
).bindparams(bindparam("firm", type_=Words))

COMPANY = [companies.c[name] for name in Company.model_fields if name != "founder_email"]
EVENT = [significant_events.c["source_messages" if name == "evidence" else name] for name in Event.model_fields]
LETTER = [
    *(outreach.c[name] for name in Letter.model_fields if name not in ("sender", "recipient")),
    outreach.c.sender_name,
    outreach.c.recipient_name,
]
WATCH = [watches.c[name] for name in Watch.model_fields if name != "voice"]


class PostgresTenants:
    """The `Tenants` of one database, on a pool of connections of their own."""

    def __init__(self, settings: PostgresSettings) -> None:
        self.connections = Connections(settings, role=API)

    @contextmanager
    def view(self, firm_id: str) -> Iterator[PostgresView]:
        with self.connections.begin() as connection:
            connection.execute(BEGIN, {"firm": firm_id})
            yield PostgresView(connection)

    def close(self) -> None:
        self.connections.close()


class PostgresView:
    """The `FirmView` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def shares(self, of: Collection[str] | None = None) -> list[Share]:
        query = select(shares).order_by(shares.c.company_id)
        if of is not None:
            query = query.where(shares.c.company_id == any_(literal(sorted(of), ARRAY(Words))))
        return [Share.model_validate(row._asdict()) for row in self.connection.execute(query)]

    def companies(self, after: str | None = None, limit: int = 50, at: datetime | None = None) -> list[Company]:
        query = select(*COMPANY).join(shares, shares.c.company_id == companies.c.company_id)
        now = func.greatest(func.now(), literal(at, Time))
        query = query.where(or_(shares.c.until.is_(None), shares.c.until > now))
        if after is not None:
            query = query.where(shares.c.company_id > after)
        return [_company(row) for row in self.connection.execute(query.order_by(shares.c.company_id).limit(limit))]

    def company(self, company_id: str) -> Company | None:
        query = select(*COMPANY).where(companies.c.company_id == company_id)
        row = self.connection.execute(query).one_or_none()
        return _company(row) if row else None

    def events(self, asked: EventsAsked, at: datetime | None = None) -> list[Event]:
        return [event_of(row) for row in self.connection.execute(newest_events(asked, EVENT, at))]

    def event(self, event_id: UUID) -> Event | None:
        c, alias = significant_events.c, event_aliases.c
        named = select(alias.event_id).where(alias.alias == event_id).scalar_subquery()
        query = select(*EVENT).where(or_(c.id == named, c.id == event_id)).order_by((c.id == event_id).asc()).limit(1)
        row = self.connection.execute(query).one_or_none()
        return event_of(row) if row else None

    def events_named(self, event_ids: Collection[UUID]) -> list[Event]:
        ids = literal(sorted(event_ids), ARRAY(significant_events.c.id.type))
        query = select(*EVENT).where(significant_events.c.id == any_(ids))
        return [event_of(row) for row in self.connection.execute(query)]

    def shared_texts(self, event_ids: Collection[UUID], version: int) -> dict[UUID, SharedTexts]:
        ids = literal(sorted(event_ids), ARRAY(significant_events.c.id.type))
        return texts_by_event(self.connection.execute(counting(version).where(shared_texts.c.event_id == any_(ids))))

    def metric_points(self, asked: SeriesAsked) -> list[MetricPoint]:
        return [MetricPoint.model_validate(row._asdict()) for row in self.connection.execute(points_asked(asked))]

    def watches(
        self, company_id: str | None = None, after: Place | None = None, limit: int | None = None
    ) -> list[Watch]:
        c = watches.c
        query = select(*WATCH).order_by(c.created_at, c.id).limit(limit)
        if company_id is not None:
            query = query.where(c.company_id == company_id)
        if after is not None:
            query = query.where(tuple_(c.created_at, c.id) > _place(after))
        return [Watch.model_validate(row._asdict()) for row in self.connection.execute(query)]

    def watch(self, watch_id: UUID) -> Watch | None:
        row = self.connection.execute(select(*WATCH).where(watches.c.id == watch_id)).one_or_none()
        return Watch.model_validate(row._asdict()) if row else None

    def letters(self, asked: LettersAsked) -> list[Letter]:
        return [_letter(row) for row in self.connection.execute(_letters(asked))]

    def letter(self, letter_id: UUID) -> Letter | None:
        row = self.connection.execute(select(*LETTER).where(outreach.c.id == letter_id)).one_or_none()
        return _letter(row) if row else None

    def audit(self, asked: AuditAsked) -> list[AuditLine]:
        c = audit_log.c
        query = select(c.line, c.at, c.who, c.action, c.subject, c.company_id, c.detail)
        if asked.action is not None:
            query = query.where(c.action == asked.action)
        if asked.subject is not None:
            query = query.where(c.subject == asked.subject)
        if asked.after is not None:
            shown = audit_log.alias()
            query = query.where(c.id < select(shown.c.id).where(shown.c.line == asked.after).scalar_subquery())
        return [AuditLine(*row) for row in self.connection.execute(query.order_by(c.id.desc()).limit(asked.limit))]

    def task_runs(self, asked: RunsAsked) -> list[TaskRun]:
        return [run_of(row) for row in self.connection.execute(newest_runs(select(*SHOWN), asked))]

    def task_run(self, run_id: UUID) -> TaskRun | None:
        row = self.connection.execute(select(*SHOWN).where(task_runs.c.id == run_id)).one_or_none()
        return run_of(row) if row else None


def _company(row: Row[Any]) -> Company:
    return Company.model_validate(row._asdict())


def _letter(row: Row[Any]) -> Letter:
    fields = row._asdict()
    sender, recipient = fields.pop("sender_name"), fields.pop("recipient_name")
    people = {"sender": {"name": sender}, "recipient": {"name": recipient} if recipient is not None else None}
    return Letter.model_validate(fields | people)


def _letters(asked: LettersAsked) -> Select[Any]:
    c = outreach.c
    query = select(*LETTER).order_by(c.created_at.desc(), c.id.desc()).limit(asked.limit)
    if asked.company_id is not None:
        query = query.where(c.company_id == asked.company_id)
    if asked.watch_id is not None:
        query = query.where(c.watch_id == asked.watch_id)
    if asked.states:
        query = query.where(c.state.in_(sorted(asked.states)))
    if asked.after is not None:
        query = query.where(tuple_(c.created_at, c.id) < _place(asked.after))
    return query


def _place(after: Place) -> Tuple:
    """As rows are compared with it, of letters and of watches."""
    return tuple_(literal(after.at, outreach.c.created_at.type), literal(after.row, outreach.c.id.type))
