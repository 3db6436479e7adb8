"""Micro-batches: cut a partition's records, enqueue them as store tasks, and know which are durable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sago.domain.batches import Record
from sago.domain.dead_letters import REPLAY_OF
from sago.errors import TransientError
from sago.pipeline.watermark import Watermark
from sago.ports import Fate, StoreQueue
from sago.telemetry import logger

Pair = tuple[str, int]
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a batch whose task failed is enqueued again: doubled at each attempt."""
LONGEST_WAIT = 8
"""The deadline doubles at each attempt without an answer, up to this many times the first."""

MOST_EXTENSIONS = 8
"""Times that one attempt's deadline is put off."""

log = logger(__name__)


@dataclass
class Flight:
    """One micro-batch of one partition; `due_at` and `deadline` in monotonic seconds, `deadline` None while unsent."""

    pair: Pair
    opened_at: float
    records: list[Record] = field(default_factory=list)
    size: int = 0
    attempt: int = 0
    extended: int = 0
    """Deadlines of this attempt that passed while it may only have waited behind others."""
    due_at: float = 0.0
    deadline: float | None = None
    may_lie: bool = False
    """Whether the last attempt may still lie in Redis: it was not heard of."""

    @property
    def name(self) -> str:
        """`log_id:topic:partition:first-last`."""
        first, last = self.records[0].position, self.records[-1].position
        return f"{first.log_id}:{first.topic}:{first.partition}:{first.offset}-{last.offset}"

    @property
    def offsets(self) -> list[int]:
        return [record.position.offset for record in self.records]

    def is_late(self, at: float) -> bool:
        """Whether its answer should have come."""
        return self.deadline is not None and self.deadline <= at

    def add(self, record: Record) -> None:
        """Append the partition's next record."""
        self.records.append(record)
        self.size += len(record.value)


@dataclass
class Lane:
    """One assigned partition: its watermark, the batch being gathered, and the offset it expects next."""

    pair: Pair
    position: int | None = None
    watermark: Watermark = field(default_factory=Watermark)
    gathering: Flight | None = None
    committed: int | None = None


class Flights:
    """Every micro-batch on its way; one stays until it is durable or its partition is given up."""

    def __init__(self, queue: StoreQueue, confirm_deadline: float) -> None:
        self._queue = queue
        self._patience = confirm_deadline
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def size(self) -> int:
        """Bytes on their way."""
        return sum(flight.size for flight in self._flights.values())

    def over(self, pairs: set[Pair]) -> bool:
        """Whether any batch of these partitions is on its way."""
        return any(flight.pair in pairs for flight in self._flights.values())

    def launch(self, flight: Flight) -> None:
        """Take a gathered batch; `send` enqueues it."""
        self._flights[flight.name] = flight

    def send(self, at: float, *, may_copy: bool) -> None:
        """Enqueue what is due; where it may not be copied, nothing that may still lie in Redis. Raises
        TransientError; what was not enqueued stays due under the same attempt."""
        for name, flight in self._flights.items():
            if flight.deadline is None and flight.due_at <= at and (may_copy or not flight.may_lie):
                attempt = flight.attempt + 1
                replays = [record.headers.get(REPLAY_OF) for record in flight.records]
                self._queue.enqueue(name, attempt, [record.value for record in flight.records], replays)
                flight.attempt, flight.extended, flight.may_lie = attempt, 0, False
                flight.deadline = at + self._wait(flight)

    def land(self, at: float) -> list[Flight]:
        """Ask once what became of all that were sent; those durable now. The others are due again when their task
        failed or their deadline has passed, as a further attempt of the same batch.

        While as many tasks wait in the queue as are under way here and in no worker's hands, none need be lost, and a
        copy of each at every deadline would fill Redis while no worker runs, and keep a slow one from ever catching
        up: the deadline is put off, each attempt's twice as often up to MOST_EXTENSIONS. Other bridges' tasks count
        too, and a task may run in a worker that died, so that it is put off and never left out.
        """
        asked = {name: flight.attempt for name, flight in self._flights.items() if flight.attempt}
        if not asked:
            return []
        fates = self._queue.fates(asked)
        under_way = {name: self._flights[name] for name in asked if fates.get(name) is not Fate.DURABLE}
        is_late = any(flight.is_late(at) for flight in under_way.values())
        unseen = sum(flight.deadline is not None and name not in fates for name, flight in under_way.items())
        may_wait = is_late and self._may_wait(unseen)
        for name, flight in under_way.items():
            if flight.deadline is not None:
                self._judge(name, flight, at, fates.get(name), may_wait=may_wait)
            elif fates.get(name) is Fate.FAILED:
                flight.may_lie = False
        return [self._flights.pop(name) for name in asked if name not in under_way]

    def _may_wait(self, unseen: int) -> bool:
        """Whether as many tasks wait in the queue; also where it does not tell: what is durable lands all the same."""
        try:
            return self._queue.waiting() >= unseen
        except TransientError:
            return True

    def _judge(self, name: str, flight: Flight, at: float, fate: Fate | None, *, may_wait: bool) -> None:
        may_wait = may_wait or fate is Fate.RUNNING
        if fate is Fate.FAILED:
            pause = min(FIRST_PAUSE * 2 ** (flight.attempt - 1), LONGEST_PAUSE)
            log.warning("store task failed, enqueued again", batch=name, attempt=flight.attempt, pause=pause)
            flight.due_at, flight.deadline = at + pause, None
        elif flight.is_late(at) and may_wait and flight.extended < min(2**flight.attempt, MOST_EXTENSIONS):
            flight.extended += 1
            flight.deadline = at + self._wait(flight)
        elif flight.is_late(at):
            log.warning("no answer from the store task, enqueued again", batch=name, attempt=flight.attempt)
            flight.due_at, flight.deadline, flight.may_lie = at, None, True

    def _wait(self, flight: Flight) -> float:
        times: int = min(2 ** (flight.attempt - 1), LONGEST_WAIT)
        return self._patience * times

    def drop(self, pairs: Iterable[Pair]) -> None:
        """Forget batches of partitions that another member reads again; storing them twice changes nothing."""
        gone = set(pairs)
        self._flights = {name: flight for name, flight in self._flights.items() if flight.pair not in gone}
