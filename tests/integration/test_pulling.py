"""A vendor's stream into the raw store over real servers: readers that are killed at each step, two at once, and a
vendor that misbehaves meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from sago.bootstrap import build
from sago.domain.connections import EVERY_CONTAINER, Connection, Stream, Token, connection_id_of
from sago.domain.messages import Message
from sago.embedded.guard import Guard
from sago.embedded.kafka import start_kafka
from sago.embedded.servers import Server
from sago.stores.celery_dispatcher import client
from sago.stores.fernet_vault import FernetVault, new_key
from tests.integration.houses import PROJECT, TOPICS, WORKER, House, eventually, flush, over
from tests.standins.paged import ACCOUNT, ENDS, FIRST, SLOWLY, TWICE, WELL, Answer, Book
from tests.standins.paged_server import PagedServer, paged_server
from tests.standins.slack_server import slack_server
from tests.standins.slack_workspace import Workspace
from tests.standins.told_vault import ToldVault

pytestmark = pytest.mark.services

ID = connection_id_of("paged", ACCOUNT)
BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
READER = [{"store": "upkeep,sources"}.get(word, word) for word in WORKER]
STEPS_OF_A_PAGE = 30
"""At most, with those of a claim: kills at more steps in a row than that reach each of them."""
OURS = {"slack": "slack-messages", "gmail": "gmail-messages", "paged": "paged-messages"}


@pytest.fixture
def house(redis_server: Server, postgres_server: Server, tmp_path: Path, guard: Guard) -> Iterator[House]:
    kafka = start_kafka(tmp_path, [*TOPICS, "paged-messages", "paged-messages.dlq"], 3, watch=guard.watch)
    settings, environment = over(kafka, redis_server, postgres_server)
    settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topics": OURS})})
    environment |= {"SAGO_KAFKA__TOPICS": json.dumps(OURS), "SAGO_BRIDGE__LINGER": "0.2"}
    made = House(build(settings), environment, tmp_path)
    with made.container.database.begin() as tx:
        tx.connections.save(
            Connection(
                id=ID,
                source="paged",
                account=ACCOUNT,
                name="Paged",
                company_id="acme",
                containers=(EVERY_CONTAINER,),
                since=BEGAN,
                created_at=BEGAN,
            )
        )
        sealed = ToldVault().seal(Token(access=SecretStr(FIRST), refresh=SecretStr("refresh-1")), ID)
        tx.connections.keep_token(ID, sealed)
        tx.streams.ensure(ID, ["R1"], BEGAN)
    yield made
    made.stop()
    flush(settings.redis)
    kafka.stop()


@pytest.fixture
def server() -> Iterator[PagedServer]:
    with paged_server(Book(page_size=3)) as running:
        yield running


def connect(house: House, account: str, sealed: bytes) -> None:
    """A workspace that nobody has listed the channels of."""
    with house.container.database.begin() as tx:
        connection = Connection(
            id=connection_id_of("slack", account),
            source="slack",
            account=account,
            name="Stand-in",
            company_id="acme",
            containers=(EVERY_CONTAINER,),
            since=BEGAN,
            created_at=BEGAN,
        )
        tx.connections.save(connection)
        tx.connections.keep_token(connection.id, sealed)


def of(house: House, account: str) -> list[Stream]:
    with house.container.database.begin() as tx:
        return tx.streams.of(connection_id_of("slack", account))


def reader(house: House, server: PagedServer, most: int, ahead: int = 0) -> subprocess.Popen[str]:
    """A process whose children are killed at one step after the other."""
    words = [sys.executable, "-m", "tests.integration.paged_reader", server.url, str(most), str(ahead)]
    environment = house.environment | {"PYTHONPATH": str(PROJECT), "SAGO_SOURCES__LOOK_BACK_DAYS": "0"}
    return subprocess.Popen(words, env=os.environ | environment, stdout=subprocess.PIPE, text=True, cwd=PROJECT)


def stream(house: House) -> Stream:
    with house.container.database.begin() as tx:
        (found,) = tx.streams.of(ID)
    return found


def each_line_is_stored_once(house: House, book: Book) -> bool:
    """In the raw store, and as the buffer counts what is to be read."""
    wanted = [f"paged:{line.number}" for line in book.lines]
    assert eventually(house.drained)
    assert eventually(lambda: house.stored("acme") == len(wanted)), (house.stored("acme"), len(wanted))
    rows: list[Message] = house.container.raw.read_range("acme", BEGAN, BEGAN + timedelta(days=1))
    assert sorted(row.id for row in rows) == sorted(wanted)
    assert eventually(lambda: house.container.buffer.counts().get("acme") == len(wanted))
    with house.container.database.begin() as tx:
        return not tx.ledger.dead_letters()


def test_readers_killed_at_each_step_lose_nothing_and_double_nothing(house: House, server: PagedServer) -> None:
    house.bridge()
    house.start(*WORKER)
    book = server.book
    for number in range(60):
        book.say("R1", BEGAN + timedelta(minutes=number))
    book.script += [WELL, Answer(500, {}), WELL, ENDS, TWICE, Answer(429, {}, {"Retry-After": "1"}), WELL]
    book.script += [Answer(410, {}), Answer(200, "<html>"), WELL, Answer(200, {}, after=2.5), WELL, TWICE]
    book.script += [Answer(200, {"lines": "x" * 99}, is_cut=True), WELL, WELL, Answer(429, {}, {"Retry-After": "1"})]
    with reader(house, server, 40) as process:
        said = process.communicate(timeout=200)[0]
    assert "raised" not in said, said
    killed = int(said.split()[-1])
    assert killed > STEPS_OF_A_PAGE, said
    assert each_line_is_stored_once(house, book)
    assert not book.script
    assert book.renewed
    done = stream(house)
    assert (done.window, done.cursor, done.error) == (None, None, "")
    assert done.read_until is not None
    assert done.read_until > book.lines[-1].at


def test_workers_read_what_is_due_of_a_workspace_from_its_first_day_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in house.environment.items():  # celeryconfig reads them at its first import
        if name.startswith(("SAGO_", "POSTGRES_")):
            monkeypatch.setenv(name, value)
    workspace = Workspace()
    channel = workspace.add_channel("C1", "deals")
    workspace.add_user("U1", "ana", "ana@scaleflow.example")
    for number in range(30):
        workspace.post(channel.id, "U1", f"standup {number}", BEGAN + timedelta(minutes=number))
    with slack_server(workspace) as server:
        key = new_key()
        sealed = FernetVault(SecretStr(key)).seal(
            Token(access=SecretStr(server.token)), connection_id_of("slack", workspace.team)
        )
        connect(house, workspace.team, sealed)
        ours = {"SAGO_SOURCES__TOKEN_KEYS": key, "SAGO_SLACK__API_URL": server.api_url}
        ours["SAGO_SLACK__IS_INTERNAL"] = "true"
        house.bridge()
        house.start(*WORKER)
        house.start(*READER, **ours)
        polls = client(house.container.settings.redis)

        def is_read() -> bool:
            polls.send_task("sources.poll").get(timeout=120)  # else the reading would stand behind polls that pile up
            return house.stored("acme") == 30

        assert eventually(is_read), server.asked
        assert eventually(lambda: [each.read_until is not None for each in of(house, workspace.team)] == [True])
        asked = len(server.asked)
        for _ in range(5):
            polls.send_task("sources.poll").get(timeout=120)
        assert len(server.asked) == asked, "nothing is due for five minutes"
    polls.close()


def test_two_readers_of_one_stream_at_once_store_each_line_once(house: House, server: PagedServer) -> None:
    house.bridge()
    house.start(*WORKER)
    for number in range(60):
        server.book.say("R1", BEGAN + timedelta(minutes=number))
    server.book.script += [SLOWLY] * 12
    with reader(house, server, 0) as one:
        assert eventually(lambda: len(server.book.asked) > 1)
        other = reader(house, server, 0, ahead=6)
        said = [process.communicate(timeout=300)[0] for process in (one, other)]
    assert not any("raised" in each for each in said), said
    assert each_line_is_stored_once(house, server.book)
    assert stream(house).fence >= 2
    assert stream(house).window is None
