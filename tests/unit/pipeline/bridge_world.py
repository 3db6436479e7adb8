"""A bridge over stores in memory, as its tests need it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sago.domain.batches import DeadLetter
from sago.domain.messages import Message
from sago.pipeline.bridging import Bridge, BridgeLimits
from sago.ports import Fate
from sago.sections import CacheSettings
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.log import MemoryLog, MemoryLogConsumer, MemoryStoreQueue

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOPICS = {"slack": "slack-messages", "gmail": "gmail-messages"}
SLACK = ("slack-messages", 0)
LIMITS = BridgeLimits(
    batch_messages=3,
    linger=0.25,
    in_flight_batches=2,
    confirm_deadline=10,
    drain_timeout=5,
    max_consecutive=4,
)


def message(number: int, company_id: str = "acme", source: str = "slack") -> Message:
    return Message(
        id=f"{source}:{number}",
        company_id=company_id,
        source=source,
        sender="dana",
        sent_at=NOW - timedelta(days=1),
        text=f"line {number}",
    )


@dataclass
class World:
    """A bridge over one partition a topic, with every port in memory; `limits` and `queue` may be given."""

    limits: BridgeLimits = LIMITS
    queue: MemoryStoreQueue = field(default_factory=MemoryStoreQueue)
    log: MemoryLog = field(default_factory=lambda: MemoryLog(TOPICS, partitions=1))
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    buffer: MemoryBuffer = field(default_factory=lambda: MemoryBuffer(CacheSettings()))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, pairs: set[tuple[str, int]] | None = None) -> None:
        """A new bridge, as after a crash: only the log, the database and what was stored remain. It owns every
        partition, or these."""
        self.consumer: MemoryLogConsumer = self.log.consumer()
        if pairs is not None:
            self.consumer.lose(self.log.pairs() - pairs)
        self.bridge = Bridge(
            consumer=self.consumer,
            log=self.log,
            queue=self.queue,
            database=self.database,
            buffer=self.buffer,
            clock=self.clock,
            limits=self.limits,
            topic_of=lambda source: TOPICS.get(source, f"{source}-messages"),
        )
        self.bridge.step()

    def steps(self, count: int = 3, each: float = 0.3) -> None:
        for _ in range(count):
            self.bridge.step()
            self.clock.sleep(each)

    def publish(self, *numbers: int) -> None:
        self.log.publish([message(number) for number in numbers])

    def spoil(self, count: int) -> None:
        for number in range(count):
            self.log.append("slack-messages", b"acme", b"not JSON %d" % number)

    def committed(self) -> int | None:
        return self.log.committed.get(SLACK)

    def names(self) -> list[str]:
        return [f"{name.removeprefix(self.log.log_id + ':')}#{attempt}" for name, attempt, _, _ in self.queue.enqueued]

    def answer(self, index: int, *, durable: bool = True) -> None:
        name, attempt, _, _ = self.queue.enqueued[index]
        self.queue.answer(name, attempt, Fate.DURABLE if durable else Fate.FAILED)

    def take_up(self, index: int) -> None:
        """A worker begins with it, and is not heard of."""
        name, attempt, _, _ = self.queue.enqueued[index]
        self.queue.answer(name, attempt, Fate.RUNNING)

    def letters(self) -> list[DeadLetter]:
        with self.database.begin() as tx:
            return sorted(tx.ledger.dead_letters(), key=lambda letter: letter.origin)

    def progress(self) -> dict[tuple[str, int], int]:
        with self.database.begin() as tx:
            return {(at.topic, at.partition): at.watermark for at in tx.ledger.progress(self.log.log_id)}
