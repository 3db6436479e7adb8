"""The LogConsumer port on Kafka: one member of the bridge's group."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors
from kafka.consumer.fetcher import ConsumerRecord
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from sago.domain.batches import Position, Record
from sago.errors import TransientError
from sago.sections import KafkaSettings
from sago.stores.kafka import PATIENCE, all_topics, client_options, log_id_of, translated
from sago.stores.kafka_access import address, reach
from sago.telemetry import logger

Pair = tuple[str, int]
OnRevoke = Callable[[set[Pair]], Mapping[Pair, int]]
MAX_POLL_RECORDS = 1000
"""One micro-batch at its default size."""
FETCH_BYTES = 8_000_000
"""Of one answer, and one answer a broker waits in memory: a pause takes hold before the bridge's 32 MB are much
exceeded. Small enough, too, for a slow line's five seconds of a request."""
PARTITION_BYTES = 1_048_576
"""Of one partition in an answer: the largest record fits, and no partition starves the others."""
WORTH_AN_ANSWER, LONGEST_FETCH_MS = 65_536, 250
"""A fetch is answered at so many bytes, or after so long: record by record, an even feed would keep the bridge and the
broker busy with answers alone. Well below `bridge.quiet`, or each answer would look like the last."""
HEARTBEATS = 5
"""In one session: four may be lost or late before the group takes a member for dead."""
POLL_INTERVAL_MS = 120_000
"""A member that has not polled for this long is stuck, and its partitions go to others. The bridge polls several times
a second, also while it waits; its longest calls (a database or broker that hangs) end within half of this."""
AWAY = 2.0
"""Seconds without a connection to any broker until it is worth a line; a change of leader takes less."""

log = logger(__name__)


