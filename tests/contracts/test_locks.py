"""Who changes the same rows at once waits, and never for each other: memory and Postgres."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import text

from sago.domain.connections import Connection, connection_id_of
from sago.domain.erasures import Erasure
from sago.domain.identities import Sighting
from sago.pipeline.disconnecting import take_connected
from sago.ports import Database, Transaction
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.engine import Connections

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SLACK = Connection(
    id=connection_id_of("slack", "T1"), source="slack", account="T1", name="T1", company_id="acme", created_at=NOW
)
NAMES = [f"C{number:03}" for number in range(300)]
"""So many that Postgres, once it knows of them, does not go by name."""
GETS_THERE = 0.3
"""Seconds in which another thread comes as far as it can."""


def in_between(
    database: Database, other: Callable[[Transaction], object], *steps: Callable[[Transaction], object]
) -> None:
    """The steps in one transaction; another begins after the first of them."""

    def run() -> None:
        with database.begin() as tx:
            other(tx)

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as tx:
            steps[0](tx)
            running = pool.submit(run)
            time.sleep(GETS_THERE)
            for step in steps[1:]:
                step(tx)
        running.result(10)


def claims(name: str) -> Callable[[Transaction], object]:
    return lambda tx: tx.streams.claim(SLACK.id, name, NOW, NOW)


@pytest.mark.parametrize(
    "other",
    [
        lambda tx: tx.streams.wake(SLACK.id, NAMES, NOW),
        lambda tx: tx.streams.ensure(SLACK.id, [], NOW),
    ],
    ids=["wake", "ensure"],
)
def test_streams_are_changed_in_one_order(database: Database, other: Callable[[Transaction], object]) -> None:
    with database.begin() as tx:
        tx.connections.save(SLACK)
        tx.streams.ensure(SLACK.id, NAMES, NOW)
        tx.streams.queue(NOW, NOW, len(NAMES))
    with database.begin() as tx:  # its row lies behind the others' from now on
        claims(NAMES[0])(tx)
    if isinstance(database, PostgresDatabase):
        owner = Connections(database.connections.settings, role=None)
        with owner.begin() as connection:
            connection.execute(text("ANALYZE streams"))
        owner.close()
    in_between(database, other, claims(NAMES[0]), claims(NAMES[1]))


def test_an_erasure_waits_for_who_meets_people(database: Database) -> None:
    def meets(native_id: str, name: str) -> Callable[[Transaction], object]:
        seen = Sighting(native_id, name, "", is_bot=False, at=NOW, is_listed=True)
        return lambda tx: tx.identities.see(SLACK.id, "acme", [seen])

    def erases(tx: Transaction) -> None:
        what = {"id": uuid4(), "company_id": "acme", "because": "asked", "requested_by": "cli:dana"}
        take_connected(tx, Erasure.model_validate({**what, "requested_at": NOW}), NOW)

    with database.begin() as tx:
        tx.connections.save(SLACK)
        meets("U1", "Ana")(tx)
    in_between(database, erases, meets("U2", "Eve"), meets("U1", "Ana Diaz"))
