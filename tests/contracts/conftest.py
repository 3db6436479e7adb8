"""Both kinds of database: one in memory, and a fresh copy of a migrated Postgres database for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import psycopg2
import pytest

from sago.config import PostgresSettings
from sago.embedded.servers import Server
from sago.ports import Database
from sago.stores.memory.database import MemoryDatabase
from sago.stores.postgres import PostgresDatabase, migrate

TEMPLATE = f"contracts_{os.getpid()}"
_NUMBERS = count(1)


def _administer(settings: PostgresSettings, statement: str) -> None:
    password = settings.password.get_secret_value()
    with closing(
        psycopg2.connect(
            host=settings.host, port=settings.port, user=settings.user, password=password, dbname="postgres"
        )
    ) as connection:
        connection.autocommit = True
        connection.cursor().execute(statement)


@pytest.fixture(scope="session")
def migrated(postgres_server: Server) -> PostgresSettings:
    """A database with the whole schema and no rows, which nobody writes to."""
    settings = PostgresSettings(**postgres_server.settings["postgres"])
    _administer(settings, f"CREATE DATABASE {TEMPLATE}")
    settings = settings.model_copy(update={"db": TEMPLATE})
    migrate(settings)
    return settings


@pytest.fixture
def postgres(migrated: PostgresSettings) -> Iterator[PostgresDatabase]:
    """A database of this test alone."""
    name = f"{TEMPLATE}_{next(_NUMBERS)}"
    _administer(migrated, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    database = PostgresDatabase(migrated.model_copy(update={"db": name}))
    yield database
    database.close()
    _administer(migrated, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each adapter of the port in turn."""
    if request.param == "memory":
        return MemoryDatabase()
    real: PostgresDatabase = request.getfixturevalue("postgres")
    return real
