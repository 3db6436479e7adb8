"""store.batch: rows durable → buffer add → claims. All of it may run again and then changes nothing."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sago.domain.batches import LIVE_RUN, DeadLetter
from sago.domain.messages import CompactMessage, Message, MessageRef
from sago.errors import InvalidMessageError
from sago.ports import Buffer, Database, Dispatcher, MessageLog, RawStore, Transaction


class StoreReport(NamedTuple):
    """What became of one micro-batch; the three add up to its size."""

    stored: int
    duplicates: int
    conflicts: int


class Queued(NamedTuple):
    """What queueing one company's messages led to."""

    batch_ids: list[str]
    epoch_missing: bool


@dataclass(frozen=True)
class Storing:
    """The use case behind `store.batch`, over its ports."""

    raw: RawStore
    buffer: Buffer
    database: Database
    log: MessageLog
    dispatcher: Dispatcher
    topic_of: Callable[[str], str]

    def store(self, name: str, values: Sequence[bytes], replay_of: Sequence[str | None], now: datetime) -> StoreReport:
        """Store a micro-batch under its name and count what is new; returns once every row is durable.

        Raises TransientError when a store does not answer: the bridge then enqueues the batch again.
        """
        messages = [Message.from_json(value) for value in values]
        self._clear_replayed(messages, replay_of, now)
        outcome = self.raw.store(messages, name, now)
        refused = self._refuse_conflicts(messages, outcome.conflicts, now)
        self._queue([message for message in messages if message not in refused], now)
        return StoreReport(len(outcome.stored), len(outcome.duplicates), len(outcome.conflicts))

    def _clear_replayed(self, messages: Sequence[Message], replay_of: Sequence[str | None], now: datetime) -> None:
        """A replay is read again: its member row and its mark would swallow it otherwise."""
        for message, origin in zip(messages, replay_of, strict=True):
            if origin is None:
                continue
            with self.database.begin() as tx:
                tx.batches.remove_member(message.company_id, message.key, LIVE_RUN)
                tx.ledger.mark_replayed(origin, now)
            self.buffer.forget(message.company_id, [message.key])

    def _refuse_conflicts(
        self, messages: Sequence[Message], conflicts: Sequence[MessageRef], now: datetime
    ) -> list[Message]:
        """Dead-letter each message whose id and version are stored with other content; those messages."""
        if not conflicts:
            return []
        keys = {(ref.company_id, ref.message_id, ref.version) for ref in conflicts}
        suspects = [m for m in messages if (m.company_id, m.id, m.version) in keys]
        stored = {m.ref: content_of(m) for m in self.raw.read(sorted({m.ref for m in suspects}))}
        refused = [message for message in suspects if stored.get(message.ref) != content_of(message)]
        for message in refused:
            self.log.dead_letter(conflict_letter(message, self.topic_of(message.source), now), message.company_id)
        return refused

    def _queue(self, messages: Sequence[Message], now: datetime) -> None:
        by_company: dict[str, list[CompactMessage]] = defaultdict(list)
        for message in messages:
            by_company[message.company_id].append(message.compact())
        lost = False
        for company_id, compact in by_company.items():
            with self.database.begin() as tx:
                queued = queue_new(company_id, compact, self.buffer, tx, now)
            lost = lost or queued.epoch_missing
            for batch_id in queued.batch_ids:
                self.dispatcher.open_batch(company_id, batch_id)
        if lost:
            self.dispatcher.recover()


def queue_new(
    company_id: str, messages: Sequence[CompactMessage], buffer: Buffer, tx: Transaction, now: datetime
) -> Queued:
    """Queue what no batch has read and no mark knows; the batches that became ready by it.

    A late lower version is never queued. A version whose lower one has been read claims its company at once, so that
    what the lower one said is withdrawn without waiting for the threshold.
    """
    marked = buffer.known(company_id, [message.key for message in messages])
    candidates = {message.key: message for message in messages if message.key not in marked}
    tx.companies.ensure(company_id, now)
    read = tx.batches.members(company_id, list(candidates), LIVE_RUN)
    highest = tx.batches.highest_versions(company_id, [key.message_id for key in candidates])
    fresh = [m for m in candidates.values() if m.key not in read and highest.get(m.id, -1) < m.version]
    if not fresh:
        return Queued([], epoch_missing=not buffer.has_epoch())
    added = buffer.add(company_id, fresh, now)
    batch_id = added.batch_id
    if batch_id is None and any(message.id in highest for message in fresh):
        batch_id = buffer.claim(company_id, now)
    return Queued([batch_id] if batch_id else [], added.epoch_missing)


def content_of(message: Message) -> str:
    """sha256 of what makes two deliveries the same message: sender, time, subject, text and deletion."""
    parts = (message.sender, message.sent_at.isoformat(), message.subject or "", message.text, str(message.deleted))
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def conflict_origin(message: Message) -> str:
    """The origin of the dead letter that a conflicting message becomes."""
    return f"message:{message.company_id}/{message.id}/{message.version}/{content_of(message)[:16]}"


def conflict_letter(message: Message, topic: str, now: datetime) -> DeadLetter:
    """The dead letter of a message whose id and version are stored with other content."""
    return DeadLetter(
        origin=conflict_origin(message),
        topic=topic,
        company_id=message.company_id,
        message_id=message.id,
        error="same id and version are stored with other content",
        error_type=InvalidMessageError.__name__,
        failed_at=now,
        value=message.to_json(),
    )
