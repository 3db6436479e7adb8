"""The platform over stores in memory, reading from the stand-in of Gmail through HTTP: what is published is stored at
once, so that whatever comes twice shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr

from sago.domain.connections import Connection, Stream, Token, connection_id_of
from sago.domain.messages import Message
from sago.pipeline.pulling import End, Pace, Pulled, Pulling
from sago.pipeline.receiving import Received, Receiving
from sago.pipeline.reception import Reception
from sago.pipeline.taking import Taking
from sago.ports import Delivery
from sago.resilience.breakers import SharedBreakers
from sago.resilience.rates import MemoryRates
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.source_sections import GmailSettings
from sago.sources.gmail_source import Gmail
from sago.sources.platform import Platform
from sago.sources.vendor import USUAL, Bounds, Guards
from sago.stores.fernet_vault import FernetVault
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.deliveries import MemoryDeliveryCounts
from sago.stores.memory.dispatcher import MemoryDispatcher
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from tests.standins.gmail_server import GmailStandin

COMPANY = "northwind"


class StoringLog(MemoryLog):
    """Stores what is published, and counts it."""

    def __init__(self, raw: MemoryRawStore, clock: ManualClock) -> None:
        super().__init__({"gmail": "gmail-messages"})
        self._raw, self._clock = raw, clock
        self.published: Counter[tuple[str, int]] = Counter()
        self.conflicts: list[str] = []

    def publish(self, messages: Sequence[Message], *, replay_of: str | None = None) -> list[Any]:
        self.published.update(message.key for message in messages)
        stored = self._raw.store(messages, f"batch-{len(self.published)}", self._clock.now())
        self.conflicts += [ref.message_id for ref in stored.conflicts]
        return super().publish(messages, replay_of=replay_of)


class House:
    """One mailbox, connected."""

    def __init__(
        self,
        standin: GmailStandin,
        *,
        containers: tuple[str, ...] = ("INBOX", "SENT"),
        since: datetime | None = None,
        now: datetime | None = None,
        bounds: Bounds = USUAL,
        **settings: Any,
    ) -> None:
        self.standin = standin
        self.clock = ManualClock(now or datetime.now(UTC))
        given = {name.removeprefix("SAGO_GMAIL__").lower(): each for name, each in standin.environment().items()}
        self.settings = GmailSettings(**given | settings)
        self.database, self.raw = MemoryDatabase(), MemoryRawStore()
        self.log = StoringLog(self.raw, self.clock)
        self.vault = FernetVault(SecretStr(Fernet.generate_key().decode()))
        breakers = SharedBreakers(MemoryShelf(), self.clock, BreakerSettings(), timedelta(seconds=60))
        self.guards = Guards(self.database, self.vault, breakers, MemoryRates(self.clock), self.clock, bounds)
        self.platform = Platform(lambda _: self.settings, self.guards)
        reception = Reception(self.log, self.raw, self.database, self.clock, until_stored=False, within=5.0)
        self.taking = Taking(
            reception, self.raw, self.log, self.database, self.clock, lambda name: f"{name}-messages", lambda _: {}
        )
        pace = Pace(timedelta(minutes=5), timedelta(minutes=1), timedelta(days=7))
        self.pulling = Pulling(
            self.database, self.platform, self.taking, self.clock, lambda: 0.5, lambda *_: None, pace
        )
        self.receiving = Receiving(
            self.platform, self.taking, self.database, MemoryDispatcher(), MemoryDeliveryCounts()
        )
        self.id = connection_id_of("gmail", standin.mailbox.address)
        self.connection = Connection(
            id=self.id,
            source="gmail",
            account=standin.mailbox.address,
            name="Stand-in",
            company_id=COMPANY,
            containers=containers,
            since=since,
            created_at=self.clock.now(),
        )
        self.ignored: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        access, refresh = standin.tokens.grant()
        ends = self.clock.now() + timedelta(hours=1)
        self.keep_token(Token(access=SecretStr(access), refresh=SecretStr(refresh), expires_at=ends))

    def keep_token(self, token: Token) -> None:
        """Connect with it."""
        with self.database.begin() as tx:
            tx.connections.save(self.connection)
            tx.connections.keep_token(self.id, self.vault.seal(token, self.id))

    def share(self, **more: Any) -> None:
        """Share something else from now on."""
        self.connection = self.connection.model_copy(update=more)
        with self.database.begin() as tx:
            tx.connections.save(self.connection)

    @property
    def gmail(self) -> Gmail:
        source = self.platform.get("gmail")
        assert isinstance(source, Gmail)
        return source

    @property
    def stream(self) -> Stream:
        with self.database.begin() as tx:
            (stream,) = tx.streams.of(self.id)
        return stream

    def pull(self) -> Pulled:
        """One run, with its counts kept."""
        pulled = self.pulling.pull(self.id, "*")
        self.ignored += pulled.ignored
        self.counts += Counter(taken=pulled.taken, known=pulled.known, refused=pulled.refused)
        return pulled

    def read(self, runs: int = 200) -> Pulled:
        """Run after run, each when it is due, until the window is read whole."""
        refreshed = self.pulling.refresh(self.id)
        assert refreshed is not None
        for _ in range(runs):
            pulled = self.pull()
            if pulled.end is End.READ:
                return pulled
            self.clock.advance(max(self.stream.due_at - self.clock.now(), timedelta()))
        raise AssertionError(f"not read in {runs} runs: {self.stream.error}")

    def news(self, **more: Any) -> Received:
        """A push of Pub/Sub, taken as the webhook takes it."""
        return self.receiving.receive("gmail", self.delivery(**more))

    def delivery(self, token: str | None = None, body: Any = None, **news: Any) -> Delivery:
        """What the stand-in's Pub/Sub would post now."""
        now = int(self.clock.now().timestamp())
        token = token or self.standin.keys[0].sign(self.standin.claims(iat=now, exp=now + 3600))
        sent = json.dumps(self.standin.envelope(**news) if body is None else body).encode()
        return Delivery(sent, {"authorization": f"Bearer {token}"}, self.clock.now())

    def messages(self) -> dict[str, Message]:
        """What is stored, by the id that Gmail gave."""
        return {row.message.native_id: row.message for row in self.raw.rows.values()}

    def refused(self) -> dict[str, str]:
        """The reasons of the dead letters, by the id that Gmail gave."""
        found = {}
        for records in self.log.dead_records({}):
            for record in records:
                kept = json.loads(record.value)
                found[kept["payload"]["id"]] = str(record.headers["error"])
        return found
