"""4,800 messages of 12 companies on real Kafka, Cassandra, Redis and Postgres, over two bridges and real workers.

What comes out must be what the same messages give on the in-memory adapters: the `marker` provider makes that exact.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from sago.bootstrap import Container, build
from sago.cli.stack import prepare
from sago.config import PROJECT
from sago.domain.batches import BatchState
from sago.embedded.procfile import read_procfile
from sago.embedded.servers import Server
from sago.embedded.stack import Stack
from tests.faults.ledger import Account, Books
from tests.faults.load import Load
from tests.integration.houses import eventually

pytestmark = pytest.mark.services

LOAD = Load("company", 12, 400)
COMPANIES = list(LOAD.stories)
TOPICS = ("real-slack", "real-gmail")
"""Of this module alone; `unparsed.dlq` is shared by all tests of the session's broker."""


@pytest.fixture(scope="module")
def environ(
    real_kafka: Server, cassandra_server: Server, redis_server: Server, postgres_server: Server
) -> dict[str, str]:
    """Addresses of the session's servers, with topics, group, keyspace and databases of this module's own."""
    postgres = postgres_server.settings["postgres"]
    database = f"real_{os.getpid()}"
    login = {"host": postgres["host"], "port": postgres["port"], "user": postgres["user"]}
    with closing(psycopg2.connect(**login, password=postgres["password"], dbname="postgres")) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {database}")
    return {
        "SAGO_KAFKA__BOOTSTRAP_SERVERS": real_kafka.settings["kafka"]["bootstrap_servers"],
        "SAGO_KAFKA__TOPICS": json.dumps(dict(zip(("slack", "gmail"), TOPICS, strict=True))),
        "SAGO_KAFKA__GROUP_ID": database,
        "SAGO_REDIS__URL": redis_server.settings["redis"]["url"],
        **{f"SAGO_REDIS__{use}_DB": str(8 + n) for n, use in enumerate(("BROKER", "RESULTS", "BUFFER", "CACHE"))},
        "POSTGRES_HOST": postgres["host"],
        "POSTGRES_PORT": str(postgres["port"]),
        "POSTGRES_USER": postgres["user"],
        "POSTGRES_PASSWORD": postgres["password"],
        "POSTGRES_DB": database,
        "SAGO_RAW_STORE__KIND": "cassandra",
        "SAGO_CASSANDRA__CONTACT_POINTS": '["127.0.0.1"]',
        "SAGO_CASSANDRA__PORT": str(cassandra_server.settings["cassandra"]["port"]),
        "SAGO_CASSANDRA__KEYSPACE": database,
        "SAGO_EXTRACTION__PROVIDER": "marker",
    }


@pytest.fixture(scope="module")
def container(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Two bridges, a store and an extract worker and beat, as the Procfile starts them."""
    folder = tmp_path_factory.mktemp("real")
    commands = read_procfile(PROJECT / "Procfile")
    wanted = {"second": commands["bridge"]} | {name: commands[name] for name in ("bridge", "store", "extract", "beat")}
    procfile = folder / "Procfile"
    procfile.write_text("".join(f"{name}: {command}\n" for name, command in wanted.items()), encoding="utf-8")
    stack = Stack(folder / "state", prepare, procfile=procfile, environ=environ)
    with stack.running() as settings:
        wired = build(settings)
        yield wired
        wired.close()


def test_everything_is_stored_once_merged_once_and_folds_as_in_memory(container: Container) -> None:
    for part in LOAD.slices():
        container.log.publish(part)
    assert eventually(lambda: not any(container.log.lag().values()), 120), "the bridges did not store everything"
    assert container.raw.count() == len(LOAD.messages)

    books = Books(container, LOAD)
    assert eventually(lambda: _unmerged(container) == 0, 120)
    assert all(count < 200 for count in container.buffer.counts().values())

    container.dispatcher.flush()
    assert eventually(books.is_complete, 60)
    assert books.settle() == Account(lost=[], doubled=[])
    assert not any(container.buffer.counts().values())
    with container.database.begin() as tx:
        assert set(tx.batches.counts()) == {BatchState.MERGED}
        assert not [letter for topic in TOPICS for letter in tx.ledger.dead_letters(topic=topic)]
        assert sum(len(tx.events.find(company)) for company in COMPANIES) > 250


def _unmerged(container: Container) -> int:
    with container.database.begin() as tx:
        return tx.batches.progress(COMPANIES)[0]
