"""The `Database` port in memory: transactions run one after the other, and one that fails leaves no trace."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from sago.errors import TransientError
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
from sago.stores.memory.batches import MemoryBatches
from sago.stores.memory.companies import MemoryCompanies
from sago.stores.memory.compositions import MemoryCompositions
from sago.stores.memory.connections import MemoryConnections, MemoryStreams
from sago.stores.memory.events import MemoryEvents
from sago.stores.memory.heard import MemoryHeard
from sago.stores.memory.identities import MemoryIdentities
from sago.stores.memory.keeping import MemoryErasures, MemoryGeneration
from sago.stores.memory.keys import MemoryKeys
from sago.stores.memory.ledger import MemoryLedger
from sago.stores.memory.mails import MemoryContacts, MemoryMails
from sago.stores.memory.notices import MemoryNotices
from sago.stores.memory.outreach import MemoryOutreach
from sago.stores.memory.shares import MemoryShares
from sago.stores.memory.state import State
from sago.stores.memory.task_runs import MemoryTaskRuns
from sago.stores.memory.under_way import MemoryUnderWay
from sago.stores.memory.verdicts import MemoryVerdicts

LOCK_TIMEOUT = 10.0
"""Seconds a transaction waits for another, as in Postgres."""


class MemoryTransaction:
    """The repositories over one working copy of the state."""

    def __init__(self, state: State) -> None:
        self.batches: BatchStore = MemoryBatches(state)
        self.events: EventStore = MemoryEvents(state)
        self.outreach: OutreachStore = MemoryOutreach(state)
        self.companies: CompanyStore = MemoryCompanies(state)
        self.shares: ShareStore = MemoryShares(state)
        self.compositions: CompositionStore = MemoryCompositions(state)
        self.verdicts: VerdictStore = MemoryVerdicts(state)
        self.mails: MailStore = MemoryMails(state)
        self.contacts: ContactStore = MemoryContacts(state)
        self.notices: NoticeStore = MemoryNotices(state)
        self.connections: ConnectionStore = MemoryConnections(state)
        self.streams: StreamStore = MemoryStreams(state)
        self.heard: HeardStore = MemoryHeard(state)
        self.under_way: UnderWayStore = MemoryUnderWay(state)
        self.identities: IdentityStore = MemoryIdentities(state)
        self.keys: KeyStore = MemoryKeys(state)
        self.task_runs: TaskRunStore = MemoryTaskRuns(state)
        self.ledger: Ledger = MemoryLedger(state)
        self.erasures: ErasureStore = MemoryErasures(state)
        self.generation: GenerationStore = MemoryGeneration(state)


class MemoryDatabase:
    """Tables in this process; `state` is what has been committed. Threads may share it."""

    def __init__(self) -> None:
        self.state = State()
        self._open = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def begin(self) -> Iterator[MemoryTransaction]:
        """As the port says; raises TransientError when another transaction does not end in time."""
        if not self._open.acquire(timeout=LOCK_TIMEOUT):
            raise TransientError("memory database: another transaction holds it")
        try:
            working = self.state.copy()
            yield MemoryTransaction(working)
            self.state = working
        finally:
            self._open.release()

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        is_ours = self._locks[name].acquire(blocking=False)
        try:
            yield is_ours
        finally:
            if is_ours:
                self._locks[name].release()

    def ping(self) -> None:
        """Always there."""

    def close(self) -> None:
        """Nothing to let go."""
