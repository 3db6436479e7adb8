"""Watches and letters; a partial unique index keeps a window to one live letter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterChange, LetterState, approval, changed
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

    def insert_watch(self, watch: Watch) -> bool:
        added = upsert(watches).values(_watch_row(watch)).on_conflict_do_nothing(index_elements=["id"])
        return self._connection.execute(added).rowcount == 1

    def watches(self, company_id: str | None = None) -> list[Watch]:
        query = select(watches).where(watches.c.is_active).order_by(watches.c.created_at, watches.c.id)
        if company_id is not None:
            query = query.where(watches.c.company_id == company_id)
        return [Watch.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def watch(self, watch_id: UUID) -> Watch | None:
        query = select(watches).where(watches.c.id == watch_id, watches.c.is_active)
        row = self._connection.execute(query).one_or_none()
        return Watch.model_validate(row._asdict()) if row else None

    def remove_watch(self, watch_id: UUID) -> bool:
        active = update(watches).where(watches.c.id == watch_id, watches.c.is_active)
        return self._connection.execute(active.values(is_active=False)).rowcount == 1

    def letter(self, letter_id: UUID) -> Letter | None:
        query = select(*LETTER).where(outreach.c.id == letter_id)
        row = self._connection.execute(query.with_for_update()).one_or_none()
        return _letter(row) if row else None

    def recipient(self, letter_id: UUID) -> Person | None:
        person = self._connection.scalar(select(outreach.c.recipient).where(outreach.c.id == letter_id))
        return Person.model_validate(person) if person else None

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
        before = self._known(letter_id)
        if before.state is state:
            return
        before.state.require(state, letter_id)
        self._update(letter_id, at, state=state, **approval(before, state, at, who))
        self._note(before, at, who, f"letter.{state}", why, changed(before, state))

    def rewrite_letter(self, letter: Letter, at: datetime, who: str, why: str) -> None:
        before = self._known(letter.id)
        row = _letter_row(letter)
        self._update(letter.id, at, **{name: row[name] for name in ("draft", "receipts", "ticked")})
        hashes = {"before": before.draft.sha256, "after": letter.draft.sha256}
        self._note(before, at, who, "letter.edited", why, hashes)

    def tick_letter(self, letter_id: UUID, claims: Collection[int], at: datetime, who: str, why: str) -> None:
        before = self._known(letter_id)
        if new := sorted(set(claims) - before.ticked):
            self._update(letter_id, at, ticked=sorted({*before.ticked, *new}))
            self._note(before, at, who, "letter.ticked", why, {"claims": new})

    def history(self, letter_id: UUID) -> list[LetterChange]:
        c = audit_log.c
        query = select(c.at, c.who, c.action, c.detail).where(c.subject == str(letter_id)).order_by(c.id)
        return [
            LetterChange(at=row.at, who=row.who, action=row.action, why=row.detail.pop("why", ""), detail=row.detail)
            for row in self._connection.execute(query)
        ]

    def _known(self, letter_id: UUID) -> Letter:
        """Locked; raises PermanentError where there is none."""
        letter = self.letter(letter_id)
        if letter is None:
            raise PermanentError(f"letter {letter_id}: unknown")
        return letter

    def _update(self, letter_id: UUID, at: datetime, **values: Any) -> None:
        self._connection.execute(update(outreach).where(outreach.c.id == letter_id).values(**values, updated_at=at))

    def _note(self, of: Letter, at: datetime, who: str, action: str, why: str, detail: Mapping[str, Any]) -> None:
        note = insert(audit_log).values(
            at=at,
            who=who,
            action=action,
            subject=str(of.id),
            firm_id=of.firm_id,
            company_id=of.company_id,
            detail={**detail, "why": why},
        )
        self._connection.execute(note)

    def approved(self, before: datetime) -> list[Letter]:
        c = outreach.c
        query = select(*LETTER).where(
            c.state == LetterState.APPROVED, or_(c.approved_at.is_(None), c.approved_at <= before)
        )
        locked = query.order_by(c.approved_at.nulls_first(), c.id).with_for_update(skip_locked=True)
        return [_letter(row) for row in self._connection.execute(locked)]

    def letters(self, company_id: str | None = None, *, live: bool = True) -> list[Letter]:
        query = select(*LETTER).order_by(outreach.c.created_at.desc(), outreach.c.id)
        if company_id is not None:
            query = query.where(outreach.c.company_id == company_id)
        if live:
            query = query.where(outreach.c.state.in_(LIVE))
        return [_letter(row) for row in self._connection.execute(query)]

    def ended_letters(self, since: datetime) -> list[Letter]:
        c = outreach.c
        query = select(*LETTER).where(c.updated_at >= since, c.state.not_in(LIVE))
        return [_letter(row) for row in self._connection.execute(query.order_by(c.created_at.desc(), c.id))]


def _watch_row(watch: Watch) -> dict[str, Any]:
    kept_as_json = watch.model_dump(mode="json", include={"investor", "conditions", "weights", "voice"})
    return watch.model_dump() | kept_as_json


def _letter_row(letter: Letter) -> dict[str, Any]:
    kept_as_json = letter.model_dump(mode="json", include={"sender", "recipient", "draft", "receipts", "thread"})
    lists = {"event_ids": list(letter.event_ids), "ticked": sorted(letter.ticked)}
    return letter.model_dump() | kept_as_json | lists


def _letter(row: Row[Any]) -> Letter:
    return Letter.model_validate(row._asdict())
