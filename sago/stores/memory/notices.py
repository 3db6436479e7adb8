"""The `NoticeStore` in memory."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sago.domain.mails import address_of
from sago.domain.notices import Notice, Told
from sago.errors import PermanentError
from sago.stores.memory.state import State


class MemoryNotices:
    """Notices of one transaction; transactions run one after the other, so nothing has to be locked."""

    def __init__(self, state: State) -> None:
        self._rows = state.notices
        self._told = state.told

    def lock(self, email: str) -> None:
        pass

    def add(self, notice: Notice) -> bool:
        if any(
            (row.firm_id, row.email, row.day) == (notice.firm_id, notice.email, notice.day)
            for row in self._rows.values()
        ):
            return False
        self._keep(notice)
        return True

    def replace(self, notice: Notice) -> None:
        self._told -= {key for key in self._told if key[2] == notice.id}
        self._keep(notice)

    def _keep(self, notice: Notice) -> None:
        keys = {(notice.email, told, notice.id) for told in notice.told}
        if {key[:2] for key in keys} & {key[:2] for key in self._told}:
            raise PermanentError(f"notice {notice.id}: tells what was told before")
        self._rows[notice.id] = notice
        self._told |= keys

    def take_words(self, event_ids: Collection[UUID], letter_ids: Collection[UUID]) -> int:
        emptied = {row.id: row.without_words(event_ids, letter_ids) for row in self._rows.values()}
        changed = {key: row for key, row in emptied.items() if row != self._rows[key]}
        self._rows.update(changed)
        return len(changed)

    def get(self, notice_id: UUID) -> Notice | None:
        return self._rows.get(notice_id)

    def of(self, email: str) -> list[Notice]:
        mine = [row for row in self._rows.values() if row.email == address_of(email)]
        return sorted(mine, key=lambda notice: notice.day)

    def told(self, email: str) -> set[Told]:
        return {told for address, told, _ in self._told if address == address_of(email)}
