"""Real servers and workers in a folder of their own, and what a run needs of them: empty, fill, start, verify."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import redis
from confluent_kafka import Producer
from kafka import KafkaConsumer, TopicPartition

from bench.store.load import Delivery, Load
from sago.bootstrap import Container, build
from sago.cli.stack import prepare
from sago.config import PROJECT, Settings
from sago.domain.dead_letters import SUFFIX
from sago.embedded.guard import Guard
from sago.embedded.kinds import remove_servers
from sago.embedded.processes import Child
from sago.embedded.procfile import process_environment, read_procfile, start_process
from sago.embedded.record import read_record
from sago.embedded.stack import Stack
from sago.sections import PostgresSettings
from sago.stores.cassandra.rows import TABLES
from sago.stores.kafka import client_options, ordinary_topics

MEMORY = "4gb"
"""Ceiling of the Redis here: what waits of a million messages is above the embedded server's own."""
NEVER = 1_000_000_000
"""A threshold out of reach: stored, counted, and nothing claimed."""
EMPTIED = ("bridge_progress", "batches", "batch_chunks", "batch_members", "observations", "extractions")
EVENTS = ("significant_events", "event_aliases", "metric_points", "dead_letters")
STALLED = 120.0
"""Seconds without a further committed offset after which a run is given up."""
LOOK_EVERY = 0.1


class LostError(RuntimeError):
    """A run ended with other rows, marks or dead letters than its load must give: its figures are worth nothing."""


