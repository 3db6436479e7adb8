"""store.batch: rows durable → buffer add → claims. All of it may run again and then changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sago.domain.batches import LIVE_RUN, DeadLetter
from sago.domain.messages import CompactMessage, Message, MessageRef
from sago.errors import InvalidMessageError, PermanentError, SagoError
from sago.ports import Buffer, Database, Dispatcher, MessageLog, RawStore, Transaction

CONFLICT = "same id and version are stored with other content"


class StoreReport(NamedTuple):
    """What became of one micro-batch; the three add up to its size. `conflicts` counts all that was refused."""

    stored: int
    duplicates: int
    conflicts: int


class Arrival(NamedTuple):
    """One message of a micro-batch as it came, and the origin of the dead letter that it replays."""

    message: Message
    value: bytes
    replay_of: str | None


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

        A message that no store takes is found by halving and dead-lettered alone. Raises TransientError when a store
        does not answer: the bridge then enqueues the batch again.
        """
        arrivals = [
            Arrival(Message.from_json(value), value, origin) for value, origin in zip(values, replay_of, strict=True)
        ]
        return self._store(name, arrivals, now)

    def _store(self, name: str, arrivals: Sequence[Arrival], now: datetime) -> StoreReport:
        try:
            self._clear_replayed(arrivals, now)
            outcome = self.raw.store([arrival.message for arrival in arrivals], name, now)
            refused = self._refuse_conflicts(arrivals, outcome.conflicts, now)
            self._queue([arrival.message for arrival in arrivals if arrival not in refused], now)
        except (PermanentError, InvalidMessageError) as error:
            return self._halve(name, arrivals, error, now)
        return StoreReport(len(outcome.stored), len(outcome.duplicates), len(outcome.conflicts))

    def _halve(self, name: str, arrivals: Sequence[Arrival], error: SagoError, now: datetime) -> StoreReport:
        if len(arrivals) > 1:
            middle = len(arrivals) // 2
            first, second = (self._store(name, part, now) for part in (arrivals[:middle], arrivals[middle:]))
            return StoreReport(*map(sum, zip(first, second, strict=True)))
        message = arrivals[0].message
        self._refuse(arrivals[0], f"message:{message.company_id}/{message.id}/{message.version}/store", error, now)
        return StoreReport(0, 0, 1)

    def _clear_replayed(self, arrivals: Sequence[Arrival], now: datetime) -> None:
        """A replay is read again: its mark and its member row would swallow it. Once: a second delivery of the replay
        must not clear what the first has queued."""
        for message, _, origin in arrivals:
            if origin is None:
                continue
            with self.database.begin() as tx:
                letter = tx.ledger.dead_letter(origin)
            if letter is not None and letter.replayed_at is not None:
                continue
            self.buffer.forget(message.company_id, [message.key])
            with self.database.begin() as tx:
                tx.batches.remove_member(message.company_id, message.key, LIVE_RUN)
                tx.ledger.mark_replayed(origin, now)

    def _refuse_conflicts(
        self, arrivals: Sequence[Arrival], conflicts: Sequence[MessageRef], now: datetime
    ) -> list[Arrival]:
        """Dead-letter each message whose id and version are stored with other content; those messages."""
        if not conflicts:
            return []
        keys = {(ref.company_id, ref.message_id, ref.version) for ref in conflicts}
        suspects = [a for a in arrivals if (a.message.company_id, a.message.id, a.message.version) in keys]
        stored = {m.ref: m.content_sha() for m in self.raw.read(sorted({a.message.ref for a in suspects}))}
        refused = [a for a in suspects if stored.get(a.message.ref) != a.message.content_sha()]
        for arrival in refused:
            self._refuse(arrival, conflict_origin(arrival.message), InvalidMessageError(CONFLICT), now)
        return refused

    def _refuse(self, arrival: Arrival, origin: str, error: SagoError, now: datetime) -> None:
        message = arrival.message
        letter = DeadLetter(
            origin=origin,
            topic=self.topic_of(message.source),
            company_id=message.company_id,
            message_id=message.id,
            error=str(error),
            error_type=type(error).__name__,
            failed_at=now,
            value=arrival.value,
        )
        self.log.dead_letter(letter, message.company_id)

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


def conflict_origin(message: Message) -> str:
    """The origin of the dead letter that a conflicting message becomes."""
    return f"message:{message.company_id}/{message.id}/{message.version}/{message.content_sha().hex()[:16]}"
