"""The MessageLog port on Kafka: an idempotent producer, dead letters, topics and lag."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors

from sago.domain.batches import DeadLetter, Held, Position, Record
from sago.domain.dead_letters import REPLAY_OF, SUFFIX, headers_of, value_of
from sago.domain.messages import Message
from sago.errors import InvalidMessageError, TransientError
from sago.sections import KafkaSettings
from sago.stores.kafka import (
    PATIENCE,
    all_topics,
    client_options,
    ensure_topics,
    log_id_of,
    translated,
)
from sago.stores.kafka_access import PATIENCE as REACH_PATIENCE
from sago.stores.kafka_access import Deadline, reach
from sago.stores.kafka_reader import dead_records, held


class KafkaLog:
    """Messages and dead letters to Kafka. Connects at first use; make one a process, after any fork. Thread-safe.

    Each call raises TransientError within ten seconds where the brokers do not answer, with their address; where they
    fall silent between its first step and its last, `publish` and `dead_letter` take twice that. After an error the
    producer is thrown away: an idempotent producer that lost a sequence number refuses everything after it.
    """

    def __init__(self, settings: KafkaSettings, heard: Sequence[Callable[[float], object]] = ()) -> None:
        """`heard` are told how many seconds the brokers took for each call."""
        self._settings = settings
        self._heard = heard
        self._lock = threading.Lock()
        self._watching = threading.Lock()
        """Of the observer: whoever asks for the lag holds up nobody who publishes."""
        self._producer: Any = None
        self._observer: Any = None
        self._closed = False

    @cached_property
    def log_id(self) -> str:
        """Names the cluster and its topics; see `log_id_of`."""
        return log_id_of(self._settings)

    def ensure_topics(self) -> None:
        """As the port says; topics that differ from the settings are named in the log."""
        ensure_topics(self._settings)

    def publish(self, messages: Sequence[Message], *, replay_of: str | None = None) -> list[Position]:
        """As the port says; `replay_of` marks each of these as the replay of a dead letter, by its origin."""
        headers = {REPLAY_OF: replay_of} if replay_of else {}
        rows = [
            (self._settings.topic(message.source), message.company_id, message.to_json(), headers)
            for message in messages
        ]
        return self._send(rows)

    def dead_letter(self, letter: DeadLetter, key: str | None = None) -> Position:
        """As the port says; a value over 900 kB is replaced by its length and sha256."""
        return self._send([(letter.topic + SUFFIX, key, value_of(letter), headers_of(letter))])[0]

    def dead_records(self, after: Mapping[tuple[str, int], int]) -> Iterator[list[Record]]:
        """As the port says, over a connection of its own."""
        return dead_records(self._settings, self.log_id, after)

    def held(self, company_id: str) -> list[Held]:
        """As the port says, over a connection of its own."""
        return held(self._settings, company_id)

    def lag(self) -> dict[str, int]:
        """As the port says, dead-letter topics included; what was never committed counts from the oldest record."""
        deadline = Deadline(PATIENCE)
        with translated(self._settings):
            if not self._watching.acquire(timeout=PATIENCE):
                raise TimeoutError("others who ask for the lag get no answer")
            try:
                return _behind(self._connected_observer(deadline), all_topics(self._settings), deadline)
            finally:
                self._watching.release()

    def close(self) -> None:
        """Flush and let go; further calls raise."""
        with self._lock:
            self._closed = True
            self._drop_producer(PATIENCE)
        with self._watching:
            if self._observer is not None:
                self._observer.close(timeout_ms=1000)
                self._observer = None

    def _send(self, rows: Sequence[tuple[str, str | None, bytes, dict[str, str]]]) -> list[Position]:
        log_id = self.log_id
        with self._lock, translated(self._settings):
            producer = self._connected_producer()
            try:
                futures = [
                    producer.send(
                        topic,
                        value=value,
                        key=key.encode() if key else None,
                        headers=[(name, text.encode("utf-8", "replace")) for name, text in headers.items()],
                    )
                    for topic, key, value, headers in rows
                ]
                began = time.monotonic()
                deadline = began + PATIENCE
                producer.flush(PATIENCE)  # all of the call is there: what lingers would only wait
                sent = [future.get(timeout=max(0.01, deadline - time.monotonic())) for future in futures]
            except kafka_errors.MessageSizeTooLargeError as error:
                raise InvalidMessageError(f"Kafka takes no record of that size: {error}") from error
            except Exception:
                self._drop_producer(0)
                raise
        for hear in self._heard:
            hear(time.monotonic() - began)
        return [Position(log_id, row.topic, row.partition, row.offset) for row in sent]

    def _connected_producer(self) -> Any:
        if self._closed:
            raise TransientError("the log is closed")
        if self._producer is None:
            reach(self._settings)
            self._producer = KafkaProducer(
                **client_options(self._settings),
                acks="all",
                enable_idempotence=True,
                compression_type="gzip",
                linger_ms=5,
                batch_size=256 * 1024,
                max_request_size=1_000_000,
                max_block_ms=int(PATIENCE * 1000),
                delivery_timeout_ms=int(PATIENCE * 1000),
            )
        return self._producer

    def _connected_observer(self, deadline: Deadline) -> Any:
        """A consumer outside the group's membership that reads the group's offsets."""
        if self._closed:
            raise TransientError("the log is closed")
        if self._observer is None:
            reach(self._settings, min(deadline.left(), REACH_PATIENCE))
            observer = KafkaConsumer(
                **client_options(self._settings),
                group_id=self._settings.group_id,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
            )
            try:
                observer.bootstrap(timeout_ms=deadline.left_ms())
            except kafka_errors.KafkaError:
                observer.close(timeout_ms=0)
                raise
            self._observer = observer
        return self._observer

    def _drop_producer(self, timeout: float) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=timeout)
        except kafka_errors.KafkaError:
            # Its flush ran out of time before anything was closed: its threads would go on sending what we have
            # called failed. Forced, it gives up what it holds, and closes.
            producer._sender.force_close()
            with suppress(kafka_errors.KafkaError):
                producer.close(timeout=1.0)


def _behind(observer: Any, topics: Sequence[str], deadline: Deadline) -> dict[str, int]:
    """Topic → records between the group's offsets and the end, in three requests a broker.

    A partition without a commit counts from its oldest record, and so does one whose retention has passed the commit.
    """
    pairs = _pairs(observer, topics, deadline)
    behind = dict.fromkeys(topics, 0)
    if not pairs:
        return behind
    ends = observer.end_offsets(pairs, timeout_ms=deadline.left_ms())
    starts = observer.beginning_offsets(pairs, timeout_ms=deadline.left_ms())
    # `committed` of the consumer takes one partition at a time.
    committed = observer._coordinator.fetch_committed_offsets(pairs, timeout_ms=deadline.left_ms())
    for pair in pairs:
        reached = committed[pair].offset if pair in committed else 0
        behind[pair.topic] += max(0, ends[pair] - max(reached, starts[pair]))
    return behind


def _pairs(observer: Any, topics: Sequence[str], deadline: Deadline) -> list[TopicPartition]:
    """The partitions of these topics; `partitions_for_topic` of the consumer would wait for them without end."""
    cluster = observer._cluster
    cluster.set_topics(topics)
    for _ in range(2):  # an answer that was under way already may not tell of all of them
        if all(cluster.partitions_for_topic(topic) for topic in topics):
            break
        observer._net.run(observer._manager.wait_for, cluster.request_update(), deadline.left_ms())
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(cluster.partitions_for_topic(topic) or ())
    ]
