"""What tests of whole processes over real servers share: a database of their own, and processes that end with them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import redis

from sago.bootstrap import Container
from sago.config import Settings
from sago.domain.messages import Message
from sago.embedded.servers import Server
from sago.sections import KafkaSettings, PostgresSettings, RedisSettings
from sago.stores.postgres import migrate

PROJECT = Path(__file__).resolve().parents[2]
TOPICS = ["slack-messages", "gmail-messages", "slack-messages.dlq", "gmail-messages.dlq", "unparsed.dlq"]
WORKER = ["-m", "celery", "-A", "workers", "worker", "-Q", "store", "-c", "1", "--without-mingle", "--without-gossip"]


def eventually(holds: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Whether it holds within so many seconds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def chat(number: int, text: str = "") -> Message:
    """A message of one company's chat, the number's minute of a morning."""
    return Message(
        id=f"slack:{number}",
        company_id="acme",
        source="slack",
        sender="ana",
        sent_at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC) + timedelta(minutes=number),
        text=text or f"standup {number}: still on the importer",
    )


def new_database(server: Server) -> str:
    """The name of an empty database of this server."""
    section = server.settings["postgres"]
    name = f"house_{uuid.uuid4().hex[:8]}"
    login = {"host": section["host"], "port": section["port"], "user": section["user"], "password": section["password"]}
    with closing(psycopg2.connect(**login, dbname="postgres")) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    return name


def over(kafka: Server, redis_server: Server, postgres_server: Server) -> tuple[Settings, dict[str, str]]:
    """Settings over these servers, with an empty Redis and a database of their own; the environment that says so to
    processes."""
    postgres = postgres_server.settings["postgres"] | {"db": new_database(postgres_server)}
    settings = Settings(
        kafka=KafkaSettings(**kafka.settings["kafka"]),
        redis=RedisSettings(**redis_server.settings["redis"]),
        postgres=PostgresSettings(**postgres),
    )
    migrate(settings.postgres)
    flush(settings.redis)
    environment = bare_environment() | {"SAGO_REDIS__URL": settings.redis.url or ""}
    environment |= {f"POSTGRES_{key.upper()}": str(value) for key, value in postgres.items()}
    return settings, environment | {f"SAGO_KAFKA__{k.upper()}": str(v) for k, v in kafka.settings["kafka"].items()}


def flush(settings: RedisSettings) -> None:
    """Empty the databases of these settings; those of others on the same server stay."""
    for number in (settings.broker_db, settings.results_db, settings.buffer_db, settings.cache_db):
        with closing(redis.Redis.from_url(settings.database(number))) as client:
            client.flushdb()


def bare_environment() -> dict[str, str]:
    """Ours, without anything that says where servers are."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SAGO_", "POSTGRES_"))}


@dataclass
class House:
    """A container over servers, and the processes started on the same ones."""

    container: Container
    environment: dict[str, str]
    folder: Path
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[bytes]:
        """A Python process that has said it is ready."""
        number = len(self.children)
        ready = self.folder / f"ready-{number}"
        environment = self.environment | {"SAGO_READY_FILE": str(ready)} | extra
        with (self.folder / f"log-{number}").open("wb") as log:
            child = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=log, stderr=log, cwd=PROJECT)
        self.children.append(child)
        assert eventually(lambda: ready.exists() or child.poll() is not None), self.said(child)
        return child

    def bridge(self, **extra: str) -> subprocess.Popen[bytes]:
        """A bridge; its settings by environment."""
        return self.start("-m", "workers.bridge", **extra)

    def said(self, child: subprocess.Popen[bytes]) -> list[str]:
        """Its lines so far."""
        return (self.folder / f"log-{self.children.index(child)}").read_text().splitlines()

    def stored(self, company: str | None = None) -> int:
        """Messages in the raw store."""
        return self.container.raw.count(company)

    def drained(self) -> bool:
        """Whether all of Kafka's records are stored."""
        return sum(self.container.log.lag().values()) == 0

    def stop(self) -> None:
        """Kill what still runs, and let go."""
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        self.container.close()