class KafkaLogConsumer:
    """One member of the group over all topics and their dead-letter topics; not thread-safe.

    In the embedded mode it takes every partition by hand (the broker does not do rebalances well) and still commits
    for the group. Else it subscribes with cooperative rebalances: partitions that stay are read on meanwhile.

    It is no static member (no `group_instance_id`): such a one does not leave when it stops, so that its partitions
    would lie idle for a session at each deploy, and every process needed a name of its own that outlives it.

    Raises TransientError or ConfigError with the address within ten seconds where the brokers do not answer.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._on_revoke: OnRevoke | None = None
        self._lost: set[Pair] = set()
        self._closing = False
        self._seen_at = time.monotonic()
        self._is_away = False
        session_ms = int(settings.session_timeout * 1000)
        reach(settings)
        with translated(settings):
            self.log_id = log_id_of(settings)
            self._consumer: Any = KafkaConsumer(
                **client_options(settings),
                group_id=settings.group_id,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                allow_auto_create_topics=False,
                max_poll_records=MAX_POLL_RECORDS,
                fetch_min_bytes=WORTH_AN_ANSWER,
                fetch_max_wait_ms=LONGEST_FETCH_MS,
                fetch_max_bytes=FETCH_BYTES,
                max_partition_fetch_bytes=PARTITION_BYTES,
                max_poll_interval_ms=POLL_INTERVAL_MS,
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=session_ms // HEARTBEATS,
                partition_assignment_strategy=[CooperativeStickyAssignor()],
            )
            try:
                self._take_partitions()
            except BaseException:
                self._consumer.close(timeout_ms=0)
                raise

    def poll(self, timeout: float) -> list[Record]:
        """As the port says. While partitions are being revoked it waits for the callback, heartbeats going on."""
        self._lost.clear()
        self._remember_join()
        with translated(self._settings):
            found = self._consumer.poll(timeout_ms=max(0, int(timeout * 1000)))
        self._notice_outage()
        return [self._record(row) for rows in found.values() for row in rows]

    def assigned(self) -> set[Pair]:
        """As the port says; pairs lost without a revocation are missing once, even where they came back at once."""
        return _pairs(self._consumer.assignment()) - self._lost

    def on_revoke(self, callback: OnRevoke) -> None:
        """As the port says. The callback runs in a thread of its own while `poll` waits for it."""
        self._on_revoke = callback

    def pause(self, pairs: Iterable[Pair]) -> None:
        """Fetch no more of these until resumed; pairs not assigned are ignored."""
        self._consumer.pause(*self._still_assigned(pairs))

    def resume(self, pairs: Iterable[Pair]) -> None:
        """Fetch these again; call it on change only, as each call throws away what was fetched ahead."""
        self._consumer.resume(*self._still_assigned(pairs))

    def commit(self, watermarks: Mapping[Pair, int]) -> None:
        """As the port says."""
        if watermarks:
            with translated(self._settings):
                self._consumer.commit(_offsets(watermarks), timeout_ms=5000)

    def beginning_offsets(self) -> dict[Pair, int]:
        """As the port says."""
        assigned = list(self._consumer.assignment())
        if not assigned:
            return {}
        with translated(self._settings):
            offsets = self._consumer.beginning_offsets(assigned, timeout_ms=5000)
        return {(pair.topic, pair.partition): offset for pair, offset in offsets.items()}

    def close(self) -> None:
        """Leave the group at once; commit before."""
        self._closing = True
        with translated(self._settings):
            self._consumer.close(timeout_ms=5000)

    def _take_partitions(self) -> None:
        topics = all_topics(self._settings)
        if not self._settings.embedded:
            # A leader that knows no partitions yet would assign nobody any, and begin a second rebalance at once.
            self._consumer.topics()
            self._consumer.subscribe(topics=topics, listener=_Listener(self))
            return
        self._consumer.bootstrap(timeout_ms=int(PATIENCE * 1000))
        pairs = [TopicPartition(topic, n) for topic in topics for n in self._consumer.partitions_for_topic(topic)]
        if not pairs:
            raise TransientError("the embedded broker has none of the topics yet")
        self._consumer.assign(pairs)

    def _remember_join(self) -> None:
        """A join that new metadata began, and that ends between two polls, kafka-python forgets: without this the
        member would have neither partitions nor heartbeats from then on."""
        coordinator = self._consumer._coordinator
        if coordinator.rebalance_in_progress() and not coordinator.need_rejoin():
            coordinator.request_rejoin()

    def _notice_outage(self) -> None:
        """Say once that no broker is there, and once that one is again: kafka-python goes on without a word of ours."""
        now = time.monotonic()
        if any(connection.connected for connection in list(self._consumer._manager._conns.values())):
            if self._is_away:
                log.info("Kafka is back", seconds=round(now - self._seen_at, 1))
            self._seen_at, self._is_away = now, False
        elif not self._is_away and now - self._seen_at > AWAY:
            log.warning("Kafka is away, reading goes on when it is back", brokers=address(self._settings))
            self._is_away = True

    def _still_assigned(self, pairs: Iterable[Pair]) -> list[TopicPartition]:
        assigned = self._consumer.assignment()
        return [pair for pair in (TopicPartition(*names) for names in pairs) if pair in assigned]

    def _record(self, row: ConsumerRecord) -> Record:
        return Record(
            position=Position(self.log_id, row.topic, row.partition, row.offset),
            key=row.key,
            value=row.value if row.value is not None else b"",
            headers={name: (text or b"").decode("utf-8", "replace") for name, text in row.headers},
        )

    async def give_up(self, pairs: set[Pair]) -> None:
        """Drain in another thread so that heartbeats go on, then commit what the drain reached."""
        if self._on_revoke is None or self._closing:
            return
        callback, watermarks = self._on_revoke, dict[Pair, int]()
        drain = threading.Thread(target=lambda: watermarks.update(callback(pairs)), name="sago-revoke", daemon=True)
        drain.start()
        while drain.is_alive():
            await self._consumer._net.sleep(0.02)
        if watermarks:
            try:
                await self._consumer.commit_async(_offsets(watermarks))
            except kafka_errors.KafkaError as error:
                # The next owner reads these again: stored once all the same.
                log.warning("watermarks not committed before a rebalance", error=str(error))

    def lose(self, pairs: set[Pair]) -> None:
        """Another member owns these already: nothing of them may be committed."""
        self._lost |= pairs


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    """Runs on the consumer's IO thread, where blocking would stop the heartbeats."""

    def __init__(self, owner: KafkaLogConsumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._owner.give_up(_pairs(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        log.info("partitions assigned", pairs=sorted(_pairs(assigned)))

    async def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        self._owner.lose(_pairs(lost))


def _pairs(partitions: Iterable[TopicPartition] | None) -> set[Pair]:
    return {(pair.topic, pair.partition) for pair in partitions or ()}


def _offsets(watermarks: Mapping[Pair, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    return {TopicPartition(*pair): OffsetAndMetadata(offset, "", -1) for pair, offset in watermarks.items()}
