"""Tokens lie nowhere but sealed: every row of Postgres and every value of Redis is read after a connect and a pull."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
import redis
from cryptography.fernet import Fernet
from psycopg2 import sql
from pydantic import SecretStr

from sago.bootstrap import Container
from sago.config import Settings
from sago.domain.connections import Token
from sago.embedded.servers import Server
from sago.pipeline.connecting import Connecting, Wanted
from sago.pipeline.pulling import End
from sago.source_sections import SlackSettings, SourcesSettings
from tests.canaries import MARK, SLACK_REFRESH
from tests.integration.houses import over
from tests.standins.slack_server import SlackServer, slack_server
from tests.standins.slack_workspace import fill

CHANNEL = "C0GENERAL01"


@pytest.fixture
def server() -> Iterator[SlackServer]:
    with slack_server() as server:
        server.workspace.add_channel(CHANNEL)
        fill(server.workspace, CHANNEL, 30, datetime.now(UTC) - timedelta(hours=1), 1)
        yield server


@pytest.fixture
def house(server: SlackServer, servers: dict[str, Server]) -> Iterator[Container]:
    settings, _ = over(servers["kafka"], servers["redis"], servers["postgres"])
    slack = SlackSettings(
        api_url=server.api_url,
        client_id=server.client_id,
        client_secret=SecretStr(server.client_secret),
        is_internal=True,
    )
    sources = SourcesSettings(token_keys=SecretStr(Fernet.generate_key().decode()))
    container = Container(settings.model_copy(update={"slack": slack, "sources": sources}))
    # nobody stores here what Kafka took
    container.__dict__["reception"] = replace(container.reception, until_stored=False)
    yield container
    container.close()


def postgres_values(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each row as text, with the name of its table; bytes as bytes say them."""
    login = settings.postgres
    password = login.password.get_secret_value()
    address = {"host": login.host, "port": login.port, "user": login.user, "password": password, "dbname": login.db}
    with closing(psycopg2.connect(**address)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            for row in cursor.fetchall():
                cells = [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]
                yield table, repr(cells)


def redis_values(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each key with what it holds, of every database."""
    numbers = settings.redis.broker_db, settings.redis.results_db, settings.redis.buffer_db, settings.redis.cache_db
    for number in sorted(set(numbers)):
        with closing(redis.Redis.from_url(settings.redis.database(number))) as client:
            for key in client.scan_iter():
                yield f"redis {number} {key!r}", repr(client.dump(key)) + _read(client, key)


def _read(client: redis.Redis, key: bytes) -> str:
    """`dump` may be compressed."""
    kind = client.type(key)
    if kind == b"hash":
        return repr(client.hgetall(key))
    if kind == b"list":
        return repr(client.lrange(key, 0, -1))
    if kind == b"zset":
        return repr(client.zrange(key, 0, -1))
    return repr(client.get(key) if kind == b"string" else client.smembers(key) if kind == b"set" else b"")


def with_a_token(settings: Settings, *secrets: str) -> list[str]:
    held = [*postgres_values(settings), *redis_values(settings)]
    assert len({place for place, _ in held}) > 5, "there is something to look at"
    return [place for place, text in held if any(secret in text for secret in (MARK, *secrets))]


def test_after_a_connect_and_a_pull_no_table_and_no_key_holds_a_token(house: Container, server: SlackServer) -> None:
    connecting = Connecting(house.database, house.vault, house.clock)
    token = Token(access=SecretStr(server.token), refresh=SecretStr(SLACK_REFRESH))
    account = "slack", server.workspace.team, "Stand-in"
    wanted = Wanted(("*",), "acme", datetime.now(UTC) - timedelta(days=30))
    known = connecting.connect(account, token, wanted, lambda _: [CHANNEL], "cli:test")
    refreshed = house.pulling.refresh(known.id)
    assert refreshed is not None
    assert refreshed.error == ""
    pulled = house.pulling.pull(known.id, CHANNEL)
    assert pulled.end is End.READ
    assert house.persons.people("acme").persons
    server.methods.tokens.clear()
    house.pulling.pull(known.id, CHANNEL)
    with house.database.begin() as tx:
        refused = tx.connections.get(known.id)
        kept = tx.connections.token(known.id)
    assert refused is not None
    assert refused.reason
    assert kept is None or house.vault.open(kept, known.id) == token
    keys = house.settings.sources.token_keys
    assert keys is not None
    assert with_a_token(house.settings, keys.get_secret_value()) == []


def test_the_look_finds_a_token_where_one_lies(house: Container, server: SlackServer) -> None:
    client = redis.Redis.from_url(house.settings.redis.database(house.settings.redis.cache_db))
    with closing(client):
        client.hset("cache", "answer", server.token)
    connecting = Connecting(house.database, house.vault, house.clock)
    token = Token(access=SecretStr(server.token))
    account = "slack", "T1", f"named {server.token}"
    connecting.connect(account, token, Wanted(("*",), "acme"), lambda _: [CHANNEL, "C2", "C3"], "cli:test")
    (table, key) = with_a_token(house.settings)
    assert table == "connections"
    assert "cache" in key
