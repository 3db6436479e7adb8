"""The bridge: what the log holds becomes store tasks, and the log's offsets follow what is durable.

Promise: an offset is committed once every record before it is in the raw store, in the dead letters, or projected.
A record may be stored again after a crash or a rebalance; it is never skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sago.domain.batches import Progress, Record
from sago.domain.dead_letters import SUFFIX
from sago.errors import BadDeployError, InvalidMessageError, SagoError, TransientError
from sago.pipeline.admission import Refusals, Refused, admit, company_of, refusal
from sago.pipeline.flights import Flight, Flights, Lane, Pair
from sago.pipeline.pressure import BridgeLimits, MemoryPressure
from sago.pipeline.projecting import project
from sago.ports import Buffer, Clock, Database, LogConsumer, MessageLog, StoreQueue
from sago.telemetry import logger

BUSY_POLL, IDLE_POLL = 0.02, 0.2
"""Seconds a poll waits while answers are awaited, and while nothing is under way."""
PROJECTED_AT_ONCE = 500
"""Dead letters in one transaction."""
LAST_COMMIT = 5.0
"""Seconds given to the last commit."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds of pause after an error that may pass."""

__all__ = ["Bridge", "BridgeLimits"]

log = logger(__name__)


class Bridge:
    """One member of the bridge's group. Not thread-safe; `step` never blocks longer than its ports do."""

    def __init__(
        self,
        *,
        consumer: LogConsumer,
        log: MessageLog,
        queue: StoreQueue,
        database: Database,
        buffer: Buffer,
        clock: Clock,
        limits: BridgeLimits,
        topic_of: Callable[[str], str],
    ) -> None:
        self._consumer = consumer
        self._log = log
        self._database = database
        self._clock = clock
        self._limits = limits
        self._topic_of = topic_of
        self._queue = queue
        self._flights = Flights(queue, limits.confirm_deadline)
        self._refusals = Refusals(limits.max_consecutive)
        self._lanes: dict[Pair, Lane] = {}
        self._floors: dict[Pair, int] = {}
        self._welcomed: set[Pair] = set()
        self._paused: set[Pair] = set()
        self._pause = 0.0
        self._trouble = ""
        self._resting_until = self._came_at = float("-inf")
        self._is_commit_late = False
        self._to_project: list[Record] = []
        self._gaps: dict[Pair, int] = {}
        self._memory = MemoryPressure(buffer, clock, limits.memory_pause_at)
        consumer.on_revoke(self._give_up)

    def run(self, stop: Callable[[], bool], ready: Callable[[], None] = lambda: None) -> None:
        """Step until `stop`, then drain, commit and leave the group; `ready` is called once partitions are assigned.

        Errors that may pass are logged once and waited out, polling all the while: a member that does not poll holds
        up its group. Raises BadDeployError after draining what was good.
        """
        announced = False
        try:
            while not stop():
                try:
                    self.step()
                except TransientError as error:
                    self._rest(error)
                if not announced and self._consumer.assigned():
                    announced = True
                    ready()
            self._refusals.release()
            self._finish()
        except BadDeployError:
            self._refusals.drop(set(self._lanes))
            self._finish()
            raise
        finally:
            self._leave()

    def step(self) -> None:
        """Poll once and do all that is due. Raises TransientError, having lost nothing: the next step goes on."""
        self._throttle()
        records = self._consumer.poll(BUSY_POLL if self._is_busy() else IDLE_POLL)
        # before anything is taken: a partition lost in this poll may be back in it, and is read anew
        self._let_go_of_lost()
        for record in records:
            self._take(record)
        if records:
            self._came_at = self._clock.monotonic()
        if self._clock.monotonic() >= self._resting_until:
            self._welcome()
            self._report_gaps()
            self._work()
            self._commit()
            self._go_on()

    def _is_busy(self) -> bool:
        """Whether something is due sooner than an idle poll ends."""
        gathering = any(lane.gathering for lane in self._lanes.values())
        return gathering or len(self._flights) > 0 or bool(self._consumer.assigned() - self._welcomed)

    def _rest(self, error: TransientError) -> None:
        """Do nothing but poll for a while, longer each time in a row."""
        if not self._pause:
            log.warning("the bridge waits", reason=str(error))
        self._trouble = str(error)
        self._pause = min(max(SHORTEST_PAUSE, self._pause * 2), LONGEST_PAUSE)
        self._resting_until = self._clock.monotonic() + self._pause
        self._clock.sleep(SHORTEST_PAUSE)

    def _go_on(self) -> None:
        if self._pause:
            log.info("the bridge goes on")
        self._pause, self._trouble = 0.0, ""

    @property
    def waits_for(self) -> str:
        """Why it does not go on, in one line; empty while it does."""
        return self._trouble or self._memory.why

    @property
    def in_flight(self) -> int:
        """Micro-batches enqueued and not yet durable."""
        return len(self._flights)

    def _let_go_of_lost(self) -> None:
        """Partitions that were taken away without a word."""
        assigned = self._consumer.assigned()
        self._drop(self._lanes.keys() - assigned)
        self._welcomed &= assigned
        self._paused &= assigned

    def _welcome(self) -> None:
        """Learn where newly assigned partitions were left; until then they are not fetched."""
        if fresh := self._consumer.assigned() - self._welcomed:
            with self._database.begin() as tx:
                left = tx.ledger.progress(self._consumer.log_id)
            floors = {(at.topic, at.partition): at.watermark for at in left}
            self._floors |= {pair: floors[pair] for pair in fresh & floors.keys()}
            self._gaps |= {pair: floors[pair] for pair in fresh & floors.keys() if pair not in self._lanes}
            self._welcomed |= fresh

    def _throttle(self) -> None:
        """Pause while too much is under way; polling goes on, and fetching is resumed on change only."""
        assigned = self._consumer.assigned()
        wanted = assigned if self._is_full() else assigned - self._welcomed
        if stopped := wanted - self._paused:
            self._consumer.pause(stopped)
        if resumed := (self._paused - wanted) & assigned:
            self._consumer.resume(resumed)
        self._paused = wanted

    def _is_full(self) -> bool:
        gathered = sum(lane.gathering.size for lane in self._lanes.values() if lane.gathering)
        size = self._flights.size + gathered + self._refusals.size + sum(len(r.value) for r in self._to_project)
        full = len(self._flights) >= self._limits.in_flight_batches or size >= self._limits.in_flight_bytes
        return full or self._memory.is_high()

    def _take(self, record: Record) -> None:
        """Put one record where it belongs: no port is called, so nothing polled can be lost."""
        pair, offset = (record.position.topic, record.position.partition), record.position.offset
        lane = self._lanes.setdefault(pair, Lane(pair))
        if lane.position is not None and offset < lane.position:
            return
        if lane.position is not None and offset > lane.position:
            self._gaps.setdefault(pair, lane.position)
        lane.position = offset + 1
        lane.watermark.track(offset)
        if offset < self._floors.get(pair, 0):
            lane.watermark.done([offset])
        elif record.position.topic.endswith(SUFFIX):
            self._to_project.append(record)
        else:
            self._admit(lane, record)

    def _admit(self, lane: Lane, record: Record) -> None:
        now = self._clock.now()
        try:
            admit(record, self._topic_of, now)
        except InvalidMessageError as error:
            self._refusals.hold(Refused(record, refusal(record, error, now)), self._clock.monotonic())
            return
        self._refusals.end_run()
        batch = lane.gathering or Flight(lane.pair, opened_at=self._clock.monotonic())
        if batch.records and batch.size + len(record.value) > self._limits.batch_bytes:
            self._flights.launch(batch)
            batch = Flight(lane.pair, opened_at=self._clock.monotonic())
        batch.add(record)
        lane.gathering = batch
        if len(batch.records) >= self._limits.batch_messages:
            self._launch(lane)

    def _work(self) -> None:
        """Everything but polling and committing. Each part is tried even where another's server is away."""
        errors: list[TransientError] = []
        for part in (self._launch_lingering, self._project, self._bury, self._send, self._land):
            try:
                part()
            except TransientError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _launch_lingering(self) -> None:
        """All once the log falls quiet; while records keep coming, each when it has waited long enough."""
        at = self._clock.monotonic()
        is_quiet = at - self._came_at >= self._limits.quiet
        for lane in self._lanes.values():
            if lane.gathering and (is_quiet or at - lane.gathering.opened_at >= self._limits.linger):
                self._launch(lane)

    def _launch(self, lane: Lane) -> None:
        if lane.gathering:
            self._flights.launch(lane.gathering)
            lane.gathering = None

    def _project(self) -> None:
        """Dead letters from their topics into Postgres."""
        while slice_ := self._to_project[:PROJECTED_AT_ONCE]:
            project(slice_, self._database, self._clock.now())
            for record in slice_:
                self._done(record.position.topic, record.position.partition, [record.position.offset])
            del self._to_project[: len(slice_)]

    def _bury(self) -> None:
        """Publish the dead letters of refused records."""
        for refused in self._refusals.ready(self._clock.monotonic()):
            self._log.dead_letter(refused.letter, company_of(refused.record))
            self._done(*refused.pair, [refused.record.position.offset])
            log.warning("message refused", origin=refused.letter.origin, reason=refused.letter.error)

    def _send(self) -> None:
        self._flights.send(self._clock.monotonic(), may_copy=not self._memory.is_high())

    def _land(self) -> None:
        landed = self._flights.land(self._clock.monotonic())
        for flight in landed:
            self._done(*flight.pair, flight.offsets)
        if landed:
            self._queue.forget({flight.name: flight.attempt for flight in landed})

    def _done(self, topic: str, partition: int, offsets: Iterable[int]) -> None:
        if lane := self._lanes.get((topic, partition)):
            lane.watermark.done(offsets)

    def _report_gaps(self) -> None:
        """Offsets that were jumped over: harmless inside the log, lost records where the log begins after them."""
        if not self._gaps:
            return
        starts = self._consumer.beginning_offsets()
        for (topic, partition), expected in self._gaps.items():
            if (start := starts.get((topic, partition), 0)) > expected:
                log.error("the log dropped records unread", topic=topic, partition=partition, lost=start - expected)
        self._gaps.clear()

    def _commit(self) -> bool:
        """Where a watermark has moved: Kafka, then the ledger. False where Kafka takes no commits now, as during a
        rebalance: no reason to rest, since polling is what ends it."""
        moved = self._moved(self._lanes)
        if not moved:
            return True
        try:
            self._consumer.commit(moved)
        except TransientError as error:
            if not self._is_commit_late:
                log.info("watermarks are committed later", reason=str(error))
            self._is_commit_late = True
            return False
        self._is_commit_late = False
        self._save(moved)
        for pair, watermark in moved.items():
            self._lanes[pair].committed = watermark
        return True

    def _moved(self, pairs: Iterable[Pair]) -> dict[Pair, int]:
        lanes = [self._lanes[pair] for pair in pairs if pair in self._lanes]
        marks = {lane.pair: (lane.watermark.committable(), lane.committed) for lane in lanes}
        return {pair: mark for pair, (mark, before) in marks.items() if mark is not None and mark != before}

    def _save(self, watermarks: dict[Pair, int]) -> None:
        progress = [Progress(self._consumer.log_id, *pair, mark) for pair, mark in watermarks.items()]
        with self._database.begin() as tx:
            tx.ledger.save_progress(progress, self._clock.now())

    def _give_up(self, pairs: set[Pair]) -> dict[Pair, int]:
        """Partitions go to another member: drain them; their watermarks, which the consumer commits."""
        self._drain(pairs)
        watermarks = self._moved(pairs)
        try:
            self._save(watermarks)
        except TransientError as error:
            log.warning("watermarks not in the ledger at a rebalance", reason=str(error))
        self._drop(pairs)
        return watermarks

    def _finish(self) -> None:
        """Drain and commit everything before leaving; a rebalance gets a few seconds to end."""
        self._drain(set(self._lanes))
        self._consumer.pause(self._consumer.assigned())
        until = self._clock.monotonic() + LAST_COMMIT
        try:
            while not self._commit():
                if self._clock.monotonic() >= until:
                    raise TransientError("Kafka takes no commits")
                self._consumer.poll(BUSY_POLL)
                self._clock.sleep(BUSY_POLL)
                self._let_go_of_lost()
        except TransientError as error:
            log.warning("last watermarks not committed: their records will be read again", reason=str(error))

    def _leave(self) -> None:
        """Leave the group; an error of it would hide why the bridge stops."""
        try:
            self._consumer.close()
        except SagoError as error:
            log.warning("the group was not left cleanly", reason=str(error))

    def _drain(self, pairs: set[Pair]) -> None:
        """Wait for what is under way in these partitions, at most `drain_timeout` seconds."""
        deadline = self._clock.monotonic() + self._limits.drain_timeout
        for pair in pairs & self._lanes.keys():
            self._launch(self._lanes[pair])
        while True:
            try:
                self._work()
                if not self._flights.over(pairs):
                    return
            except TransientError as error:
                log.debug("draining goes on", reason=str(error))
            if self._clock.monotonic() >= deadline:
                log.warning("not drained in time: these batches will be read again", batches=len(self._flights))
                return
            self._clock.sleep(BUSY_POLL)

    def _drop(self, pairs: Iterable[Pair]) -> None:
        gone = set(pairs)
        self._flights.drop(gone)
        self._refusals.drop(gone)
        self._to_project = [r for r in self._to_project if (r.position.topic, r.position.partition) not in gone]
        for pair in gone:
            self._lanes.pop(pair, None)
            self._floors.pop(pair, None)
            self._gaps.pop(pair, None)
        self._welcomed -= gone
