"""Watches and letters; a partial unique index keeps a window to one live letter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.letters import Letter, LetterState
from sago.domain.watches import Watch
from sago.errors import PermanentError
from sago.stores.postgres.tables import audit_log, outreach, watches

LIVE = [state for state in LetterState if state.is_live]
LETTER = [outreach.c[name] for name in Letter.model_fields]


class PostgresOutreach:
    """The `OutreachStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_watch(self, watch: Watch) -> None:
        self.add_watches([watch])

    def add_watches(self, added: Sequence[Watch]) -> None:
        """`add_watch` for many in one statement."""
        if added:
            row = upsert(watches)
            changed = {column.name: column for column in row.excluded if column.name != "id"}
            replaced = row.on_conflict_do_update(index_elements=["id"], set_=changed)
            self._connection.execute(replaced, [_watch_row(watch) for watch in added])

    def watches(self, company_id: str | None = None) -> list[Watch]:
        query = select(watches).where(watches.c.is_active).order_by(watches.c.created_at, watches.c.id)
        if company_id is not None:
            query = query.where(watches.c.company_id == company_id)
        return [Watch.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def remove_watch(self, watch_id: UUID) -> bool:
        active = update(watches).where(watches.c.id == watch_id, watches.c.is_active)
        return self._connection.execute(active.values(is_active=False)).rowcount == 1

    def letter(self, letter_id: UUID) -> Letter | None:
        query = select(*LETTER).where(outreach.c.id == letter_id)
        row = self._connection.execute(query.with_for_update()).one_or_none()
        return _letter(row) if row else None

    def live_letter(self, watch_id: UUID, window: str) -> Letter | None:
        c = outreach.c
        query = select(*LETTER).where(c.watch_id == watch_id, c.window == window, c.state.in_(LIVE))
        row = self._connection.execute(query.with_for_update()).one_or_none()
        return _letter(row) if row else None

    def add_letter(self, letter: Letter) -> bool:
        row = _letter_row(letter)
        added = upsert(outreach).values(**row, updated_at=letter.created_at).on_conflict_do_nothing()
        return self._connection.execute(added).rowcount == 1

    def set_letter_state(self, letter_id: UUID, state: LetterState, at: datetime, who: str, why: str) -> None:
        """Raises PermanentError when there is no such letter; the state it has already changes and logs nothing."""
        letter = outreach.c.id == letter_id
        before = self._connection.execute(select(*LETTER).where(letter).with_for_update()).one_or_none()
        if before is None:
            raise PermanentError(f"letter {letter_id}: unknown")
        if before.state == state:
            return
        self._connection.execute(update(outreach).where(letter).values(state=state, updated_at=at))
        note = insert(audit_log).values(
            at=at,
            who=who,
            action=f"letter.{state}",
            subject=str(letter_id),
            firm_id=before.firm_id,
            company_id=before.company_id,
            detail={"from": before.state, "why": why},
        )
        self._connection.execute(note)

    def approved(self, before: datetime) -> list[Letter]:
        c = outreach.c
        query = select(*LETTER).where(c.state == LetterState.APPROVED, c.approved_at <= before)
        locked = query.order_by(c.approved_at, c.id).with_for_update(skip_locked=True)
        return [_letter(row) for row in self._connection.execute(locked)]

    def letters(self, company_id: str | None = None, *, live: bool = True) -> list[Letter]:
        query = select(*LETTER).order_by(outreach.c.created_at.desc(), outreach.c.id)
        if company_id is not None:
            query = query.where(outreach.c.company_id == company_id)
        if live:
            query = query.where(outreach.c.state.in_(LIVE))
        return [_letter(row) for row in self._connection.execute(query)]


def _watch_row(watch: Watch) -> dict[str, Any]:
    kept_as_json = watch.model_dump(mode="json", include={"investor", "conditions", "weights", "voice"})
    return watch.model_dump() | kept_as_json


def _letter_row(letter: Letter) -> dict[str, Any]:
    kept_as_json = letter.model_dump(mode="json", include={"sender", "recipient", "draft", "receipts", "thread"})
    lists = {"event_ids": list(letter.event_ids), "ticked": sorted(letter.ticked)}
    return letter.model_dump() | kept_as_json | lists


def _letter(row: Row[Any]) -> Letter:
    return Letter.model_validate(row._asdict())
