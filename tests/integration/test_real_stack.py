"""20,000 messages of 50 companies on real Kafka, Cassandra, Redis and Postgres, over two bridges and real workers.

What comes out must be what the same messages give on the in-memory adapters: the `marker` provider makes that exact.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random

import psycopg2
import pytest

from sago.bootstrap import Container, build
from sago.cli.stack import prepare
from sago.config import PROJECT
from sago.domain.batches import BatchState
from sago.domain.events import Event
from sago.domain.messages import Message
from sago.embedded.procfile import read_procfile
from sago.embedded.servers import Server
from sago.embedded.stack import Stack
from tests.integration.houses import eventually
from tests.unit.pipeline.house import House

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

COMPANIES = [f"company-{n:02}" for n in range(50)]
EACH = 400
TOPICS = ("real-slack", "real-gmail")
"""Of this module alone; `unparsed.dlq` is shared by all tests of the session's broker."""
TOTAL = len(COMPANIES) * EACH
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
NAMES = ("Anvil", "Borealis", "Cobalt", "Dorian", "Ember", "Fjord", "Granite", "Helix", "Isotope", "Juniper")
BY_STEP = [
    (40, "[[event enterprise_deal subject={name} metric=contract_value:{k}7000:USD severity=high]]"),
    (50, "[[event revenue_milestone metric=arr:{k}00000:USD]]"),
    (61, "[[event setback subject={name} severity=high]]"),
    (131, "[[event enterprise_deal subject=Cobalt status=denied]]"),
    (161, "[[event enterprise_deal subject=Ember metric=contract_value:9000:USD corrects=true]]"),
    (21, "[[event hiring subject={name} status=planned]]"),
]
"""Every so manyth message says such a thing: told again in chat and mail, denied, corrected, only planned."""


def text(n: int) -> str:
    told = [(n // step, mark) for step, mark in BY_STEP if n % step == step - 1]
    marks = [mark.format(k=k + 1, name=NAMES[k % len(NAMES)]) for k, mark in told]
    return " ".join([f"standup {n}: still on the importer ü🚢", *marks])


def story(company: str) -> list[Message]:
    """400 messages of chat and mail over twelve days; every hundredth is an edit of the one before it."""
    messages = []
    for n in range(EACH):
        source = "gmail" if n % 3 == 2 else "slack"
        edited = START + timedelta(days=20) if n % 100 == 99 else None
        of = n - 3 if edited else n
        messages.append(
            Message(
                id=f"{source}:{company}-{of}",
                version=int(edited.timestamp() * 1_000_000) if edited else 0,
                edited_at=edited,
                company_id=company,
                source=source,
                sender="ana@harbour.example" if source == "gmail" else "ana",
                sent_at=START + timedelta(minutes=43 * of),
                text=text(n),
            )
        )
    return messages


@pytest.fixture(scope="module")
def stories() -> dict[str, list[Message]]:
    return {company: story(company) for company in COMPANIES}


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


def slices(stories: dict[str, list[Message]], size: int = 500) -> Iterator[list[Message]]:
    """All messages, companies mixed, each company's nearly in order, one in a hundred twice.

    Edits come last: one that is taken before its original would leave the original unread, and the count open.
    """
    chance = Random(7)  # noqa: S311 - a fixed order, no secret
    placed = [
        (n + chance.random() * 40 + (EACH if each.version else 0), each)
        for messages in stories.values()
        for n, each in enumerate(messages)
    ]
    mixed = iter([each for _, each in sorted(placed, key=lambda pair: pair[0])])
    while part := list(islice(mixed, size)):
        yield part + chance.sample(part, size // 100)


def expected(stories: dict[str, list[Message]]) -> dict[str, list[Event]]:
    """The events of the same messages over the in-memory adapters."""
    found = {}
    for company, messages in stories.items():
        house = House(threshold=200, chunk=100)
        house.store(*messages)
        house.run()
        with house.database.begin() as tx:
            found[company] = tx.events.find(company)
    return found


def test_everything_is_stored_once_merged_once_and_folds_as_in_memory(
    container: Container, stories: dict[str, list[Message]]
) -> None:
    for part in slices(stories):
        container.log.publish(part)
    assert eventually(lambda: not any(container.log.lag().values()), 120), "the bridges did not store everything"
    assert_rows(container, stories)

    assert eventually(lambda: _unmerged(container) == 0, 120)
    waiting = container.buffer.counts()
    assert sum(waiting.values()) == unread(container)
    assert all(count < 200 for count in waiting.values())

    container.dispatcher.flush()
    assert eventually(lambda: unread(container) == 0 and _unmerged(container) == 0, 60)
    assert not any(container.buffer.counts().values())
    with container.database.begin() as tx:
        assert set(tx.batches.counts()) == {BatchState.MERGED}
        assert not [letter for topic in TOPICS for letter in tx.ledger.dead_letters(topic=topic)]
        events = {company: tx.events.find(company) for company in COMPANIES}
    assert {company: facts(found) for company, found in events.items()} == {
        company: facts(found) for company, found in expected(stories).items()
    }
    assert sum(map(len, events.values())) > 500


def assert_rows(container: Container, stories: dict[str, list[Message]]) -> None:
    """Each message version is one row of Cassandra, to the letter; there are no others."""
    assert container.raw.count() == TOTAL
    for messages in stories.values():
        stored = container.raw.read([message.ref for message in messages])
        assert {each.ref: each.content_sha() for each in stored} == {m.ref: m.content_sha() for m in messages}
        days = defaultdict(list)
        for message in messages:
            days[message.sent_at.date()].append(message.ref)
        day = max(days)
        assert container.raw.read_day(messages[0].company_id, day) == sorted(days[day])


def facts(events: list[Event]) -> list[dict[str, object]]:
    return sorted((event.model_dump(mode="json") for event in events), key=lambda row: str(row["id"]))


def _unmerged(container: Container) -> int:
    with container.database.begin() as tx:
        return tx.batches.progress(COMPANIES)[0]


def unread(container: Container) -> int:
    """Messages in no batch."""
    with closing(psycopg2.connect(container.settings.postgres.url().replace("+psycopg2", ""))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM batch_members WHERE run = 'live'")
        ((count,),) = cursor.fetchall()
        return TOTAL - int(count)
