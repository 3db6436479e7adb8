"""The platform over stores in memory, reading from the stand-in of Slack through HTTP: what is published is stored at
once, so that whatever comes twice shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from pydantic import SecretStr

from sago.domain.connections import Connection, Token, connection_id_of
from sago.domain.messages import Message, MessageRef
from sago.pipeline.pulling import Pace, Pulling
from sago.pipeline.reception import Reception
from sago.pipeline.taking import Taken, Taking
from sago.ports import Delivery, Identity
from sago.resilience.breakers import SharedBreakers
from sago.resilience.rates import MemoryRates
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.source_sections import SlackSettings
from sago.sources.platform import Platform
from sago.sources.slack_source import Slack
from sago.sources.vendor import USUAL, Bounds, Guards
from sago.stores.fernet_vault import FernetVault
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from tests.standins.slack_pushes import Pushes
from tests.standins.slack_server import SlackServer
from tests.standins.slack_workspace import Fields

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANY = "acme"


class IndexedStore(MemoryRawStore):
    """Reads ten thousand rows as fast as ten."""

    def read(self, refs: Sequence[MessageRef]) -> list[Message]:
        found = (self.rows.get((ref.company_id, ref.message_id, ref.version)) for ref in refs)
        return [row.message for row in found if row is not None]


class StoringLog(MemoryLog):
    """Stores what is published, and counts it."""

    def __init__(self, raw: MemoryRawStore) -> None:
        super().__init__({"slack": "slack-messages"})
        self._raw = raw
        self.published: Counter[tuple[str, int]] = Counter()
        self.conflicts: list[str] = []

    def publish(self, messages: Sequence[Message], *, replay_of: str | None = None) -> list[Any]:
        self.published.update(message.key for message in messages)
        stored = self._raw.store(messages, f"batch-{len(self.published)}", NOW)
        self.conflicts += [ref.message_id for ref in stored.conflicts]
        return super().publish(messages, replay_of=replay_of)


class House:
    """One workspace, connected. Times pass by hand alone, at the stand-in's limits too where they have this clock."""

    def __init__(
        self,
        server: SlackServer,
        clock: ManualClock,
        *,
        is_internal: bool = True,
        containers: tuple[str, ...] = ("*",),
        since: datetime = NOW - timedelta(days=365),
        token: Token | None = None,
        bounds: Bounds = USUAL,
    ) -> None:
        self.server, self.clock = server, clock
        self.settings = SlackSettings(
            api_url=server.api_url,
            client_id=server.client_id,
            client_secret=SecretStr(server.client_secret),
            signing_secret=SecretStr(server.signing_secret),
            is_internal=is_internal,
        )
        self.database, self.raw = MemoryDatabase(), IndexedStore()
        self.log = StoringLog(self.raw)
        self.people: dict[str, Identity] = {}
        vault = FernetVault(SecretStr(Fernet.generate_key().decode()))
        breakers = SharedBreakers(MemoryShelf(), clock, BreakerSettings(), timedelta(seconds=60))
        self.guards = Guards(self.database, vault, breakers, MemoryRates(clock), clock, bounds)
        self.platform = Platform(lambda _: self.settings, self.guards)
        reception = Reception(self.log, self.raw, self.database, clock, until_stored=False, within=5.0)
        self.taking = Taking(
            reception, self.raw, self.log, self.database, clock, lambda name: f"{name}-messages", self._names
        )
        pace = Pace(timedelta(minutes=5), timedelta(minutes=1), timedelta(days=7))
        self.pulling = Pulling(self.database, self.platform, self.taking, clock, lambda: 0.5, self._keep, pace)
        self.id = connection_id_of("slack", server.workspace.team)
        self.connection = Connection(
            id=self.id,
            source="slack",
            account=server.workspace.team,
            name="Stand-in",
            company_id=COMPANY,
            containers=containers,
            since=since,
            created_at=clock.now(),
        )
        with self.database.begin() as tx:
            tx.connections.save(self.connection)
            tx.connections.keep_token(self.id, vault.seal(token or Token(access=SecretStr(server.token)), self.id))

    def _keep(self, _: Connection, people: Sequence[Identity]) -> None:
        self.people = {each.native_id: each for each in people}

    def _names(self, _: Connection) -> Mapping[str, str]:
        return {each.native_id: each.name for each in self.people.values()}

    @property
    def slack(self) -> Slack:
        source = self.platform.get("slack")
        assert isinstance(source, Slack)
        return source

    def push(self, pushes: Pushes, event: Fields) -> Taken:
        """An event as Slack delivers it, taken as the webhook takes it."""
        body = _json(pushes.envelope(event))
        headers = {name.lower(): value for name, value in pushes.signed(body).items()}
        delivery = Delivery(body, headers, datetime.fromtimestamp(pushes.now(), UTC))
        self.slack.verify(delivery)
        return self.taking.take(self.slack, self.connection, self.slack.unpack(delivery).items)

    def read(self, runs: int = 10_000) -> timedelta:
        """Pull whatever is due, and let time pass until something is, until every stream has been read whole once more;
        how long that took."""
        began, end = self.clock.now(), self.clock.now()
        for _ in range(20):
            refreshed = self.pulling.refresh(self.id)
            if refreshed is None or not refreshed.error:
                break
            self.clock.advance(max(refreshed.due_at - self.clock.now(), timedelta()))
        else:
            raise AssertionError(f"not refreshed: {refreshed}")
        for _ in range(runs):
            streams = [each for each in self.streams() if each.read_until is None or each.read_until < end]
            waiting = [
                each for each in streams if "NotThere" not in each.error and "channel_not_found" not in each.error
            ]
            if not waiting:
                return self.clock.now() - began
            due = min(waiting, key=lambda each: each.due_at)
            self.clock.advance(max(due.due_at - self.clock.now(), timedelta()))
            self.pulling.pull(self.id, due.name)
        raise AssertionError(f"not read in {runs} runs: {[(each.name, each.error) for each in self.streams()]}")

    def streams(self) -> list[Any]:
        with self.database.begin() as tx:
            return tx.streams.of(self.id)

    def newest(self) -> dict[str, Message]:
        """The highest version of each message that is stored, by id."""
        found: dict[str, Message] = {}
        for row in self.raw.rows.values():
            held = found.get(row.message.id)
            if held is None or held.version < row.message.version:
                found[row.message.id] = row.message
        return found


def _json(value: Fields) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
