"""Rows a second of `RawStore.store`, Postgres beside Cassandra, and of the ways to let the first writer win.

    python -m bench.raw_store [rounds]

Starts both servers under a temporary folder, as the embedded stack does. A round stores a batch of 1,000 messages of 50
companies in each way in turn, so that whatever else the machine does meets all alike; read the ratios, not the figures.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from sago.domain.messages import Message
from sago.embedded.local_cassandra import start_local_cassandra
from sago.embedded.postgres import remove_data, start_postgres
from sago.sections import CassandraSettings, PostgresSettings
from sago.stores.cassandra import CassandraRawStore
from sago.stores.cassandra import migrate as migrate_cassandra
from sago.stores.cassandra.rows import row_of
from sago.stores.cassandra.session import OpenSession
from sago.stores.cassandra.statements import CONTENT, OWNER
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres import migrate as migrate_postgres
from sago.stores.sql_messages import SqlRawStore

MESSAGES = 1000
COMPANIES = 50
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COLUMNS = (*CONTENT, *OWNER)
WRITE = f"UPDATE chat_messages SET {', '.join(f'{name} = ?' for name in COLUMNS)}"  # noqa: S608
HERE = "company_id = ? AND day = ? AND sent_at = ? AND message_id = ? AND version = ?"
PLAIN = f"{WRITE} WHERE {HERE}"
FALLING = PLAIN.replace("chat_messages SET", "chat_messages USING TIMESTAMP ? SET")
CONDITIONAL = f"{PLAIN} IF batch_name = null AND content_sha = null"
LOOK = (
    "SELECT sent_at, message_id, version, batch_name, content_sha FROM chat_messages "
    "WHERE company_id = ? AND day = ? AND (sent_at, message_id, version) IN ?"
)
CONSTANT = 2**62
"""Minus the clock's nanoseconds: the timestamp of a write that must beat every later one."""

Way = Callable[[list[Message], str], None]


def batch(number: int) -> list[Message]:
    """A batch like no other."""
    first = number * MESSAGES
    return [
        Message(
            id=f"slack:{each}",
            company_id=f"company-{each % COMPANIES}",
            source="slack",
            sender="U024BE7LH",
            sent_at=NOW + timedelta(milliseconds=each),
            thread_id="1772442000.000100",
            text="Renewal went out this morning, legal wants one more look at the data clause. " * 2,
            raw={"ts": str(each), "type": "message", "blocks": [{"type": "rich_text", "elements": ["x" * 200]}]},
        )
        for each in range(first, first + MESSAGES)
    ]


def ways_of_cassandra(session: OpenSession) -> dict[str, Way]:
    """The ways the decision page compares, bare: no classification, no days."""

    def rows(messages: Sequence[Message], name: str) -> Iterator[tuple[tuple[str, str], list[Any]]]:
        made = sorted((row_of(message, message.content_sha(), name, NOW) for message in messages), key=lambda r: r[:2])
        for partition, within in groupby(made, key=lambda row: row.partition):
            yield partition[1:], list(within)

    def write(statement: str, messages: list[Message], name: str, *before: int) -> list[Any]:
        requests = [
            session.batch(statement, [(*before, *row.values, *place, *row.slot) for row in within])
            for place, within in rows(messages, name)
        ]
        return session.execute_all(requests)

    def look(messages: list[Message], name: str) -> None:
        places = [(*place, [row.slot for row in within]) for place, within in rows(messages, name)]
        for result in session.execute_all([session.bind(LOOK, place) for place in places]):
            list(result)

    def falling(messages: list[Message], name: str) -> None:
        write(FALLING, messages, name, CONSTANT - time.time_ns())
        look(messages, name)

    def read_first(messages: list[Message], name: str) -> None:
        look(messages, name)
        write(PLAIN, messages, name)

    return {
        "cassandra: plain batches, nobody wins": lambda messages, name: void(write(PLAIN, messages, name)),
        "cassandra: falling timestamps, read back": falling,
        "cassandra: read, then write": read_first,
        "cassandra: conditional batches": lambda messages, name: void(write(CONDITIONAL, messages, name)),
    }


def void(_: object) -> None:
    """Forget the answer."""


@contextmanager
def ways(folder: Path) -> Iterator[dict[str, Way]]:
    with ExitStack() as stack:
        postgres = start_postgres(folder / "postgres")
        stack.callback(remove_data, folder / "postgres")
        stack.callback(postgres.stop)
        cassandra = start_local_cassandra(folder / "cassandra")
        stack.callback(cassandra.stop)
        of_postgres = PostgresSettings(**postgres.settings["postgres"])
        of_cassandra = CassandraSettings(**cassandra.settings["cassandra"])
        migrate_postgres(of_postgres)
        migrate_cassandra(of_cassandra)
        database = PostgresDatabase(of_postgres)
        stack.callback(database.close)
        sql, store = SqlRawStore(database.connections), CassandraRawStore(of_cassandra)
        stack.callback(store.close)
        with store.connection.begin() as session:
            yield {
                "store() on Postgres": lambda messages, name: void(sql.store(messages, name, NOW)),
                "store() on Cassandra": lambda messages, name: void(store.store(messages, name, NOW)),
                **ways_of_cassandra(session),
            }


def measure(rounds: int) -> dict[str, list[float]]:
    """Rows a second of each way in each round; two rounds before them warm up."""
    speeds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, ways(Path(folder).resolve()) as all_ways:
        number = 0
        for turn in range(rounds + 2):
            for way, run in all_ways.items():
                messages = batch(number)
                number += 1
                started = time.perf_counter()
                run(messages, f"batch-{number}")
                if turn > 1:
                    speeds.setdefault(way, []).append(MESSAGES / (time.perf_counter() - started))
    return speeds


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    speeds = measure(rounds)
    base = statistics.median(speeds["store() on Postgres"])
    sys.stdout.write(f"{'rows/s, ' + str(rounds) + ' rounds':44}{'median':>8}{'min':>8}{'max':>8}{'ratio':>8}\n")
    for way, found in speeds.items():
        median = statistics.median(found)
        figures = f"{median:8.0f}{min(found):8.0f}{max(found):8.0f}{median / base:8.2f}"
        sys.stdout.write(f"{way:44}{figures}\n")


if __name__ == "__main__":
    main()
