"""The `RawStore` in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sago.domain.batches import StoreOutcome
from sago.domain.erasures import EmptiedMessage, Erasure, is_emptied
from sago.domain.messages import Message, MessageRef


class StoredMessage(NamedTuple):
    """A row: the message, the batch that brought it and when, the batch that read it and when."""

    message: Message
    batch_name: str
    received_at: datetime
    batch_id: str | None = None
    extracted_at: datetime | None = None


class MemoryRawStore:
    """Rows in this process; threads may share it."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, int], StoredMessage] = {}
        self._lock = threading.Lock()

    def store(self, messages: Sequence[Message], batch_name: str, received_at: datetime) -> StoreOutcome:
        outcome = StoreOutcome([], [], [])
        seen: set[tuple[str, str, int]] = set()
        with self._lock:
            for message in messages:
                key = (message.company_id, *message.key)
                row = self.rows.setdefault(key, StoredMessage(message, batch_name, received_at))
                if row.message.content_sha() != message.content_sha():
                    outcome.conflicts.append(message.ref)
                elif row.batch_name != batch_name or key in seen:
                    outcome.duplicates.append(message.ref)
                else:
                    outcome.stored.append(message.ref)
                seen.add(key)
        return outcome

    def read(self, refs: Sequence[MessageRef]) -> list[Message]:
        with self._lock:
            found = {row.message.ref: row.message for row in self.rows.values()}
        return [found[ref] for ref in refs if ref in found]

    def read_range(
        self,
        company_id: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        *,
        source: str | None = None,
        oldest: bool = False,
    ) -> list[Message]:
        with self._lock:
            mine = [row.message for row in self.rows.values() if row.message.company_id == company_id]
        mine = [each for each in mine if source in (None, each.source)]
        within = sorted((each for each in mine if start <= each.sent_at < end), key=lambda message: message.ref)
        return within[: max(limit, 0)] if oldest else within[max(len(within) - limit, 0) :]

    def read_day(self, company_id: str, day: date) -> list[MessageRef]:
        with self._lock:
            refs = [row.message.ref for row in self.rows.values()]
        return sorted(ref for ref in refs if ref.company_id == company_id and ref.sent_at.date() == day)

    def changed_days(self, since: date) -> list[tuple[str, date]]:
        with self._lock:
            rows = [row for row in self.rows.values() if row.received_at.date() >= since]
        return sorted({(row.message.company_id, row.message.sent_at.date()) for row in rows})

    def mark(self, refs: Sequence[MessageRef], batch_id: str, extracted_at: datetime) -> None:
        with self._lock:
            for ref in refs:
                key = (ref.company_id, ref.message_id, ref.version)
                if key in self.rows:
                    self.rows[key] = self.rows[key]._replace(batch_id=batch_id, extracted_at=extracted_at)

    def count(self, company_id: str | None = None) -> int:
        with self._lock:
            return sum(company_id in (None, company) for company, _, _ in self.rows)

    def find(self, erasure: Erasure) -> list[MessageRef]:
        with self._lock:
            held = [row.message for row in self.rows.values() if not is_emptied(row.message)]
        return sorted(m.ref for m in held if erasure.covers(m.company_id, m.id, m.sender))

    def empty(self, refs: Sequence[MessageRef]) -> None:
        with self._lock:
            for ref in refs:
                key = (ref.company_id, ref.message_id, ref.version)
                row = self.rows[key]
                if not is_emptied(row.message):
                    self.rows[key] = row._replace(message=EmptiedMessage.of(row.message))
