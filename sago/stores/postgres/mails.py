"""Mails on their way out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.mails import Mail, MailState, WaitsFor, address_of
from sago.stores.postgres.tables import mails

C = mails.c
CLAIMS = "sago:mails:claims"
FIXED = {"id", "kind", "ref", "firm_id", "company_id", "recipient", "created_at"}
HELD = (MailState.CLAIMED, MailState.SENDING)
GONE = (MailState.SENDING, MailState.SENT, MailState.UNKNOWN)


class PostgresMails:
    """The `MailStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, mail: Mail) -> bool:
        row = mail.model_dump() | mail.model_dump(mode="json", include={"recipient"}) | {"address": mail.address}
        return self._connection.execute(upsert(mails).values(**row).on_conflict_do_nothing()).rowcount == 1

    def get(self, mail_id: UUID) -> Mail | None:
        return next(iter(self._found(select(mails).where(C.id == mail_id).with_for_update())), None)

    def replace(self, before: Mail, after: Mail) -> bool:
        same = update(mails).where(C.id == before.id, C.state == before.state, C.token == before.token)
        return self._connection.execute(same.values(**after.model_dump(exclude=FIXED))).rowcount == 1

    def lock(self) -> None:
        self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(CLAIMS, 0))))

    def due(self, now: datetime, limit: int = 500) -> list[UUID]:
        query = select(C.id).where(C.state == MailState.QUEUED, C.next_attempt_at <= now)
        return list(self._connection.scalars(query.order_by(C.next_attempt_at, C.created_at, C.id).limit(limit)))

    def take(self, mail_id: UUID, now: datetime) -> Mail | None:
        may = or_(C.next_attempt_at <= now, C.waits_for == WaitsFor.PACE)
        query = select(mails).where(C.id == mail_id, C.state == MailState.QUEUED, may)
        return next(iter(self._found(query.with_for_update(skip_locked=True))), None)

    def lapsed(self, now: datetime) -> list[Mail]:
        query = select(mails).where(C.state.in_(HELD), C.lease_until <= now).order_by(C.lease_until, C.id)
        return self._found(query.with_for_update(skip_locked=True))

    def beside(self, mail: Mail, since: datetime) -> list[Mail]:
        counts = or_(C.state == MailState.CLAIMED, C.state.in_(GONE) & (C.sent_at > since))
        query = select(mails).where(C.kind == "letter", C.id != mail.id, C.firm_id == mail.firm_id, counts)
        return self._found(query.order_by(C.sent_at.nulls_last(), C.id))

    def find(self, states: Collection[MailState] | None = None, *, email: str | None = None) -> list[Mail]:
        query = select(mails).order_by(C.next_attempt_at, C.created_at, C.id)
        if states is not None:
            query = query.where(C.state.in_(list(states)))
        if email is not None:
            query = query.where(C.address == address_of(email))
        return self._found(query)

    def counts(self) -> dict[MailState, int]:
        query = select(C.state, func.count()).group_by(C.state)
        return {MailState(row[0]): row[1] for row in self._connection.execute(query)}

    def _found(self, query: Select[Any]) -> list[Mail]:
        return [_mail(row) for row in self._connection.execute(query)]


def _mail(row: Row[Any]) -> Mail:
    return Mail.model_validate(row._asdict())
