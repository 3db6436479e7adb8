"""Postgres: its repositories over one transaction."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sago.ports.batches import BatchStore
from sago.ports.connections import ConnectionStore, HeardStore, StreamStore, UnderWayStore
from sago.ports.events import EventStore
from sago.ports.identities import IdentityStore
from sago.ports.keeping import ErasureStore, GenerationStore
from sago.ports.keys import KeyStore
from sago.ports.ledger import Ledger
from sago.ports.mails import ContactStore, MailStore
from sago.ports.notices import NoticeStore
from sago.ports.outreach import CompanyStore, CompositionStore, OutreachStore, ShareStore, VerdictStore
from sago.ports.tasks import TaskRunStore


class Transaction(Protocol):
    """All repositories over one database transaction."""

    batches: BatchStore
    events: EventStore
    outreach: OutreachStore
    companies: CompanyStore
    shares: ShareStore
    compositions: CompositionStore
    verdicts: VerdictStore
    mails: MailStore
    contacts: ContactStore
    notices: NoticeStore
    connections: ConnectionStore
    streams: StreamStore
    heard: HeardStore
    under_way: UnderWayStore
    identities: IdentityStore
    keys: KeyStore
    task_runs: TaskRunStore
    ledger: Ledger
    erasures: ErasureStore
    generation: GenerationStore


class Database(Protocol):
    """Postgres."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """One transaction: committed at the end of the block, rolled back by an exception."""

    def lock(self, name: str) -> AbstractContextManager[bool]:
        """Hold a named lock for the length of the block, without a transaction; False when another holds it. Whoever
        loses the connection loses the lock, so what it guards must be safe to run twice."""

    def ping(self) -> None:
        """Raise TransientError when the database does not answer, ConfigError when it refuses us."""

    def close(self) -> None:
        """Close all connections."""
