"""A founder takes shares back over Cassandra, Postgres, Redis and Kafka: `sago share` erases, and proves it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner, Result

from sago.bootstrap import Container, build
from sago.cli import lookup, people
from sago.domain.companies import DEFAULT_FIRM, Share
from sago.domain.messages import Message
from sago.embedded.servers import Server
from sago.sections import CassandraSettings, RawStoreSettings
from sago.stores.cassandra import migrate
from sago.stores.cassandra.mirror import CassandraMirror
from sago.stores.cassandra.rows import TABLES
from sago.stores.memory.clock import ManualClock
from tests.integration.houses import over
from tests.unit.pipeline.house import NOW, House, deal

SECRET, KEPT = "Zanzibar", "Nordbank"
FIRM = "northgate"
LATER = NOW + timedelta(minutes=1)


class CassandraHouse(House):
    """The house over a container's own stores; `run` plays the workers."""

    def __init__(self, container: Container) -> None:
        self.container = container
        super().__init__(threshold=1)

    def furnish(self) -> None:
        wired = self.container
        self.database, self.raw, self.buffer = wired.database, wired.raw, wired.buffer  # type: ignore[assignment]
        self.mirror, self.drafts, self.answers = wired.mirror, wired.drafts, wired.answers  # type: ignore[assignment]
        wired.__dict__.update(dispatcher=self.dispatcher, clock=ManualClock(LATER))
        self.buffer.clear()


@pytest.fixture
def container(
    cassandra_server: Server, servers: dict[str, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Container]:
    settings, _ = over(servers["kafka"], servers["redis"], servers["postgres"])
    own = CassandraSettings(**cassandra_server.settings["cassandra"], keyspace=f"revoking_{time.monotonic_ns()}")
    migrate(own)
    outreach = settings.outreach.model_copy(update={"folder": tmp_path / "outreach"})
    real = {"cassandra": own, "raw_store": RawStoreSettings(kind="cassandra"), "outreach": outreach}
    made = build(settings.model_copy(update={**real, "state_dir": tmp_path / "state"}))
    monkeypatch.setattr(lookup, "build", lambda _: Mock(wraps=made, close=lambda: None))
    yield made
    made.close()


def read_all(house: House, now: datetime = NOW) -> None:
    """As the workers do it who do not wait for 200 messages."""
    house.batching.flush(timedelta(0), now)
    house.run(now)


def sago(*arguments: str) -> Result:
    app = typer.Typer()
    people.register(app)
    return CliRunner().invoke(app, ["share", *arguments])


def mailed(said: Message) -> Message:
    return said.model_copy(update={"id": said.id.replace("slack", "gmail"), "source": "gmail"})


def rows(container: Container) -> list[dict[str, Any]]:
    """Every row of Cassandra's tables."""
    with container.cassandra.connection.begin() as session:
        told = [row for table in TABLES for row in session.driver.execute(f"SELECT JSON * FROM {table}")]  # noqa: S608
    return [json.loads(row[0]) for row in told]


def holding(container: Container, word: str) -> set[str]:
    """Where a word stands: Cassandra's rows, every column of every table of Postgres, Redis."""
    found = {"cassandra" for row in rows(container) if word in json.dumps(row)}
    with container.database.connections.begin() as connection:
        for table in connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all():
            told = connection.scalars(text(f'SELECT t::text FROM "{table}" t')).all()  # noqa: S608
            found |= {table for row in told if word in row or word.encode().hex() in row}
    return found | ({"redis"} if container.buffer.words("acme") else set())


def test_what_shares_no_longer_cover_goes_from_every_real_store_and_that_is_proven(container: Container) -> None:
    house = CassandraHouse(container)
    said = [deal(1, SECRET), deal(2, SECRET, version=1), mailed(deal(3, KEPT))]
    container.log.publish(said)
    house.store(*said, name="b1")
    read_all(house)
    assert house.deals() == [KEPT, SECRET]
    with container.database.begin() as tx:
        tx.shares.ensure_firm(FIRM, "Northgate")
        tx.shares.put(Share(firm_id=FIRM, company_id="acme", created_at=NOW))
        tx.shares.put(Share(firm_id=DEFAULT_FIRM, company_id="acme", sources=("gmail",), created_at=NOW))
    assert {"cassandra", "observations", "significant_events"} <= holding(container, SECRET)
    assert sago("verify", "acme", "--firm", "Northgate").exit_code == 1

    done = json.loads(sago("revoke", "acme", "--firm", "Northgate", "--because", "asked", "--yes", "--json").stdout)
    read_all(house, LATER)
    assert (done["sources"], done["evidence"]["rows"]) == (["slack"], 2)
    assert holding(container, SECRET) == set()
    assert {"cassandra", "significant_events"} <= holding(container, KEPT)
    proven = sago("verify", "acme", "--firm", "Northgate", "--json")
    assert proven.exit_code == 0, proven.output
    assert json.loads(proven.stdout)["left"] == {}
    assert sum(each["records"] for each in json.loads(proven.stdout)["kafka"]) >= len(said)

    last = json.loads(sago("revoke", "acme", "--firm", "default", "--because", "asked", "--yes", "--json").stdout)
    read_all(house, LATER)
    assert last["evidence"]["rows"] == 1
    assert holding(container, KEPT) == set()
    assert sago("verify", "acme", "--firm", "default").exit_code == 0
    assert {(row["text"], row["sender"], row["deleted"]) for row in rows(container) if row["message_id"]} == {
        ("", "", True)
    }
    outside = CassandraMirror(container.cassandra.connection).erasures()
    assert {(each.company_id, each.source, each.is_whole) for each in outside} == {
        ("acme", "slack", False),
        ("acme", None, True),
    }


def test_a_share_that_ends_by_itself_leaves_nothing_in_the_real_stores(container: Container) -> None:
    house = CassandraHouse(container)
    house.store(deal(1, SECRET), mailed(deal(2, SECRET)), name="b1")
    read_all(house)
    until = NOW + timedelta(hours=1)
    with container.database.begin() as tx:
        tx.shares.put(Share(firm_id=DEFAULT_FIRM, company_id="acme", created_at=NOW, until=until))
    assert container.revoking.end_due(until) == []
    after = until + timedelta(minutes=2)
    assert [each.name for each in container.revoking.end_due(after)] == ["default/acme"]
    container.recovery.requeue("acme", after)
    read_all(house, after)
    assert holding(container, SECRET) == set()
    assert container.revoking.left(DEFAULT_FIRM, "acme", after).counts == {}
    house.storing.store("b9", [deal(9, SECRET).to_json()], [None], after)
    assert holding(container, SECRET) == set()
    assert container.revoking.end_due(datetime(2027, 1, 1, tzinfo=UTC)) == []