@dataclass
class Rig:
    """Servers and workers that run; one bridge or loop at a time is started over them."""

    state_dir: Path
    settings: Settings
    container: Container
    guard: Guard
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 100_000)))

    def empty(self) -> None:
        """Every store without a message, as after `sago wipe`; companies stay known."""
        with self.container.cassandra.connection.begin() as session:
            for table in TABLES:
                session.driver.execute(f"TRUNCATE {table}", timeout=120.0)
        with closing(psycopg2.connect(plain(self.settings.postgres))) as connection, connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join((*EMPTIED, *EVENTS))} CASCADE")
            connection.commit()
        with closing(self.redis(self.settings.redis.broker_db)) as broker:
            broker.delete("sago:merge", "sago:extract", "extract")
        self.container.buffer.clear()
        self.container.buffer.begin_epoch(self.container.clock.now())
        self.container.buffer.set_epoch()

    def redis(self, database: int) -> Any:
        """A client of one database."""
        return redis.Redis.from_url(self.settings.redis.database(database))

    def query(self, sql: str) -> list[Any]:
        """Rows of Postgres, read anew."""
        with closing(psycopg2.connect(plain(self.settings.postgres))) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def queued(self) -> int:
        """Tasks in the broker, with those that workers hold and have not acknowledged."""
        with closing(self.redis(self.settings.redis.broker_db)) as broker:
            lengths = [int(broker.llen(f"sago:{name}")) for name in ("store", "upkeep", "merge", "extract")]
            return sum(lengths) + int(broker.hlen("sago:unacked"))

    def fill(self, load: Load) -> None:
        """Put a load into Kafka; returns when all is acknowledged."""
        self.fill_with(load.deliveries())

    def fill_with(self, deliveries: Iterable[Delivery]) -> int:
        """As `fill`, any deliveries; how many they were."""
        producer = self.producer()
        put = self.put(producer, deliveries)
        self.flush(producer)
        return put

    def put(self, producer: Any, deliveries: Iterable[Delivery]) -> int:
        """Hand them to a producer, waiting while it is full; how many they were."""
        put = 0
        for delivery in deliveries:
            topic = self.settings.kafka.topic(delivery.source)
            while True:
                try:
                    producer.produce(topic, delivery.value, delivery.company_id)
                    break
                except BufferError:
                    producer.poll(0.1)
            put += 1
        producer.poll(0)
        return put

    def flush(self, producer: Any) -> None:
        """Wait until Kafka has all that was put; raises LostError after two minutes."""
        if producer.flush(120.0):
            raise LostError("Kafka did not take the whole load")

    def producer(self) -> Any:
        """A fast producer that places keys as ours does."""
        return Producer(
            {
                "bootstrap.servers": self.settings.kafka.bootstrap_servers,
                "partitioner": "murmur2_random",
                "compression.type": "gzip",
                "enable.idempotence": True,
                "linger.ms": 50,
                "log_level": 2,
                "queue.buffering.max.kbytes": 65536,
            }
        )

    def ends(self, suffix: str = "") -> dict[TopicPartition, int]:
        """Where each partition of the ordinary topics ends, or of their dead letters with `.dlq`."""
        with self._consumer() as consumer:
            topics = [topic + suffix for topic in ordinary_topics(self.settings.kafka)]
            consumer.topics()
            pairs = [TopicPartition(topic, n) for topic in topics for n in consumer.partitions_for_topic(topic) or ()]
            found: dict[TopicPartition, int] = consumer.end_offsets(pairs)
            return found

    def letters(self, since: Mapping[TopicPartition, int]) -> int:
        """Dead letters from these ends on: one that was told twice, as by two attempts of a batch, is one."""
        left = {pair: end for pair, end in self.ends(SUFFIX).items() if end > since[pair]}
        origins = set()
        with self._consumer() as consumer:
            consumer.assign(list(left))
            for pair in left:
                consumer.seek(pair, since[pair])
            while any(consumer.position(pair) < end for pair, end in left.items()):
                rows = (row for found in consumer.poll(timeout_ms=500).values() for row in found)
                origins |= {dict(row.headers)["origin"] for row in rows}
        return len(origins)

    @contextmanager
    def _consumer(self) -> Iterator[Any]:
        consumer = KafkaConsumer(**client_options(self.settings.kafka), auto_offset_reset="earliest")
        try:
            yield consumer
        finally:
            consumer.close(timeout_ms=1000)

    @contextmanager
    def bridge(self, environ: Mapping[str, str] | None = None) -> Iterator[Child]:
        """The Procfile's bridge, with these variables; it is drained at the end."""
        child = self._start("bridge", read_procfile(PROJECT / "Procfile")["bridge"], environ or {})
        try:
            yield child
        finally:
            child.stop(60.0)
            self.guard.forget(child)

    @contextmanager
    def module(self, command: str) -> Iterator[Child]:
        """A process of the bench's own."""
        child = self._start("bare-loop", command, {})
        try:
            yield child
        finally:
            child.stop(10.0)
            self.guard.forget(child)

    def log_of(self, child: Child) -> Path:
        return self.state_dir / "logs" / f"{child.name}.log"

    def assigned_at(self, bridge: Child) -> float:
        """When the bridge got its partitions, from its own log; seconds since the epoch. Waits for it."""
        until = time.monotonic() + STALLED
        while time.monotonic() < until and bridge.alive():
            for line in self.log_of(bridge).read_text(encoding="utf-8").splitlines():
                entry = json.loads(line) if line.startswith("{") else {}
                if entry.get("event") == "partitions assigned" and entry["pairs"]:
                    return _seconds(entry["timestamp"])
            time.sleep(0.02)
        raise LostError(f"the bridge got no partitions; see {self.log_of(bridge)}")

    def committed_at(self, ends: Mapping[TopicPartition, int]) -> float:
        """When the last watermark reached these ends, as the bridge wrote it; waits for it. Raises LostError when
        nothing moves for two minutes."""
        query = "SELECT topic, partition, max(watermark), max(extract(epoch FROM updated_at)) FROM bridge_progress"
        wanted = {(pair.topic, pair.partition): end for pair, end in ends.items()}
        moved, last = time.monotonic(), -1
        with closing(psycopg2.connect(plain(self.settings.postgres))) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while time.monotonic() - moved < STALLED:
                cursor.execute(f"{query} GROUP BY 1, 2")
                found = {(row[0], row[1]): (row[2], float(row[3])) for row in cursor.fetchall()}
                reached = {pair: found[pair] for pair in wanted if pair in found}
                if all(reached.get(pair, (0,))[0] >= end for pair, end in wanted.items()):
                    return max(at for _, at in reached.values())
                total = sum(watermark for watermark, _ in reached.values())
                moved, last = (time.monotonic() if total != last else moved), total
                time.sleep(LOOK_EVERY)
        raise LostError(f"the bridge stands still at {last} of {sum(wanted.values())}")

    def verify(self, load: Load, letters: Mapping[TopicPartition, int]) -> None:
        """Each message is one row, marked and counted once, each contradiction a dead letter; raises LostError.

        `letters` are the ends of the dead letters' topics before.
        """
        found = {
            "rows": self.container.raw.count(),
            "marks": self.container.buffer.marks(),
            "counted": sum(self.container.buffer.counts().values()),
            "letters": self.letters(letters),
        }
        expected = dict.fromkeys(("rows", "marks", "counted"), load.messages) | {"letters": load.conflicts}
        if found != expected:
            raise LostError(f"{load.run}: {found}, not {expected}")

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time of each server and worker so far, with their children, ended ones too."""
        return {name: cpu_of(child.pid) for name, child in self.children().items()}

    def children(self) -> dict[str, Child]:
        """Servers and workers by name."""
        record = read_record(self.state_dir)
        services = record.services.items() if record else ()
        return {name: service.child for name, service in services if service.child is not None}

    def _start(self, name: str, command: str, environ: Mapping[str, str]) -> Child:
        unique = f"{name}-{next(self.numbers)}"
        child = start_process(unique, command, self.state_dir, process_environment(self.state_dir, None, environ))
        self.guard.watch(child)
        return child


@contextmanager
def running(
    processes: tuple[str, ...], environ: Mapping[str, str], *, before: Callable[[Path], None] | None = None
) -> Iterator[Rig]:
    """Servers, and these processes of the Procfile; all gone afterwards. `before` gets the folder first.

    Nothing is urgent: batches are made by the threshold alone, which is what is measured.
    """
    with ExitStack() as after:
        folder = Path(tempfile.mkdtemp(prefix="sago-bench-")).resolve()
        state_dir = folder / "state"
        if "BENCH_KEEP" not in os.environ:
            after.callback(shutil.rmtree, folder, ignore_errors=True)
            after.callback(remove_servers, state_dir)
        if before is not None:
            before(state_dir)
        commands = read_procfile(PROJECT / "Procfile")
        procfile = folder / "Procfile"
        procfile.write_text("".join(f"{name}: {commands[name]}\n" for name in processes), encoding="utf-8")
        environ = {"SAGO_LOGGING__FORMAT": "json", "SAGO_CACHE__URGENT__ENABLED": "false", **environ}
        stack = Stack(state_dir, prepare, procfile=procfile, environ=environ, servers="local")
        settings = after.enter_context(stack.running())
        container = build(_careful(settings))
        after.callback(container.close)
        guard = Guard()
        after.callback(guard.close)
        rig = Rig(state_dir, settings, container, guard)
        with closing(rig.redis(0)) as client:
            client.config_set("maxmemory", MEMORY)
        yield rig


def _careful(settings: Settings) -> Settings:
    """For our own look at the rows: few questions at once, as a whole partition is counted with each."""
    cassandra = settings.cassandra.model_copy(update={"in_flight": 8, "request_timeout": 60.0})
    return settings.model_copy(update={"cassandra": cassandra})


def plain(settings: PostgresSettings) -> str:
    """The address as psycopg2 takes it."""
    return settings.url().replace("+psycopg2", "")


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process, its children and those of both that have ended and were waited for."""
    total = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total
