"""The Buffer port in memory: the same answers as Redis, without a ceiling."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from sago.domain.batches import Added, Claim
from sago.domain.messages import CompactMessage, MessageKey
from sago.sections import CacheSettings

MARKS_FOR = timedelta(hours=48)


@dataclass
class _Company:
    """What the buffer holds of one company; `queue` in order of arrival."""

    queue: list[tuple[datetime, CompactMessage]] = field(default_factory=list)
    marks: dict[MessageKey, datetime] = field(default_factory=dict)
    claims: dict[str, list[CompactMessage]] = field(default_factory=dict)
    taken_over: set[str] = field(default_factory=set)
    urgent_at: datetime | None = None

    def holds(self, keys: Collection[MessageKey]) -> bool:
        """Whether any of them waits."""
        return any(message.key in keys for _, message in self.queue)


class MemoryBuffer:
    """Everything in dictionaries. A taken-over claim never expires here; `share` is what `memory_share` answers."""

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings
        self._companies: dict[str, _Company] = {}
        self._epoch: datetime | None = None
        self._next_epoch: datetime | None = None
        self.share = 0.0

    def words(self, company_id: str) -> int:
        company = self._company(company_id)
        held = [message for _, message in company.queue]
        held += [message for claim in company.claims.values() for message in claim]
        return sum(bool(message.text or message.sender) for message in held)

    def known(self, company_id: str, keys: Sequence[MessageKey], now: datetime) -> set[MessageKey]:
        marks = self._company(company_id).marks
        return {key for key in keys if key in marks and marks[key] >= now - MARKS_FOR}

    def add(
        self,
        company_id: str,
        messages: Sequence[CompactMessage],
        now: datetime,
        urgent: Collection[MessageKey] = (),
    ) -> Added:
        company = self._company(company_id)
        self._trim(company, now)
        fresh: list[MessageKey] = []
        for message in messages:
            if message.key not in company.marks:
                company.marks[message.key] = now
                company.queue.append((now, message))
                fresh.append(message.key)
        news = {key for key in fresh if key in urgent} if self._may_be_urgent(company, now) else set()
        reached = len(company.queue) >= self._settings.cache_trigger_threshold
        batch_id = self._take(company_id) if reached or news else None
        further_id = self._take(company_id) if company.holds(news) else None
        if news and not company.holds(news):
            company.urgent_at = now
        return Added(len(fresh), len(messages) - len(fresh), batch_id, self._epoch is None, further_id)

    def add_all(
        self,
        messages: Mapping[str, Sequence[CompactMessage]],
        now: datetime,
        urgent: Mapping[str, Collection[MessageKey]] | None = None,
    ) -> dict[str, Added]:
        given = urgent or {}
        return {name: self.add(name, some, now, given.get(name, ())) for name, some in messages.items()}

    def claim(self, company_id: str, now: datetime) -> str | None:
        self._trim(self._company(company_id), now)
        return self._take(company_id)

    def claimed(self, company_id: str, batch_id: str) -> Claim | None:
        messages = self._company(company_id).claims.get(batch_id)
        if messages is None:
            return None
        held = sorted(messages, key=lambda message: (message.sent_at, message.id, message.version))
        return Claim(batch_id=batch_id, company_id=company_id, messages=tuple(held))

    def unopened(self) -> list[tuple[str, str]]:
        return sorted(
            (company_id, batch_id)
            for company_id, company in self._companies.items()
            for batch_id in company.claims.keys() - company.taken_over
        )

    def taken_over(self, company_id: str, batch_id: str) -> None:
        if batch_id in self._company(company_id).claims:
            self._company(company_id).taken_over.add(batch_id)

    def forget(self, company_id: str, keys: Sequence[MessageKey]) -> None:
        for key in keys:
            self._company(company_id).marks.pop(key, None)

    def due(self, now: datetime, older_than: timedelta) -> list[str]:
        oldest = {name: min(at for at, _ in held.queue) for name, held in self._companies.items() if held.queue}
        return sorted((name for name, at in oldest.items() if at <= now - older_than), key=lambda n: (oldest[n], n))

    def counts(self) -> dict[str, int]:
        return {name: len(held.queue) for name, held in sorted(self._companies.items()) if held.queue}

    def marks(self) -> int:
        return sum(len(company.marks) for company in self._companies.values())

    def memory_share(self) -> float:
        return self.share

    def begin_epoch(self, now: datetime) -> bool:
        is_first = self._epoch is None and self._next_epoch is None
        self._next_epoch = now
        return is_first

    def set_epoch(self) -> None:
        if self._next_epoch is not None:
            self._epoch, self._next_epoch = self._next_epoch, None

    def has_epoch(self) -> bool:
        return self._epoch is not None

    def close(self) -> None:
        """Nothing to let go."""

    def clear(self, company_id: str | None = None) -> None:
        if company_id is not None:
            self._companies.pop(company_id, None)
            return
        self._companies.clear()
        self._epoch = self._next_epoch = None

    def _company(self, company_id: str) -> _Company:
        return self._companies.setdefault(company_id, _Company())

    def _trim(self, company: _Company, now: datetime) -> None:
        company.marks = {key: at for key, at in company.marks.items() if at >= now - MARKS_FOR}

    def _may_be_urgent(self, company: _Company, now: datetime) -> bool:
        last = company.urgent_at
        return last is None or now - last >= timedelta(seconds=self._settings.urgent.every)

    def _take(self, company_id: str) -> str | None:
        """Claim the longest waiting. Each source keeps its order; across sources the head that waits longest goes."""
        company = self._company(company_id)
        if not company.queue:
            return None
        waiting: dict[str, list[tuple[datetime, CompactMessage]]] = {}
        for entry in company.queue:
            waiting.setdefault(entry[1].source, []).append(entry)
        batch: list[CompactMessage] = []
        while waiting and len(batch) < self._settings.claim_limit:
            source = min(waiting, key=lambda name: (waiting[name][0][0], waiting[name][0][1].sent_at, name))
            batch.append(waiting[source].pop(0)[1])
            if not waiting[source]:
                del waiting[source]
        company.queue = [entry for source in sorted(waiting) for entry in waiting[source]]
        batch_id = f"{company_id}:{uuid4()}"
        company.claims[batch_id] = batch
        return batch_id
