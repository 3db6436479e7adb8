"""What we compare with: one process, one loop, no Celery. `python -m bench.store.bare_loop TASK RESULT`

Poll Kafka, check, write to Cassandra, count in Redis, commit. It takes over what the store path promises for a message,
by the shortest way that a single writer may go:

- a record is admitted by the bridge's own check; what is refused would stop it (the bench sends none such);
- whose row it is and whether its content differs is read from Cassandra before the write, which nobody but this
  process does meanwhile: no conditional write is needed. Conflicts are dead-lettered;
- new rows go in unlogged batches, one partition each, all at once; their days are noted;
- messages that no mark knows are looked up in Postgres' `batch_members`, all companies in one query;
- marks, queues, counters, metadata and the index of what is due are written in one pipeline, old marks trimmed;
- offsets are committed when all this is done.

It leaves out what only several processes need: confirmation, deadlines, conditional writes, the claim's script, the
ledger of watermarks.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition

from bench.store.bare_stores import BareBuffer, BareMembers, BareRows, Verdicts
from sago.bootstrap import Container, build
from sago.config import load
from sago.domain.batches import DeadLetter, Position, Record
from sago.domain.messages import Message
from sago.pipeline.admission import admit
from sago.pipeline.storing import CONFLICT, conflict_origin
from sago.stores.kafka import client_options, log_id_of, ordinary_topics

POLL_RECORDS = 1000
FETCH_BYTES = 8_000_000

Taken = tuple[Message, bytes]


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes when partitions first came, and the processor time until then."""

    at: float | None = None
    start_up = 0.0

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing to do: the loop is alone in its group."""

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        if assigned and self.at is None:
            self.at, self.start_up = time.time(), time.process_time()


class BareLoop:
    """One consumer and its stores, which are connected before it subscribes, and know these companies."""

    def __init__(self, container: Container, companies: Iterable[str]) -> None:
        settings = container.settings
        self._log, self._clock, self._topic_of = container.log, container.clock, settings.kafka.topic
        self._log_id = log_id_of(settings.kafka)
        self._rows = BareRows(container.cassandra.connection)
        self._members = BareMembers(container.database)
        self._members.ensure(companies, self._clock.now())
        self._buffer = BareBuffer(settings)
        self.assigned = _Assigned()
        self._consumer = KafkaConsumer(
            **client_options(settings.kafka),
            group_id=settings.kafka.group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=POLL_RECORDS,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=1_048_576,
        )
        self._consumer.topics()
        self._consumer.subscribe(topics=ordinary_topics(settings.kafka), listener=self.assigned)
        self.verdicts = Verdicts()

    def run(self, ends: dict[TopicPartition, int]) -> None:
        """Until every partition is committed to its end."""
        waiting = dict(ends)
        while waiting:
            polled = self._consumer.poll(timeout_ms=200)
            if not polled:
                continue
            now = self._clock.now()
            for pair, taken in self._store(polled, now):
                self._refuse(pair, taken)
            reached = {pair: rows[-1].offset + 1 for pair, rows in polled.items()}
            self._consumer.commit({pair: OffsetAndMetadata(at, "", -1) for pair, at in reached.items()})
            waiting = {pair: end for pair, end in waiting.items() if reached.get(pair, 0) < end}

    def close(self) -> None:
        self._consumer.close(timeout_ms=2000)

    def _store(self, polled: dict[TopicPartition, list[Any]], now: datetime) -> list[tuple[TopicPartition, Taken]]:
        """Rows, then counts; what conflicts."""
        batches = {}
        for pair, rows in polled.items():
            name = f"{self._log_id}:{pair.topic}:{pair.partition}:{rows[0].offset}-{rows[-1].offset}"
            batches[name] = [(self._admit(row, now), row.value) for row in rows]
        found = self._rows.store({name: [m for m, _ in taken] for name, taken in batches.items()}, now)
        self.verdicts.add(found)
        self._count(found.good, now)
        refused = set(map(id, found.conflicts))
        return [
            (pair, each)
            for pair, taken in zip(polled, batches.values(), strict=True)
            for each in taken
            if id(each[0]) in refused
        ]

    def _admit(self, row: Any, now: datetime) -> Message:
        record = Record(Position(self._log_id, row.topic, row.partition, row.offset), row.key, row.value, {})
        return admit(record, self._topic_of, now)

    def _count(self, messages: list[Message], now: datetime) -> None:
        by_company: dict[str, dict[tuple[str, int], Message]] = defaultdict(dict)
        for message in messages:
            by_company[message.company_id].setdefault((message.id, message.version), message)
        unknown = self._buffer.unknown(by_company)
        self._members.ensure(unknown, now)
        self._buffer.add(self._members.unread(unknown), now)

    def _refuse(self, pair: TopicPartition, taken: Taken) -> None:
        """The dead letter of a conflict."""
        message, value = taken
        letter = DeadLetter(
            origin=conflict_origin(message),
            topic=pair.topic,
            company_id=message.company_id,
            message_id=message.id,
            error=CONFLICT,
            error_type="InvalidMessageError",
            failed_at=datetime.now(UTC),
            value=value,
        )
        self._log.dead_letter(letter, message.company_id)


def main() -> None:
    """Run to the ends that a file names; what was found, when it began and ended, and its processor time."""
    task_file, result_file = map(Path, sys.argv[1:])
    task = json.loads(task_file.read_text())
    ends = {TopicPartition(topic, number): at for topic, number, at in task["ends"]}
    container = build(load())
    loop = BareLoop(container, task["companies"])
    loop.run(ends)
    ended = time.time()
    cpu = time.process_time() - loop.assigned.start_up
    result = {"started": loop.assigned.at, "ended": ended, "cpu": cpu, **loop.verdicts.counts()}
    result_file.write_text(json.dumps(result))
    loop.close()
    container.close()


if __name__ == "__main__":
    main()
