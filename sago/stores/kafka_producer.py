"""The MessageLog port on Kafka: an idempotent producer, dead letters, topics and lag."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors

from sago.domain.batches import DeadLetter, Position
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
from sago.stores.kafka_access import reach


class KafkaLog:
    """Messages and dead letters to Kafka. Connects at first use; make one a process, after any fork. Thread-safe.

    Each call raises TransientError within ten seconds where the brokers do not answer, with their address. After an
    error the producer is thrown away: an idempotent producer that lost a sequence number refuses everything after it.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
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

    def lag(self) -> dict[str, int]:
        """As the port says, dead-letter topics included; what was never committed counts from the oldest record."""
        with self._lock, translated(self._settings):
            observer = self._connected_observer()
            return {topic: _behind(observer, topic) for topic in all_topics(self._settings)}

    def close(self) -> None:
        """Flush and let go; further calls raise."""
        with self._lock:
            self._closed = True
            self._drop_producer(PATIENCE)
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
                deadline = time.monotonic() + PATIENCE
                sent = [future.get(timeout=max(0.01, deadline - time.monotonic())) for future in futures]
            except kafka_errors.MessageSizeTooLargeError as error:
                raise InvalidMessageError(f"Kafka takes no record of that size: {error}") from error
            except Exception:
                self._drop_producer(0)
                raise
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

    def _connected_observer(self) -> Any:
        """A consumer outside the group's membership that reads the group's offsets."""
        if self._closed:
            raise TransientError("the log is closed")
        if self._observer is None:
            reach(self._settings)
            observer = KafkaConsumer(
                **client_options(self._settings), group_id=self._settings.group_id, enable_auto_commit=False
            )
            try:
                observer.bootstrap(timeout_ms=int(PATIENCE * 1000))
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


def _behind(observer: Any, topic: str) -> int:
    """Records of the topic between the group's offsets and the end.

    A partition without a commit counts from its oldest record, and so does one whose retention has passed the commit.
    """
    pairs = [TopicPartition(topic, number) for number in sorted(observer.partitions_for_topic(topic))]
    if not pairs:
        return 0
    ends = observer.end_offsets(pairs, timeout_ms=5000)
    starts = observer.beginning_offsets(pairs, timeout_ms=5000)
    committed = {pair: observer.committed(pair, timeout_ms=5000) or 0 for pair in pairs}
    return sum(max(0, ends[pair] - max(committed[pair], starts[pair])) for pair in pairs)
