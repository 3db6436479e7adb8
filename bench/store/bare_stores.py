"""The stores of the bare loop: what a single writer may do without conditional writes and scripts."""
# ruff: noqa: S608

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from cassandra.concurrent import execute_concurrent
from cassandra.query import BatchStatement, BatchType
from sqlalchemy import text

from sago.config import Settings
from sago.domain.messages import Message, iso_ms
from sago.stores.cassandra.rows import TABLES, Key, Partition, Row, key_of, row_of
from sago.stores.cassandra.session import CassandraConnection
from sago.stores.cassandra.statements import CLUSTERING, CONTENT, INGEST_DAY, OWNER, PARTITION
from sago.stores.postgres import PostgresDatabase

ROWS, BYTES = 200, 250_000
"""Of one unlogged batch."""
IN_FLIGHT = 64
MARKS_FOR = timedelta(hours=48)
MEMBERS = """
    SELECT m.company_id, m.message_id, m.version, m.run FROM batch_members m
    JOIN unnest(CAST(:companies AS text[]), CAST(:ids AS text[])) AS k (company_id, message_id)
      ON m.company_id = k.company_id AND m.message_id = k.message_id"""

ByCompany = dict[str, dict[tuple[str, int], Message]]


@dataclass
class Verdicts:
    """What became of messages; `good` are the stored ones and the duplicates."""

    stored: int = 0
    duplicates: int = 0
    good: list[Message] = field(default_factory=list)
    conflicts: list[Message] = field(default_factory=list)
    refused: int = 0

    def add(self, other: Verdicts) -> None:
        """The counts of another, without its messages."""
        self.stored += other.stored
        self.duplicates += other.duplicates
        self.refused += len(other.conflicts)

    def counts(self) -> dict[str, int]:
        return {"stored": self.stored, "duplicates": self.duplicates, "conflicts": self.refused}


class BareRows:
    """Cassandra: read who owns a row, then write what nobody owns. Connected, its statements prepared."""

    def __init__(self, connection: CassandraConnection) -> None:
        with connection.begin() as session:
            self._driver = session.driver
        self._prepared: dict[str, Any] = {}
        for table in TABLES:
            self._statement(_look(table))
            self._statement(_write(table))
        self._statement(INGEST_DAY)

    def store(self, batches: Mapping[str, list[Message]], now: datetime) -> Verdicts:
        rows: dict[Key, Row] = {}
        given = []
        for name, messages in batches.items():
            for message in messages:
                key, sha = key_of(message), message.content_sha()
                given.append((key, sha, message))
                if key not in rows:
                    rows[key] = row_of(message, sha, name, now)
        owners = self._owners(rows.values())
        self._write([row for key, row in rows.items() if key not in owners], now)
        return verdicts(given, owners)

    def _owners(self, rows: Iterable[Row]) -> dict[Key, bytes]:
        asked = []
        for partition, within in _by_partition(rows).items():
            for start in range(0, len(within), ROWS):
                slots = [row.slot for row in within[start : start + ROWS]]
                look = self._statement(_look(partition.table)).bind((partition.company_id, partition.day, slots))
                asked.append((partition, look))
        results = self._execute([look for _, look in asked])
        return {
            Key(partition.company_id, found.message_id, found.version): found.content_sha
            for (partition, _), result in zip(asked, results, strict=True)
            for found in result
            if found.batch_name is not None
        }

    def _write(self, rows: list[Row], now: datetime) -> None:
        partitions = _by_partition(rows)
        self._execute([self._batch(part) for within in partitions.values() for part in _cut(within)])
        days = BatchStatement(BatchType.UNLOGGED)
        received = now.astimezone(UTC).date().isoformat()
        for company_id, day in {(each.company_id, each.day) for each in partitions}:
            days.add(self._statement(INGEST_DAY), (received, company_id, day))
        if partitions:
            self._execute([days])

    def _batch(self, rows: list[Row]) -> BatchStatement:
        partition = rows[0].partition
        batch, prepared = BatchStatement(BatchType.UNLOGGED), self._statement(_write(partition.table))
        for row in rows:
            batch.add(prepared, (partition.company_id, partition.day, *row.slot, *row.values))
        return batch

    def _execute(self, requests: list[Any]) -> list[Any]:
        pairs = [(request, None) for request in requests]
        return [result for _, result in execute_concurrent(self._driver, pairs, IN_FLIGHT, raise_on_first_error=True)]

    def _statement(self, cql: str) -> Any:
        if cql not in self._prepared:
            self._prepared[cql] = self._driver.prepare(cql)
        return self._prepared[cql]


class BareMembers:
    """Postgres: the companies, and which messages a batch has read."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._ensured: set[str] = set()

    def ensure(self, companies: Iterable[str], now: datetime) -> None:
        """Each once in this process's life."""
        if fresh := set(companies) - self._ensured:
            with self._database.begin() as tx:
                tx.companies.ensure_all(fresh, now)
            self._ensured |= fresh

    def unread(self, given: ByCompany) -> ByCompany:
        """Those that no batch has read, in this version or a higher one."""
        keys = [(company, message_id) for company, within in given.items() for message_id, _ in within]
        if not keys:
            return {}
        companies, ids = map(list, zip(*keys, strict=True))
        with self._database.connections.begin() as connection:
            found = connection.execute(text(MEMBERS), {"companies": companies, "ids": ids}).all()
        highest: dict[tuple[str, str], int] = {}
        read = set()
        for company, message_id, version, run in found:
            highest[company, message_id] = max(version, highest.get((company, message_id), -1))
            if run == "live":
                read.add((company, message_id, version))
        return {
            company: {
                key: message
                for key, message in within.items()
                if (company, *key) not in read and highest.get((company, key[0]), -1) < key[1]
            }
            for company, within in given.items()
        }


