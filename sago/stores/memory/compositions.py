"""The `CompositionStore` in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sago.domain.letters import Composition, CompositionState, DueLetter
from sago.stores.memory.state import State


class MemoryCompositions:
    """Due letters of one transaction."""

    def __init__(self, state: State) -> None:
        self._rows = state.compositions

    def add(self, letters: Sequence[DueLetter], now: datetime) -> int:
        new = {letter for letter in letters if letter not in self._rows or not _is_due(self._rows[letter])}
        self._rows.update({letter: _row(letter, now) for letter in new})
        return len(new)

    def end_overtaken(self, watch_ids: Collection[UUID]) -> int:
        latest: dict[UUID, datetime] = {}
        for row in self.find():
            if row.state is not CompositionState.FAILED:
                latest[row.watch_id] = row.as_of
        mine = [key for key, row in self._rows.items() if key.watch_id in watch_ids and _is_due(row)]
        overtaken = [letter for letter in mine if letter.as_of < latest[letter.watch_id]]
        for letter in overtaken:
            self.end(letter, CompositionState.DONE)
        return len(overtaken)

    def take_due(self, now: datetime, again_at: datetime, limit: int = 500) -> list[DueLetter]:
        due = [(row.next_attempt_at, key) for key, row in self._rows.items() if _is_due(row)]
        taken = [letter for at, letter in sorted(due) if at <= now][:limit]
        for letter in taken:
            self._change(letter, next_attempt_at=again_at)
        return taken

    def begin(self, letter: DueLetter, lease_until: datetime, now: datetime) -> int | None:
        row = self._rows.get(letter) or _row(letter, now)
        if not _is_due(row) or row.retry_at > now:
            return None
        self._rows[letter] = row
        self._change(letter, attempts=row.attempts + 1, retry_at=lease_until, next_attempt_at=lease_until)
        return row.attempts + 1

    def postpone(self, letter: DueLetter, retry_at: datetime, error: str, *, is_counted: bool) -> None:
        row = self._rows.get(letter)
        if row and _is_due(row):
            attempts = row.attempts if is_counted else max(row.attempts - 1, 0)
            self._change(letter, attempts=attempts, retry_at=retry_at, next_attempt_at=retry_at, error=error)

    def end(self, letter: DueLetter, state: CompositionState, error: str | None = None) -> None:
        if letter in self._rows:
            self._change(letter, state=state, error=error)

    def find(self, state: CompositionState | None = None) -> list[Composition]:
        rows = [row for row in self._rows.values() if state in (None, row.state)]
        return sorted(rows, key=lambda row: (row.as_of, row.watch_id))

    def counts(self) -> dict[CompositionState, int]:
        return dict(Counter(row.state for row in self._rows.values()))

    def _change(self, letter: DueLetter, **changes: Any) -> None:
        self._rows[letter] = self._rows[letter].model_copy(update=changes)


def _row(letter: DueLetter, now: datetime) -> Composition:
    return Composition(watch_id=letter.watch_id, as_of=letter.as_of, retry_at=now, next_attempt_at=now)


def _is_due(row: Composition) -> bool:
    return row.state is CompositionState.DUE
