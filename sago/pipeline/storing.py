"""store.batch: rows durable → buffer add → claims. All of it may run again and then changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sago.domain.batches import LIVE_RUN, DeadLetter
from sago.domain.cues import is_urgent
from sago.domain.dead_letters import UNREAD
from sago.domain.erasures import EmptiedMessage
from sago.domain.messages import CompactMessage, Message, MessageRef
from sago.errors import InvalidMessageError, PermanentError, SagoError, TransientError
from sago.pipeline.erasing import without_words
from sago.ports import Buffer, Database, Dispatcher, MessageLog, RawStore

NEWS_FOR = timedelta(days=1)
"""What was sent longer ago may wait: an imported history must not hurry anybody."""
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
    """What queueing messages led to."""

    claims: list[tuple[str, str]]
    """Company and batch id."""
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
    urgent: bool = False
    """Whether probable news of high severity makes a batch at once."""

    def store(self, name: str, values: Sequence[bytes], replay_of: Sequence[str | None], now: datetime) -> StoreReport:
        """Store a micro-batch under its name and count what is new; returns once every row is durable.

        A message that the raw store refuses is found by halving and dead-lettered alone. Raises TransientError when a
        store does not answer, or a row stands and cannot be queued: the bridge then enqueues the batch again.
        """
        messages = without_words([Message.from_json(value) for value in values], self.database, now)
        arrivals = [Arrival(*each) for each in zip(messages, values, replay_of, strict=True)]
        self._clear_replayed(arrivals, now)
        report = self._store(name, arrivals, now)
        with self.database.begin() as tx:
            tx.under_way.end({(message.company_id, message.id) for message in messages})
        return report

    def _store(self, name: str, arrivals: Sequence[Arrival], now: datetime) -> StoreReport:
        try:
            outcome = self.raw.store([arrival.message for arrival in arrivals], name, now)
            refused = self._refuse_conflicts(arrivals, outcome.conflicts, now)
        except (PermanentError, InvalidMessageError) as error:
            return self._halve(name, arrivals, error, now)
        try:
            self._queue([arrival.message for arrival in arrivals if arrival not in refused], now)
        except PermanentError as error:  # no message's fault: its row is durable
            raise TransientError(f"{name} is stored and not queued: {error}") from error
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
        """What could not be read is read again: its mark and its member row would swallow it. Of a message that was
        refused before, another may have been stored and read under the same id since: that one keeps both.

        Once: a second delivery of the replay must not free what the first has queued, or what a batch of it has read.
        So the mark goes within the letter's transaction: whoever dies in between has marked nothing.
        """
        for message, _, origin in arrivals:
            if origin is None:
                continue
            with self.database.begin() as tx:
                if tx.ledger.mark_replayed(origin, now) and origin.endswith(UNREAD):
                    tx.batches.remove_member(message.company_id, message.key, LIVE_RUN)
                    self.buffer.forget(message.company_id, [message.key])

    def _refuse_conflicts(
        self, arrivals: Sequence[Arrival], conflicts: Sequence[MessageRef], now: datetime
    ) -> list[Arrival]:
        """Those whose id and version are stored with other content, and are not to be queued; each is dead-lettered
        but what the vendor said just so, and names alone are others."""
        if not conflicts:
            return []
        keys = {(ref.company_id, ref.message_id, ref.version) for ref in conflicts}
        suspects = [a for a in arrivals if (a.message.company_id, a.message.id, a.message.version) in keys]
        stored = {m.ref: m for m in self.raw.read(sorted({a.message.ref for a in suspects}))}
        # of an erased person nothing is kept beside the row that is there
        told = [a for a in suspects if not isinstance(a.message, EmptiedMessage)]
        refused = [a for a in told if not _is_stored(a.message, stored)]
        for arrival in refused:
            there = stored.get(arrival.message.ref)
            if there is None or not there.retells(arrival.message):
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
            value=message.to_json() if isinstance(message, EmptiedMessage) else arrival.value,
        )
        self.log.dead_letter(letter, message.company_id)

    def _queue(self, messages: Sequence[Message], now: datetime) -> None:
        by_company: dict[str, list[CompactMessage]] = defaultdict(list)
        for message in messages:
            by_company[message.company_id].append(message.compact())
        queued = queue_new(by_company, self.buffer, self.database, now, is_news if self.urgent else None)
        for company_id, batch_id in queued.claims:
            self.dispatcher.open_batch(company_id, batch_id)
        if queued.epoch_missing:
            self.dispatcher.recover()


def _is_stored(message: Message, stored: Mapping[MessageRef, Message]) -> bool:
    there = stored.get(message.ref)
    return there is not None and there.content_sha() == message.content_sha()


def is_news(message: CompactMessage, now: datetime) -> bool:
    """Whether the message was sent lately and probably tells an event of high severity."""
    return now - message.sent_at <= NEWS_FOR and is_urgent(message.text)


def queue_new(
    messages: Mapping[str, Sequence[CompactMessage]],
    buffer: Buffer,
    database: Database,
    now: datetime,
    urgent: Callable[[CompactMessage, datetime], bool] | None = None,
) -> Queued:
    """Queue of each company what no batch has read and no mark knows; the batches that became ready by it, also by
    a message that is `urgent`.

    A late lower version is never queued. A version whose lower one has been read claims its company at once, so that
    what the lower one said is withdrawn without waiting for the threshold.
    """
    with database.begin() as tx:
        tx.companies.ensure_all(messages, now)
        highest = tx.batches.highest_versions({name: {each.id for each in given} for name, given in messages.items()})
    fresh = {
        company_id: unread
        for company_id, given in messages.items()
        if (unread := [each for each in given if highest[company_id].get(each.id, -1) < each.version])
    }
    if not fresh:
        return Queued([], epoch_missing=not buffer.has_epoch())
    alarms = {name: {each.key for each in unread if urgent and urgent(each, now)} for name, unread in fresh.items()}
    added = buffer.add_all(fresh, now, alarms)
    claims: list[tuple[str, str | None]] = []
    for company_id, each in added.items():
        is_newer = any(message.id in highest[company_id] for message in fresh[company_id])
        batch_id = buffer.claim(company_id, now) if each.batch_id is None and is_newer else each.batch_id
        claims += [(company_id, batch_id), (company_id, each.further_id)]
    return Queued(
        [(company_id, batch_id) for company_id, batch_id in claims if batch_id],
        epoch_missing=any(each.epoch_missing for each in added.values()),
    )


def conflict_origin(message: Message) -> str:
    """The origin of the dead letter that a conflicting message becomes."""
    return f"message:{message.company_id}/{message.id}/{message.version}/{message.content_sha().hex()[:16]}"
