"""Schema changes: the numbered files of migrations/cassandra, each applied once and in order, by one process at a time.

A file may fail half way, and Cassandra has no transaction over tables: each of its statements must be one that may run
again (`IF NOT EXISTS`). Two first migrations of a new keyspace, through different nodes at the same moment, are the one
case the lock does not cover, for its own table is made then.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from sago.config import PROJECT
from sago.errors import ConfigError, TransientError
from sago.sections import CassandraSettings
from sago.stores.cassandra.session import CassandraConnection, OpenSession

MIGRATIONS = PROJECT / "migrations" / "cassandra"
AGREEMENT = 30.0
"""Seconds given to the nodes to agree on a changed schema."""
LEASE = 120
"""Seconds after which the lock of a process that died is free."""
WAIT = LEASE + 10
"""Seconds until a lock that others hold is given up on."""

LEVELS = """CREATE TABLE IF NOT EXISTS schema_migrations (
    scope text, number int, name text, owner text, applied_at timestamp, PRIMARY KEY (scope, number))"""
"""`number` 0 is the lock."""
TAKE = "INSERT INTO schema_migrations (scope, number, owner) VALUES ('sago', 0, %s) IF NOT EXISTS USING TTL %s"
GIVE_BACK = "DELETE FROM schema_migrations WHERE scope = 'sago' AND number = 0 IF owner = %s"
APPLIED = "SELECT number FROM schema_migrations WHERE scope = 'sago' AND number > 0"
NOTE = """INSERT INTO schema_migrations (scope, number, name, applied_at)
    VALUES ('sago', %s, %s, toTimestamp(now())) IF NOT EXISTS"""


class SchemaLevel(NamedTuple):
    """The migration the keyspace stands at (None where there is none) and the newest one of this checkout."""

    current: str | None
    head: str


class Migration(NamedTuple):
    """One file: its number, its name, its statements."""

    number: int
    name: str
    statements: list[str]


def migrate(settings: CassandraSettings) -> None:
    """Make the keyspace where it is missing and bring its tables to the newest level; does nothing where they are.

    Raises ConfigError when the user may not, TransientError when the nodes do not answer or do not agree.
    """
    connection = CassandraConnection(settings, keyspace=False)
    try:
        with connection.begin() as session:
            _ensure_keyspace(session, settings)
            session.driver.set_keyspace(settings.keyspace)
            if _has_level_table(session, settings) and not _missing(session):
                return
            _change(session, LEVELS)
            with _locked(session):
                for migration in _missing(session):
                    _apply(session, migration)
    finally:
        connection.close()


def schema_level(settings: CassandraSettings) -> SchemaLevel:
    """How far the keyspace is; raises as `migrate` does when Cassandra cannot be reached."""
    head = f"{migrations()[-1].number:04}"
    connection = CassandraConnection(settings, keyspace=False)
    try:
        with connection.begin() as session:
            if not _has_level_table(session, settings):
                return SchemaLevel(None, head)
            session.driver.set_keyspace(settings.keyspace)
            numbers = _applied(session)
    finally:
        connection.close()
    return SchemaLevel(f"{max(numbers):04}" if numbers else None, head)


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """The files by number; raises ConfigError where there is none or a number is missing or given twice."""
    found = [_read(path) for path in sorted(folder.glob("*.cql"))]
    if not found or [each.number for each in found] != list(range(1, len(found) + 1)):
        raise ConfigError(f"{folder}: must hold 0001_….cql, 0002_….cql, … without a gap: install Sago as `make setup`")
    return found


def _read(path: Path) -> Migration:
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    statements = [part.strip() for part in re.split(r";\s*$", text, flags=re.MULTILINE) if part.strip()]
    number = path.stem.partition("_")[0]
    return Migration(int(number) if number.isdigit() else 0, path.stem, statements)


def _ensure_keyspace(session: OpenSession, settings: CassandraSettings) -> None:
    if settings.keyspace in session.cluster.metadata.keyspaces:
        return
    replicas = f"{{'class': 'NetworkTopologyStrategy', '{settings.datacenter}': {settings.replication_factor}}}"
    _change(session, f"CREATE KEYSPACE IF NOT EXISTS {settings.keyspace} WITH replication = {replicas}")


def _has_level_table(session: OpenSession, settings: CassandraSettings) -> bool:
    keyspace = session.cluster.metadata.keyspaces.get(settings.keyspace)
    return keyspace is not None and "schema_migrations" in keyspace.tables


def _missing(session: OpenSession) -> list[Migration]:
    applied = _applied(session)
    return [migration for migration in migrations() if migration.number not in applied]


def _applied(session: OpenSession) -> set[int]:
    return {row.number for row in session.driver.execute(APPLIED)}


def _apply(session: OpenSession, migration: Migration) -> None:
    for statement in migration.statements:
        _change(session, statement)
    session.driver.execute(NOTE, (migration.number, migration.name))


def _change(session: OpenSession, statement: str) -> None:
    """Run one schema change and wait until every node has it: the next one may reach another node."""
    future: Any = session.driver.execute_async(statement, timeout=AGREEMENT)
    future.result()
    if not future.is_schema_agreed and not session.cluster.control_connection.wait_for_schema_agreement(
        wait_time=AGREEMENT
    ):
        raise TransientError("cassandra: the nodes do not agree on the schema yet: run `sago migrate` again")


@contextmanager
def _locked(session: OpenSession) -> Iterator[None]:
    owner = str(uuid4())
    deadline = time.monotonic() + WAIT
    while not _has_taken(session, owner):
        if time.monotonic() > deadline:
            raise TransientError("cassandra: another process has been migrating for minutes: try again")
        time.sleep(0.2)
    try:
        yield
    finally:
        session.driver.execute(GIVE_BACK, (owner,))


def _has_taken(session: OpenSession, owner: str) -> bool:
    """The driver sends a statement again whose answer was lost: the first may have been ours already."""
    answer = session.driver.execute(TAKE, (owner, LEASE)).one()
    return bool(answer.applied or answer.owner == owner)
