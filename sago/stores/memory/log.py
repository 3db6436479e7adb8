"""Kafka in memory: the MessageLog and LogConsumer ports, and the bridge's queue of store tasks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kafka.partitioner.default import murmur2

from sago.domain.batches import DeadLetter, Held, Position, Record
from sago.domain.dead_letters import REPLAY_OF, SUFFIX, UNPARSED, headers_of, value_of
from sago.domain.messages import Message
from sago.errors import TransientError
from sago.ports import Fate

Pair = tuple[str, int]


class MemoryLog:
    """Partitions as lists, one group's offsets, Kafka's own partitioning by key. Not thread-safe."""

    def __init__(self, topics: Mapping[str, str], partitions: int = 6) -> None:
        self.log_id = uuid.uuid4().hex
        self._topics = dict(topics)
        self._partitions: dict[Pair, list[Record]] = {}
        self._starts: dict[Pair, int] = {}
        self.committed: dict[Pair, int] = {}
        self._closed = False
        for topic in sorted(set(topics.values())):
            for number in range(partitions):
                self._partitions[topic, number] = []
            self._partitions[topic + SUFFIX, 0] = []
        self._partitions[UNPARSED + SUFFIX, 0] = []

    def ensure_topics(self) -> None:
        """They are there from the start."""

    def publish(self, messages: Sequence[Message], *, replay_of: str | None = None) -> list[Position]:
        """As the port says; `replay_of` marks each of these as the replay of a dead letter, by its origin."""
        headers = {REPLAY_OF: replay_of} if replay_of else {}
        rows = [(self._topic(m.source), m.company_id.encode(), m.to_json()) for m in messages]
        return [self.append(topic, key, value, headers) for topic, key, value in rows]

    def dead_letter(self, letter: DeadLetter, key: str | None = None) -> Position:
        """As the port says."""
        return self.append(letter.topic + SUFFIX, key.encode() if key else None, value_of(letter), headers_of(letter))

    def append(self, topic: str, key: bytes | None, value: bytes, headers: Mapping[str, str] | None = None) -> Position:
        """Append a record as any producer could, whether it is a message or not."""
        if self._closed:
            raise TransientError("the log is closed")
        numbers = [number for name, number in self._partitions if name == topic]
        if not numbers:
            raise TransientError(f"there is no topic {topic}")
        pair = (topic, (murmur2(key) & 0x7FFFFFFF) % len(numbers) if key else 0)
        position = Position(self.log_id, *pair, self.end(pair))
        self._partitions[pair].append(Record(position, key, value, dict(headers or {})))
        return position

    def dead_records(self, after: Mapping[Pair, int]) -> Iterator[list[Record]]:
        """As the port says, one record a part."""
        for pair in sorted(self.pairs()):
            if pair[0].endswith(SUFFIX):
                yield from ([record] for record in self.read(pair, after.get(pair, 0)))

    def held(self, company_id: str) -> list[Held]:
        found = []
        for pair in sorted(self.pairs()):
            mine = [record.position.offset for record in self.read(pair, 0) if record.key == company_id.encode()]
            if mine:
                found.append(Held(*pair, mine[0], mine[-1], len(mine), None))
        return found

    def lag(self) -> dict[str, int]:
        """As the port says, dead-letter topics included."""
        lag = dict.fromkeys(sorted({topic for topic, _ in self._partitions}), 0)
        for pair in self._partitions:
            lag[pair[0]] += self.end(pair) - max(self.committed.get(pair, 0), self.start(pair))
        return lag

    def close(self) -> None:
        """Further calls raise."""
        self._closed = True

    def consumer(self) -> MemoryLogConsumer:
        """The one member of the group: it owns every partition until some are revoked."""
        return MemoryLogConsumer(self)

    def records(self, topic: str) -> list[Record]:
        """Everything a topic holds, by partition and offset."""
        return [record for pair in sorted(self.pairs()) if pair[0] == topic for record in self._partitions[pair]]

    def drop(self, pair: Pair, below: int) -> None:
        """Lose the records before an offset, as retention does."""
        self._partitions[pair] = [record for record in self._partitions[pair] if record.position.offset >= below]
        self._starts[pair] = max(below, self.start(pair))

    def pairs(self) -> set[Pair]:
        """Every (topic, partition)."""
        return set(self._partitions)

    def start(self, pair: Pair) -> int:
        """The oldest offset still held."""
        return self._starts.get(pair, 0)

    def end(self, pair: Pair) -> int:
        """The offset of the next record."""
        held = self._partitions[pair]
        return held[-1].position.offset + 1 if held else self.start(pair)

    def read(self, pair: Pair, offset: int) -> list[Record]:
        """Records from an offset on."""
        return [record for record in self._partitions[pair] if record.position.offset >= offset]

    def _topic(self, source: str) -> str:
        return self._topics.get(source, f"{source}-messages")


class MemoryLogConsumer:
    """The LogConsumer port over a MemoryLog. `revoke` and `assign` play the part of the group's coordinator."""

    def __init__(self, log: MemoryLog) -> None:
        self.log_id = log.log_id
        self._log = log
        self._offsets: dict[Pair, int] = {}
        self._paused: set[Pair] = set()
        self._on_revoke: Callable[[set[Pair]], Mapping[Pair, int]] | None = None
        self.max_records = 1000
        self.assign(log.pairs())

    def poll(self, timeout: float) -> list[Record]:  # noqa: ARG002
        """Never waits: nothing arrives while nobody else runs."""
        found: list[Record] = []
        for pair in sorted(self._offsets.keys() - self._paused):
            fresh = self._log.read(pair, self._offsets[pair])[: self.max_records - len(found)]
            found += fresh
            if fresh:
                self._offsets[pair] = fresh[-1].position.offset + 1
        return found

    def assigned(self) -> set[Pair]:
        return set(self._offsets)

    def on_revoke(self, callback: Callable[[set[Pair]], Mapping[Pair, int]]) -> None:
        self._on_revoke = callback

    def pause(self, pairs: Iterable[Pair]) -> None:
        self._paused |= set(pairs) & self._offsets.keys()

    def resume(self, pairs: Iterable[Pair]) -> None:
        self._paused -= set(pairs)

    def commit(self, watermarks: Mapping[Pair, int]) -> None:
        self._log.committed.update(watermarks)

    def beginning_offsets(self) -> dict[Pair, int]:
        return {pair: self._log.start(pair) for pair in self._offsets}

    def close(self) -> None:
        self._offsets.clear()

    def revoke(self, pairs: set[Pair]) -> None:
        """Take these away as a rebalance does: the callback first, then its commit."""
        if self._on_revoke is not None:
            self.commit(self._on_revoke(pairs))
        self.lose(pairs)

    def lose(self, pairs: set[Pair]) -> None:
        """Take these away without a word, as when the session has expired."""
        for pair in pairs:
            self._offsets.pop(pair, None)
        self._paused -= pairs

    def assign(self, pairs: Iterable[Pair]) -> None:
        """Give these to this member, at their committed offsets or the oldest."""
        for pair in pairs:
            self._offsets[pair] = max(self._log.committed.get(pair, 0), self._log.start(pair))


