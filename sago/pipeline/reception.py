"""Messages handed in by other programs: when this answers they are safe."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sago.domain.messages import Message
from sago.errors import TransientError
from sago.pipeline.ingest import SLICE_BYTES, WINDOW, Account, Ingest
from sago.ports import Clock, Database, MessageLog, RawStore


class Room:
    """Bytes that may be on their way at once; what is larger than the room waits until it is empty."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size: int, within: float) -> Iterator[None]:
        """Hold `size` bytes for the time of the block; raises TransientError when none are free in `within` seconds."""
        size = min(size, self._size)
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken + size <= self._size, within):
                raise TransientError("messages handed in before are still waiting to become safe")
            self._taken += size
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size
                self._changed.notify_all()


@dataclass
class Reception:
    """The use case behind `POST …/ingest`. Thread-safe.

    Kafka's acknowledgement makes a message safe. With `until_stored`, for a log that is only in memory, the raw store's
    does: the bridge is waited for, and a message stored before with other content is told. What is refused here is no
    dead letter, for its sender is told at once; a conflict is one all the same where the bridge finds it.
    """

    log: MessageLog
    raw: RawStore
    database: Database
    clock: Clock
    until_stored: bool
    within: float
    """Seconds until it gives up."""

    def __post_init__(self) -> None:
        # A producer sends one call at a time, so that without waiting for the bridge there is room for one call.
        self._room = Room(SLICE_BYTES * WINDOW if self.until_stored else 1)

    def take(self, messages: Sequence[Message]) -> list[Message]:
        """Make them safe; those among them that are stored already with other content.

        Handing in a message again has no further effect. Raises TransientError when it did not become safe in time:
        then some of them may have.
        """
        until = self.clock.monotonic() + self.within
        size = sum(len(message.to_json()) for message in messages) if self.until_stored else 1
        with self._room.taken(size, self.within):
            if not self.until_stored:
                self.log.publish(messages)
                return []
            account = Account()
            Ingest(self.log, self.raw, self.database, self.clock, until).feed(messages, account, lambda _: None)
        return self._conflicts(messages) if account.dead_lettered else []

    def _conflicts(self, messages: Sequence[Message]) -> list[Message]:
        stored = {each.ref: each for each in self.raw.read(sorted({each.ref for each in messages}))}
        return [each for each in messages if each.ref not in stored or not stored[each.ref].retells(each)]
