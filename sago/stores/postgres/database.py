"""The `Database` port on Postgres: one transaction over all repositories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select, text

from sago.ports import BatchStore, CompanyStore, CompositionStore, EventStore, Ledger, OutreachStore
from sago.sections import PostgresSettings
from sago.stores.postgres.batches import PostgresBatches
from sago.stores.postgres.companies import PostgresCompanies
from sago.stores.postgres.compositions import PostgresCompositions
from sago.stores.postgres.engine import WORKER, Connections
from sago.stores.postgres.events import PostgresEvents
from sago.stores.postgres.ledger import PostgresLedger
from sago.stores.postgres.outreach import PostgresOutreach


class PostgresTransaction:
    """The repositories of one open transaction; useless once it has ended."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.batches: BatchStore = PostgresBatches(connection)
        self.events: EventStore = PostgresEvents(connection)
        self.outreach: OutreachStore = PostgresOutreach(connection)
        self.companies: CompanyStore = PostgresCompanies(connection)
        self.compositions: CompositionStore = PostgresCompositions(connection)
        self.ledger: Ledger = PostgresLedger(connection)

    def try_lock(self, name: str) -> bool:
        return bool(self._connection.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))))


class PostgresDatabase:
    """Postgres under one role. Connects at the first `begin` of each process; threads may share it."""

    def __init__(self, settings: PostgresSettings, role: str = WORKER) -> None:
        self.connections = Connections(settings, role)

    @contextmanager
    def begin(self) -> Iterator[PostgresTransaction]:
        with self.connections.begin() as connection:
            yield PostgresTransaction(connection)

    def ping(self) -> None:
        """As the port says; a database without schema refuses us as well."""
        with self.connections.begin() as connection:
            connection.execute(text("SELECT version_num FROM alembic_version"))

    def close(self) -> None:
        self.connections.close()
