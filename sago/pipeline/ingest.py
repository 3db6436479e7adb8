"""Rows into the log, and an account of every one: read = stored + dead-lettered + duplicates."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol

from sago.domain.batches import DeadLetter, Position
from sago.domain.messages import Message, MessageRef
from sago.errors import InvalidMessageError, TransientError
from sago.pipeline.storing import CONFLICT, conflict_origin
from sago.ports import Clock, Database, MessageLog, RawStore

AT_ONCE = 500
"""Messages published together and then held until they are accounted for."""
SLICE_BYTES = 1_000_000
"""Bytes published together at most."""
WINDOW = 4
"""Slices on their way at a time: together under the 5 MB a partition past which the embedded broker drops data."""
STALLED_AFTER = 60.0
"""Seconds without any progress of the bridge after which waiting is given up."""
ATTEMPTS = 3
"""Times an unaccounted message is produced."""
LOOK_EVERY = 0.02
"""Seconds between looks at the bridge's watermarks."""
PROJECTION_GRACE = 5.0
"""Seconds a dead letter may take from its topic into the ledger."""


class BadRow(Protocol):
    """A row that is no message, as the sources' readers give it."""

    @property
    def line(self) -> int:
        """Where it stands in its file."""

    @property
    def reason(self) -> str:
        """Why it is no message."""

    @property
    def value(self) -> bytes:
        """Its original bytes."""

    @property
    def topic(self) -> str:
        """The topic it was meant for, or `unparsed`."""

    @property
    def origin(self) -> str:
        """`sha256(file):line`."""


@dataclass
class Account:
    """What became of the rows read; `companies` maps each company to its newest message's time."""

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    dead_lettered: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Where (line, or message id) and why."""
    companies: dict[str, datetime] = field(default_factory=dict)

    @property
    def unaccounted(self) -> int:
        """Rows neither stored nor refused: 0 unless something is down."""
        return self.read - self.stored - self.duplicates - self.dead_lettered


@dataclass(frozen=True)
class _Slice:
    """Messages on their way, where the log put them, and which of them were stored or on their way before."""

    messages: list[Message]
    positions: list[Position]
    before: set[MessageRef]


@dataclass(frozen=True)
class Ingest:
    """The use case behind `sago run` and `sago ingest`, over its ports."""

    log: MessageLog
    raw: RawStore
    database: Database
    clock: Clock
    until: float = math.inf
    """On the monotonic clock: when waiting is given up even where the bridge makes progress."""

    def feed(self, rows: Iterable[Message | BadRow], account: Account, on_step: Callable[[Account], None]) -> None:
        """Publish every row, wait until it is stored, and account for it.

        A message that the log lost is produced again. Raises TransientError when the bridge makes no progress for a
        minute, or at `until`; `account` then tells how far it came.
        """
        pending = iter(rows)
        on_their_way: deque[_Slice] = deque()
        while part := list(islice(pending, AT_ONCE)):
            account.read += len(part)
            for row in part:
                if not isinstance(row, Message):
                    self._refuse(row, account)
            for messages in self._slices([row for row in part if isinstance(row, Message)], account):
                on_their_way.append(self._publish(messages, on_their_way))
                if len(on_their_way) >= WINDOW:
                    self._settle(on_their_way.popleft(), account)
                on_step(account)
        while on_their_way:
            self._settle(on_their_way.popleft(), account)
            on_step(account)

    def _publish(self, messages: list[Message], ahead: Iterable[_Slice]) -> _Slice:
        before = set(self._stored(messages)) | {message.ref for other in ahead for message in other.messages}
        return _Slice(messages, self.log.publish(messages), before)

    def _refuse(self, row: BadRow, account: Account) -> None:
        letter = DeadLetter(
            origin=row.origin,
            topic=row.topic,
            error=row.reason,
            error_type=InvalidMessageError.__name__,
            failed_at=self.clock.now(),
            value=row.value,
        )
        self.log.dead_letter(letter)
        account.dead_lettered += 1
        account.refused.append((f"line {row.line}", row.reason))

    def _slices(self, messages: Sequence[Message], account: Account) -> Iterable[list[Message]]:
        """Cut by bytes, after noting each company's newest message."""
        part: list[Message] = []
        size = 0
        for message in messages:
            newest = account.companies.get(message.company_id, message.sent_at)
            account.companies[message.company_id] = max(newest, message.sent_at)
            part.append(message)
            size += len(message.to_json())
            if size >= SLICE_BYTES:
                yield part
                part, size = [], 0
        if part:
            yield part

    def _settle(self, part: _Slice, account: Account) -> None:
        """Wait until the bridge has passed a slice and classify each message; what the log lost goes in again."""
        positions, missing = part.positions, part.messages
        for attempt in range(ATTEMPTS):
            if attempt:
                positions = self.log.publish(missing)
            self._wait(positions)
            stored = self._stored(part.messages)
            missing = self._missing([message for message in part.messages if message.ref not in stored])
            if not missing:
                break
        known = set(part.before)
        for message in part.messages:
            if message in missing:
                continue
            if stored.get(message.ref) != message.content_sha():
                account.dead_lettered += 1
                account.refused.append((message.id, CONFLICT))
            elif message.ref in known:
                account.duplicates += 1
            else:
                account.stored += 1
                known.add(message.ref)

    def _missing(self, absent: list[Message]) -> list[Message]:
        """Of messages not found under their reference those that are no conflict either: the log has lost them."""
        until = self.clock.monotonic() + PROJECTION_GRACE
        while absent and self.clock.monotonic() < until:
            with self.database.begin() as tx:
                refused = tx.ledger.known_origins([conflict_origin(message) for message in absent])
            absent = [message for message in absent if conflict_origin(message) not in refused]
            if absent:
                self.clock.sleep(LOOK_EVERY)
        return absent

    def _stored(self, messages: Sequence[Message]) -> dict[MessageRef, bytes]:
        return {m.ref: m.content_sha() for m in self.raw.read(sorted({message.ref for message in messages}))}

    def _wait(self, positions: Sequence[Position]) -> None:
        """Return once the bridge's watermarks have passed all positions."""
        ends: dict[tuple[str, str, int], int] = {}
        for log_id, topic, partition, offset in positions:
            ends[log_id, topic, partition] = max(ends.get((log_id, topic, partition), 0), offset + 1)
        seen: object = None
        since = self.clock.monotonic()
        while ends:
            watermarks = self._watermarks({log_id for log_id, _, _ in ends})
            ends = {where: end for where, end in ends.items() if watermarks.get(where, 0) < end}
            if watermarks != seen:
                seen, since = watermarks, self.clock.monotonic()
            if ends and self.clock.monotonic() - since > STALLED_AFTER:
                raise TransientError(
                    f"the bridge made no progress for {STALLED_AFTER:.0f} s; see `sago status` and `sago logs bridge`"
                )
            if ends and self.clock.monotonic() > self.until:
                raise TransientError("the bridge did not store everything in time; see `sago status`")
            if ends:
                self.clock.sleep(LOOK_EVERY)

    def _watermarks(self, log_ids: set[str]) -> dict[tuple[str, str, int], int]:
        with self.database.begin() as tx:
            rows = [row for log_id in log_ids for row in tx.ledger.progress(log_id)]
        return {(row.log_id, row.topic, row.partition): row.watermark for row in rows}
