"""Both kinds of database: one in memory, and a Postgres database of this session, empty at the start of each test."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import closing
from functools import cache

import psycopg2
import pytest
import redis
from sqlalchemy import text

from sago.embedded.servers import Server
from sago.ports import Database, Tenants
from sago.sections import PostgresSettings, RedisSettings
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.tenants import MemoryTenants
from sago.stores.postgres import PostgresDatabase, migrate
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.tenants import PostgresTenants

EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    SET LOCAL session_replication_role = replica;  -- the audit log refuses otherwise
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        IF name NOT IN ('alembic_version', 'firms') THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def migrated(postgres_server: Server) -> Iterator[PostgresDatabase]:
    """A database with the whole schema."""
    settings = PostgresSettings(**postgres_server.settings["postgres"])
    name = f"contracts_{os.getpid()}"
    login = {"host": settings.host, "port": settings.port, "user": settings.user}
    password = settings.password.get_secret_value()
    with closing(psycopg2.connect(**login, password=password, dbname="postgres")) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    settings = settings.model_copy(update={"db": name})
    migrate(settings)
    database = PostgresDatabase(settings)
    yield database
    database.close()


@pytest.fixture
def postgres(migrated: PostgresDatabase) -> PostgresDatabase:
    """Without a row but the default firm's."""
    superuser = Connections(migrated.connections.settings, role=None)
    with superuser.begin() as connection:
        connection.execute(text(EMPTY))
    superuser.close()
    return migrated


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each adapter of the port in turn."""
    if request.param == "memory":
        return MemoryDatabase()
    real: PostgresDatabase = request.getfixturevalue("postgres")
    return real


@pytest.fixture
def tenants(database: Database) -> Iterator[Tenants]:
    """The views of that database."""
    made: Tenants
    if isinstance(database, PostgresDatabase):
        made = PostgresTenants(database.connections.settings)
    else:
        assert isinstance(database, MemoryDatabase)
        made = MemoryTenants(database)
    yield made
    made.close()


@pytest.fixture(scope="module")
def certificates_read_once() -> Iterator[None]:
    """Each client of a vendor reads the bundle three times for the TLS that nobody speaks here; each test makes one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture
def cache_url(redis_server: Server) -> Iterator[str]:
    """Redis's database of caches, empty."""
    url = RedisSettings(**redis_server.settings["redis"]).database(3)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
