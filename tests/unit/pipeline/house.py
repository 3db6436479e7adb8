"""A house of in-memory adapters with the pipeline's use cases over them, and messages to feed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sago.domain.batches import Tick
from sago.domain.connections import Token
from sago.domain.letters import Letter
from sago.domain.messages import Message
from sago.llm.gateway import Gateway
from sago.llm.providers.marker import MarkerModel
from sago.outreach.standing import lay_out, withdraw_denied
from sago.pipeline.batching import Batching
from sago.pipeline.disconnecting import TakingBack
from sago.pipeline.erasing import Erasing
from sago.pipeline.extraction import Extracting
from sago.pipeline.generations import Generations
from sago.pipeline.recovery import RECOVER, Reaper, Recovery
from sago.pipeline.storing import Storing
from sago.ports import Model
from sago.sections import CacheSettings
from sago.stores.memory.answers import MemoryAnswers
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.dispatcher import MemoryDispatcher
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.keeping import MemoryMirror
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from tests.standins.told_vault import ToldVault

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RETRY_AFTER = timedelta(seconds=60)
TOPICS = {"slack": "slack-messages", "gmail": "gmail-messages"}


def message(n: int, *, company: str = "acme", version: int = 0, text: str = "", sender: str = "ana") -> Message:
    return Message(
        id=f"slack:{n}",
        version=version,
        company_id=company,
        source="slack",
        sender=sender,
        sent_at=NOW - timedelta(days=1) + timedelta(seconds=n),
        text=text or f"standup {n}",
    )


def deal(n: int, name: str = "Delta", **more: Any) -> Message:
    return message(n, text=f"[[event enterprise_deal subject={name}]]", **more)


class House:
    """Every use case over memory; `run` plays the workers."""

    def __init__(self, model: Model | None = None, threshold: int = 4, chunk: int = 2, *, urgent: bool = False) -> None:
        self.cache = CacheSettings(cache_trigger_threshold=threshold, message_limit=chunk)
        self.log = MemoryLog(TOPICS)
        self.dispatcher = MemoryDispatcher()
        self.model = model or MarkerModel()
        self.furnish()
        self.buffer.begin_epoch(NOW)
        self.buffer.set_epoch()
        topic_of = TOPICS.__getitem__
        self.storing = Storing(self.raw, self.buffer, self.database, self.log, self.dispatcher, topic_of, urgent)
        self.batching = Batching(self.buffer, self.database, self.dispatcher, chunk, RETRY_AFTER)
        models = Gateway(self.model, MarkerModel(), ManualClock(NOW))
        waits = RETRY_AFTER, RETRY_AFTER
        self.extracting = Extracting(
            self.database, self.buffer, self.raw, models, 5, *waits, withdraw_denied, self.lay_out
        )
        self.reaper = Reaper(self.database, self.buffer, self.raw, self.log, self.dispatcher, topic_of, 2, RETRY_AFTER)
        self.generations = Generations(self.database, self.mirror)
        stores = (self.database, self.raw, self.buffer, self.mirror, self.drafts, self.answers)
        self.erasing = Erasing(*stores, TakingBack(self.database, ToldVault(), lambda *asked: self.revoked_at(*asked)))
        self.recovery = Recovery(
            self.database, self.buffer, self.raw, self.log, self.dispatcher, self.generations, self.erasing
        )

    def revoked_at(self, source: str, token: Token) -> None:
        """A vendor that takes each token back."""

    def furnish(self) -> None:
        """The stores."""
        self.raw = MemoryRawStore()
        self.buffer = MemoryBuffer(self.cache)
        self.database = MemoryDatabase()
        self.mirror = MemoryMirror()
        self.drafts = MemoryDrafts()
        self.answers = MemoryAnswers(ManualClock(NOW), timedelta(hours=1))

    def lay_out(self, letter: Letter) -> str:
        return lay_out(letter, self.database, self.drafts)

    def store(self, *messages: Message, name: str = "log:slack-messages:0:0-9", replay: str | None = None) -> None:
        values = [each.to_json() for each in messages]
        self.storing.store(name, values, [replay] * len(values), NOW)

    def run(self, now: datetime = NOW) -> list[str]:
        """Run what was enqueued until nothing is left; the names of the tasks in order."""
        done: list[str] = []
        while work := self.dispatcher.take():
            for name, arguments in work:
                done.append(name)
                if name == "extract.start":
                    self.batching.open(*arguments, now)
                elif name == "extract.chunk":
                    self.extracting.chunk(*arguments, now)
                elif name == "extract.merge":
                    self.extracting.merge(*arguments, now)
                elif name == "upkeep.recover":
                    self.recovery.recover(now)
        return done

    def ran(self, hours: int, until: datetime) -> None:
        """Note a recovery each hour."""
        with self.database.begin() as tx:
            for ago in range(hours):
                tick = Tick(RECOVER, until - timedelta(hours=ago))
                assert tx.ledger.begin_tick(tick, tick.due_at, tick.due_at)
                tx.ledger.end_tick(tick)

    def deals(self, company: str = "acme") -> list[str]:
        """The customers of the company's events."""
        with self.database.begin() as tx:
            return sorted(event.title.removeprefix("Enterprise deal: ") for event in tx.events.find(company))

    def database_due(self, now: datetime) -> bool:
        """Whether the reaper would find a batch to take up."""
        with self.database.begin() as tx:
            return bool(tx.batches.due(now))

    def dead(self) -> list[str]:
        """Reasons in the dead-letter topic."""
        return [record.headers["error"] for record in self.log.records("slack-messages.dlq")]
