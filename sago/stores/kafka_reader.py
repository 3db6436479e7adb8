"""Reading the log again, outside any group: nothing is committed, and no partition is taken from the bridge."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from sago.domain.batches import Held, Position, Record
from sago.domain.dead_letters import SUFFIX
from sago.errors import TransientError
from sago.sections import KafkaSettings
from sago.stores.kafka import PATIENCE, all_topics, client_options, translated
from sago.stores.kafka_access import address, reach

AT_ONCE = 100
"""Records in memory at a time; one may hold 900 kB."""
PARTITION_BYTES = 1_048_576


def dead_records(settings: KafkaSettings, log_id: str, after: Mapping[tuple[str, int], int]) -> Iterator[list[Record]]:
    """Records of the dead-letter topics from these offsets (else from the oldest) to their present ends, in parts."""
    wanted = [topic for topic in all_topics(settings) if topic.endswith(SUFFIX)]
    for rows in _rows(settings, wanted, after):
        yield [_record(row, log_id) for row in rows]


def held(settings: KafkaSettings, company_id: str) -> list[Held]:
    """Where records with the company's key are held; each is read once."""
    key, found = company_id.encode(), dict[tuple[str, int], Held]()
    kept_for = None if settings.embedded else timedelta(hours=settings.retention_hours)
    for rows in _rows(settings, all_topics(settings), {}):
        for row in rows:
            if row.key == key:
                written = datetime.fromtimestamp(row.timestamp / 1000, UTC)
                until = written + kept_for if kept_for else None
                pair = (row.topic, row.partition)
                before = found.get(pair, Held(*pair, row.offset, row.offset, 0, until))
                found[pair] = before._replace(last=row.offset, records=before.records + 1, until=until)
    return [found[pair] for pair in sorted(found)]


def _rows(settings: KafkaSettings, wanted: Sequence[str], after: Mapping[tuple[str, int], int]) -> Iterator[list[Any]]:
    """Records of these topics from these offsets (else from the oldest) to their present ends, in parts."""
    reach(settings)
    with translated(settings):
        reader: Any = KafkaConsumer(
            **client_options(settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=AT_ONCE,
            max_partition_fetch_bytes=PARTITION_BYTES,
        )
        try:
            yield from _polled(reader, settings, _take(reader, settings, wanted, after))
        finally:
            reader.close(timeout_ms=1000)


def _take(
    reader: Any, settings: KafkaSettings, wanted: Sequence[str], after: Mapping[tuple[str, int], int]
) -> dict[TopicPartition, int]:
    """Assign the partitions and go to where reading begins; the ends of those that have something to read."""
    reader.bootstrap(timeout_ms=int(PATIENCE * 1000))
    there = wanted if settings.embedded else [topic for topic in wanted if topic in reader.topics()]
    pairs = [TopicPartition(topic, n) for topic in there for n in reader.partitions_for_topic(topic) or ()]
    starts, ends = reader.beginning_offsets(pairs), reader.end_offsets(pairs)
    begins = {pair: max(starts[pair], after.get((pair.topic, pair.partition), 0)) for pair in pairs}
    unread = {pair: ends[pair] for pair in pairs if begins[pair] < ends[pair]}
    reader.assign(list(unread))
    for pair in unread:
        reader.seek(pair, begins[pair])
    return unread


def _polled(reader: Any, settings: KafkaSettings, ends: dict[TopicPartition, int]) -> Iterator[list[Any]]:
    """Until every end is reached; a record that was cut out of the log is passed by its successor's position."""
    heard_at = time.monotonic()
    while any(reader.position(pair) < end for pair, end in ends.items()):
        found = reader.poll(timeout_ms=500)
        if found:
            heard_at = time.monotonic()
            yield [row for rows in found.values() for row in rows]
        elif time.monotonic() - heard_at > PATIENCE:
            raise TransientError(f"Kafka at {address(settings)} gives no records")


def _record(row: Any, log_id: str) -> Record:
    headers = {name: (text or b"").decode("utf-8", "replace") for name, text in row.headers}
    value = row.value if row.value is not None else b""
    return Record(Position(log_id, row.topic, row.partition, row.offset), row.key, value, headers)
