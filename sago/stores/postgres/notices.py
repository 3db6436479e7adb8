"""What people were told: one notice a person, firm and day, and the keys that keep a thing from being told twice."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Text, cast, delete, false, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from sago.domain.mails import address_of
from sago.domain.notices import Notice, Told
from sago.errors import PermanentError
from sago.stores.postgres.tables import notices, told

CONTENT = {"items", "held_over"}
"""Of a notice, kept in the one column `items`."""


class PostgresNotices:
    """The `NoticeStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, email: str) -> None:
        key = func.hashtextextended(f"sago:notices:{address_of(email)}", 0)
        self._connection.execute(select(func.pg_advisory_xact_lock(key)))

    def add(self, notice: Notice) -> bool:
        added = upsert(notices).values(**_row(notice)).on_conflict_do_nothing()
        if self._connection.execute(added).rowcount == 0:
            return False
        self._tell(notice)
        return True

    def replace(self, notice: Notice) -> None:
        changed = update(notices).where(notices.c.id == notice.id)
        self._connection.execute(changed.values(**_row(notice)))
        self._connection.execute(delete(told).where(told.c.notice_id == notice.id))
        self._tell(notice)

    def _tell(self, notice: Notice) -> None:
        rows = [each._asdict() | {"email": notice.email, "notice_id": notice.id} for each in sorted(notice.told)]
        if not rows:
            return
        try:
            self._connection.execute(insert(told), rows)
        except IntegrityError as error:
            raise PermanentError(f"notice {notice.id}: tells what was told before") from error

    def take_words(self, event_ids: Collection[UUID], letter_ids: Collection[UUID]) -> int:
        named = [cast(notices.c["items"], Text).contains(str(each)) for each in (*event_ids, *letter_ids)]
        candidates = select(notices).where(or_(false(), *named)).order_by(notices.c.id).with_for_update()
        found = [_notice(row) for row in self._connection.execute(candidates)]
        emptied = [(each, each.without_words(event_ids, letter_ids)) for each in found]
        changed = [after for before, after in emptied if after != before]
        for each in changed:
            row = update(notices).where(notices.c.id == each.id)
            self._connection.execute(row.values(items=_row(each)["items"]))
        return len(changed)

    def get(self, notice_id: UUID) -> Notice | None:
        row = self._connection.execute(select(notices).where(notices.c.id == notice_id)).one_or_none()
        return _notice(row) if row else None

    def of(self, email: str) -> list[Notice]:
        query = select(notices).where(notices.c.email == address_of(email)).order_by(notices.c.day)
        return [_notice(row) for row in self._connection.execute(query)]

    def told(self, email: str) -> set[Told]:
        query = select(told.c.watch_id, told.c.what).where(told.c.email == address_of(email))
        return {Told(*row) for row in self._connection.execute(query)}


def _row(notice: Notice) -> dict[str, Any]:
    row = notice.model_dump(exclude=CONTENT) | notice.model_dump(mode="json", include={"recipient"})
    return row | {"items": notice.model_dump(mode="json", include=CONTENT)}


def _notice(row: Row[Any]) -> Notice:
    fields = row._asdict()
    return Notice.model_validate(fields | fields["items"])
