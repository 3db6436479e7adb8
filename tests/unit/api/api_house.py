"""An API whose adapters are in memory, made through the door the server uses, and what tests send it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from sago.api.app import create_app
from sago.bootstrap import Container
from sago.config import Settings
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import MemoryShelf
from sago.resilience.throttles import MemoryThrottle
from sago.sections import CacheSettings, KafkaSettings, PostgresSettings, RedisSettings
from sago.serving_sections import ApiSettings
from sago.stores.memory.buffer import MemoryBuffer
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.deliveries import MemoryDeliveryCounts
from sago.stores.memory.dispatcher import MemoryDispatcher
from sago.stores.memory.keeping import MemoryMirror
from sago.stores.memory.log import MemoryLog
from sago.stores.memory.raw import MemoryRawStore
from sago.stores.memory.replies import MemoryReplies
from sago.stores.memory.tenants import MemoryTenants

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
INGEST = "/api/v1/data-flow/ingest"
HEALTH = "/api/v1/data-flow/health"
METRICS = "/api/v1/data-flow/metrics"
HOUSE_KEY = "of the house itself, for its tests"
LOCAL = ("127.0.0.1", 50000)


def row(number: int = 1, source: str = "slack", **data: Any) -> dict[str, Any]:
    """A message to hand in, as a plain row."""
    said = {"id": f"m-{number}", "timestamp": "2026-03-02T16:04:11Z", "sender": "dana", "content": f"line {number}"}
    return {"source_name": source, "data": said | data}


@dataclass
class House:
    """An API of the test, and the adapters behind it."""

    container: Container
    client: TestClient

    @property
    def log(self) -> MemoryLog:
        log: MemoryLog = self.container.__dict__["log"]
        return log

    def ingest(self, body: Any, **headers: str) -> Response:
        said = json.dumps(body).encode("ascii")  # lone surrogates escaped: JSON allows them
        headers = {"Content-Type": "application/json", **headers}
        answer: Response = self.client.post(INGEST, content=said, headers=headers)
        return answer

    def published(self, topic: str = "slack-messages") -> list[str]:
        return [record.value.decode() for record in self.log.records(topic)]


MakeHouse = Callable[..., House]


def container_in_memory(settings: Settings, **adapters: Any) -> Container:
    """A container with adapters in memory, some of them given."""
    container, clock = Container(settings), ManualClock(NOW)
    container.__dict__.update(
        log=MemoryLog(settings.kafka.topics),
        buffer=MemoryBuffer(CacheSettings()),
        database=MemoryDatabase(),
        raw=MemoryRawStore(),
        clock=clock,
        mirror=MemoryMirror(),
        dispatcher=MemoryDispatcher(),
        deliveries=MemoryDeliveryCounts(),
        throttle=MemoryThrottle(clock),
        replies=MemoryReplies(clock),
        breakers=SharedBreakers(MemoryShelf(), clock, settings.breaker, timedelta(minutes=1)),
    )
    container.__dict__.update(adapters)
    container.__dict__.setdefault("keys_database", container.database)
    container.__dict__.setdefault("tenants", MemoryTenants(container.database, container.clock))
    return container


def settings_of(*, embedded: bool = False, **api: Any) -> Settings:
    """Settings with servers nobody connects to."""
    return Settings(
        kafka=KafkaSettings(bootstrap_servers="nowhere:1", embedded=embedded),
        redis=RedisSettings(url="redis://nowhere:1"),
        postgres=PostgresSettings(host="nowhere"),
        api=ApiSettings(**api),
    )


def open_house(container: Container, caller: tuple[str, int] = LOCAL) -> House:
    """A house whose client is still to be entered, which starts the application."""
    return House(container, TestClient(create_app(container), base_url="http://localhost:8000", client=caller))