class BareBuffer:
    """Redis: marks, queues and counters, in pipelines. Connected."""

    def __init__(self, settings: Settings) -> None:
        url = settings.redis.database(settings.redis.buffer_db)
        self._redis: Any = redis.Redis.from_url(url, decode_responses=True)
        self._redis.ping()
        self._threshold, self._ttl = settings.cache.cache_trigger_threshold, settings.cache.ttl

    def unknown(self, given: ByCompany) -> ByCompany:
        """Those that no mark knows."""
        pipe = self._redis.pipeline(transaction=False)
        for company, within in given.items():
            pipe.zmscore(f"messages:{{{company}}}:counted", [_mark(*key) for key in within])
        answers = pipe.execute()
        unknown = {}
        for (company, within), scores in zip(given.items(), answers, strict=True):
            new = {key: each for (key, each), score in zip(within.items(), scores, strict=True) if score is None}
            if new:
                unknown[company] = new
        return unknown

    def add(self, given: ByCompany, now: datetime) -> None:
        """Queue and count. Raises RuntimeError where a company is full: this loop claims nothing."""
        at = int(now.timestamp() * 1000)
        pipe = self._redis.pipeline(transaction=False)
        pipe.exists("sago:epoch")
        for company, within in given.items():
            self._add_company(pipe, company, within, at)
        counted = [place for place, (words, _) in enumerate(pipe.command_stack) if words[0] == "INCRBY"]
        answers = pipe.execute()
        if max((answers[place] for place in counted), default=0) >= self._threshold:
            raise RuntimeError("a company is full: the bare loop is run with a threshold that is out of reach")

    def _add_company(self, pipe: Any, company: str, within: dict[tuple[str, int], Message], at: int) -> None:
        prefix = f"messages:{{{company}}}:"
        queues: dict[str, list[str]] = defaultdict(list)
        for message in within.values():
            queues[message.source].append(_encode(message, at))
        pipe.zremrangebyscore(f"{prefix}counted", "-inf", f"({at - int(MARKS_FOR.total_seconds() * 1000)}")
        if not within:
            return
        pipe.zadd(f"{prefix}counted", {_mark(*key): at for key in within}, nx=True)
        pipe.sadd(f"{prefix}sources", *queues)
        for source, queue in queues.items():
            pipe.rpush(f"{prefix}{{{source}}}:queue", *queue)
            pipe.hset(f"{prefix}{{{source}}}:metadata", "last_added_at", at)
            pipe.hincrby(f"{prefix}{{{source}}}:metadata", "added", len(queue))
            pipe.expire(f"{prefix}{{{source}}}:metadata", self._ttl)
        pipe.incrby(f"{prefix}counter", len(within))
        pipe.zadd("messages:due", {company: at}, nx=True)


def verdicts(given: list[tuple[Key, bytes, Message]], owners: dict[Key, bytes]) -> Verdicts:
    """What becomes of these, in their order, where the rows of `owners` are there already."""
    found = Verdicts()
    shas = dict(owners)
    for key, sha, message in given:
        if key not in shas:
            shas[key] = sha
            found.stored += 1
        elif shas[key] != sha:
            found.conflicts.append(message)
            continue
        else:
            found.duplicates += 1
        found.good.append(message)
    return found


def _by_partition(rows: Iterable[Row]) -> dict[Partition, list[Row]]:
    grouped: dict[Partition, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.partition].append(row)
    return grouped


def _cut(rows: list[Row]) -> list[list[Row]]:
    parts: list[list[Row]] = [[]]
    size = 0
    for row in rows:
        if parts[-1] and (len(parts[-1]) == ROWS or size + row.size > BYTES):
            parts.append([])
            size = 0
        parts[-1].append(row)
        size += row.size
    return parts


def _look(table: str) -> str:
    columns = (*CLUSTERING, "batch_name", "content_sha")
    return (
        f"SELECT {', '.join(columns)} FROM {table} WHERE company_id = ? AND day = ? AND ({', '.join(CLUSTERING)}) IN ?"
    )


def _write(table: str) -> str:
    columns = (*PARTITION, *CLUSTERING, *CONTENT, *OWNER)
    marks = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"


def _mark(message_id: str, version: int) -> str:
    return f"{version}:{message_id}"


def _encode(message: Message, at: int) -> str:
    """The compact message as the buffer keeps it."""
    compact = {
        "id": message.id,
        "version": message.version,
        "source": message.source,
        "sent_at": iso_ms(message.sent_at),
        "sender": message.sender,
        "thread_id": message.thread_id,
        "text": message.text,
        "queued_at": at,
    }
    return json.dumps(compact, ensure_ascii=False)