class MemoryStoreQueue:
    """The StoreQueue port. With a `handler` every batch is stored at once (True: durable); without, nobody answers
    until `answer` is called. `enqueued` keeps every attempt in order; `backlog` is what `waiting` answers."""

    def __init__(self, handler: Callable[[str, Sequence[bytes], Sequence[str | None]], bool] | None = None) -> None:
        self._handler = handler
        self._fates: dict[tuple[str, int], Fate] = {}
        self.enqueued: list[tuple[str, int, tuple[bytes, ...], tuple[str | None, ...]]] = []
        self.backlog = 0

    def enqueue(self, name: str, attempt: int, values: Sequence[bytes], replay_of: Sequence[str | None]) -> None:
        self.enqueued.append((name, attempt, tuple(values), tuple(replay_of)))
        if self._handler is not None:
            is_durable = self._handler(name, values, replay_of)
            self._fates[name, attempt] = Fate.DURABLE if is_durable else Fate.FAILED

    def fates(self, names: Mapping[str, int]) -> dict[str, Fate]:
        last = {name: self._fates[name, latest] for name, latest in names.items() if (name, latest) in self._fates}
        return last | {name: Fate.DURABLE for name, latest in names.items() if self._durable(name, latest)}

    def waiting(self) -> int:
        return self.backlog

    def forget(self, names: Mapping[str, int]) -> None:
        for name, latest in names.items():
            for attempt in range(1, latest + 1):
                self._fates.pop((name, attempt), None)

    def _durable(self, name: str, latest: int) -> bool:
        return any(self._fates.get((name, attempt)) is Fate.DURABLE for attempt in range(1, latest + 1))

    def answer(self, name: str, attempt: int, fate: Fate) -> None:
        """What became of one attempt."""
        self._fates[name, attempt] = fate
