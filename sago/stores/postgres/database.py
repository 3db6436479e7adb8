"""The `Database` port on Postgres: one transaction over all repositories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from sago.ports import (
    BatchStore,
    CompanyStore,
    CompositionStore,
    ConnectionStore,
    ContactStore,
    ErasureStore,
    EventStore,
    GenerationStore,
    HeardStore,
    IdentityStore,
    KeyStore,
    Ledger,
    MailStore,
    NoticeStore,
    OutreachStore,
    ShareStore,
    StreamStore,
    TaskRunStore,
    UnderWayStore,
    VerdictStore,
)
from sago.sections import PostgresSettings
from sago.stores.postgres.batches import PostgresBatches
from sago.stores.postgres.companies import PostgresCompanies
from sago.stores.postgres.compositions import PostgresCompositions
from sago.stores.postgres.connections import PostgresConnections
from sago.stores.postgres.contacts import PostgresContacts
from sago.stores.postgres.engine import WORKER, Connections
from sago.stores.postgres.erasures import PostgresErasures
from sago.stores.postgres.events import PostgresEvents
from sago.stores.postgres.generation import PostgresGeneration
from sago.stores.postgres.heard import PostgresHeard
from sago.stores.postgres.identities import PostgresIdentities
from sago.stores.postgres.keys import PostgresKeys
from sago.stores.postgres.ledger import PostgresLedger
from sago.stores.postgres.mails import PostgresMails
from sago.stores.postgres.notices import PostgresNotices
from sago.stores.postgres.outreach import PostgresOutreach
from sago.stores.postgres.shares import PostgresShares
from sago.stores.postgres.streams import PostgresStreams
from sago.stores.postgres.task_runs import PostgresTaskRuns
from sago.stores.postgres.under_way import PostgresUnderWay
from sago.stores.postgres.verdicts import PostgresVerdicts


class PostgresTransaction:
    """The repositories of one open transaction; useless once it has ended."""

    def __init__(self, connection: Connection) -> None:
        self.batches: BatchStore = PostgresBatches(connection)
        self.events: EventStore = PostgresEvents(connection)
        self.outreach: OutreachStore = PostgresOutreach(connection)
        self.companies: CompanyStore = PostgresCompanies(connection)
        self.shares: ShareStore = PostgresShares(connection)
        self.compositions: CompositionStore = PostgresCompositions(connection)
        self.verdicts: VerdictStore = PostgresVerdicts(connection)
        self.mails: MailStore = PostgresMails(connection)
        self.contacts: ContactStore = PostgresContacts(connection)
        self.notices: NoticeStore = PostgresNotices(connection)
        self.connections: ConnectionStore = PostgresConnections(connection)
        self.streams: StreamStore = PostgresStreams(connection)
        self.heard: HeardStore = PostgresHeard(connection)
        self.under_way: UnderWayStore = PostgresUnderWay(connection)
        self.identities: IdentityStore = PostgresIdentities(connection)
        self.keys: KeyStore = PostgresKeys(connection)
        self.task_runs: TaskRunStore = PostgresTaskRuns(connection)
        self.ledger: Ledger = PostgresLedger(connection)
        self.erasures: ErasureStore = PostgresErasures(connection)
        self.generation: GenerationStore = PostgresGeneration(connection)


class PostgresDatabase:
    """Postgres under one role. Connects at the first `begin` of each process; threads may share it."""

    def __init__(self, settings: PostgresSettings, role: str = WORKER) -> None:
        self.connections = Connections(settings, role)

    @contextmanager
    def begin(self) -> Iterator[PostgresTransaction]:
        with self.connections.begin() as connection:
            yield PostgresTransaction(connection)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """As the port says: an advisory lock of a connection of its own, which is closed with the block.

        Given back by name as well: a closed connection's server process lets its lock go when it gets round to it.
        """
        key = func.hashtextextended(name, 0)
        with self.connections.alone() as connection:
            is_ours = bool(connection.scalar(select(func.pg_try_advisory_lock(key))))
            try:
                yield is_ours
            finally:
                if is_ours:
                    with suppress(DBAPIError):  # a connection that broke in between has lost the lock already
                        connection.scalar(select(func.pg_advisory_unlock(key)))

    def ping(self) -> None:
        """As the port says; a database without schema refuses us as well."""
        with self.connections.begin() as connection:
            connection.execute(text("SELECT version_num FROM alembic_version"))

    def close(self) -> None:
        self.connections.close()
