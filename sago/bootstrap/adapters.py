"""What the container is over: one adapter for each system.

Imported where they are made: `sago --help` and beat need none of them, and an import of a driver costs as much time as
a query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from sago.config import Settings
from sago.llm import registry
from sago.ports import (
    CallLedger,
    Clock,
    Database,
    DeliveryCounts,
    Drafts,
    LogConsumer,
    Mailer,
    MessageLog,
    Mirror,
    Models,
    RawStore,
    Replies,
    Sources,
    Tenants,
    Vault,
)
from sago.stores.clock import SystemClock

if TYPE_CHECKING:
    from sago.resilience.breakers import SharedBreakers
    from sago.resilience.rates import RedisRates
    from sago.resilience.throttles import RedisThrottle
    from sago.sources.accounts import Accounts
    from sago.stores.cassandra import CassandraRawStore
    from sago.stores.celery_dispatcher import CeleryDispatcher, CeleryStoreQueue
    from sago.stores.postgres import PostgresDatabase
    from sago.stores.redis_answers import RedisAnswers
    from sago.stores.redis_buffer import RedisBuffer

FOR_KEYS = 1
"""Connections that wait for key look-ups; under load as many more."""


@dataclass(frozen=True)
class Adapters:
    """Of one process; each is made when first asked for, so a command pays for what it uses."""

    settings: Settings

    @cached_property
    def clock(self) -> Clock:
        return SystemClock()

    @cached_property
    def database(self) -> PostgresDatabase:
        from sago.stores.postgres import PostgresDatabase

        return PostgresDatabase(self.settings.postgres)

    @cached_property
    def keys_database(self) -> Database:
        """For keys of the API: a few connections of their own, so that a key is looked up while all others are busy."""
        from sago.stores.postgres import PostgresDatabase

        return PostgresDatabase(self.settings.postgres.model_copy(update={"pool_size": FOR_KEYS}))

    @cached_property
    def tenants(self) -> Tenants:
        """What each firm may see."""
        from sago.stores.postgres.tenants import PostgresTenants

        return PostgresTenants(self.settings.postgres)

    @cached_property
    def raw(self) -> RawStore:
        if self.settings.raw_store.kind == "cassandra":
            return self.cassandra
        from sago.stores.sql_messages import SqlRawStore

        return SqlRawStore(self.database.connections)

    @cached_property
    def cassandra(self) -> CassandraRawStore:
        from sago.stores.cassandra import CassandraRawStore

        return CassandraRawStore(self.settings.cassandra)

    @cached_property
    def buffer(self) -> RedisBuffer:
        from sago.stores.redis_buffer import RedisBuffer

        redis = self.settings.redis
        return RedisBuffer(redis.database(redis.buffer_db), self.settings.cache)

    @cached_property
    def log(self) -> MessageLog:
        from sago.stores.kafka_producer import KafkaLog

        return KafkaLog(self.settings.kafka, self.produced)

    @cached_property
    def produced(self) -> list[Callable[[float], object]]:
        """Who is told how many seconds Kafka took to acknowledge each call."""
        return []

    def consumer(self) -> LogConsumer:
        """A new member of the bridge's group."""
        from sago.stores.kafka_consumer import KafkaLogConsumer

        return KafkaLogConsumer(self.settings.kafka)

    @cached_property
    def vault(self) -> Vault:
        from sago.stores.fernet_vault import FernetVault

        return FernetVault(self.settings.sources.token_keys)

    def accounts(self, source: str) -> Accounts:
        """How accounts of this source are connected."""
        from sago.sources.accounts import accounts_of

        return accounts_of(source, getattr(self.settings, source))

    @cached_property
    def sources(self) -> Sources:
        """Vendors, and how each connection may ask them."""
        from sago.sources.platform import Platform
        from sago.sources.vendor import Guards

        guards = Guards(self.database, self.vault, self.breakers, self.rates, self.clock)
        return Platform(partial(getattr, self.settings), guards)

    @cached_property
    def calls(self) -> CallLedger:
        from sago.stores.postgres.model_calls import PostgresCallLedger

        return PostgresCallLedger(self.database.connections)

    @cached_property
    def breakers(self) -> SharedBreakers:
        from sago.resilience.breakers import SharedBreakers
        from sago.resilience.shelf import RedisShelf

        redis, settings = self.settings.redis, self.settings.breaker
        shelf = RedisShelf(redis.database(redis.cache_db))
        return SharedBreakers(shelf, self.clock, settings, trial_within=self.lost_after)

    @cached_property
    def rates(self) -> RedisRates:
        from sago.resilience.rates import RedisRates

        redis = self.settings.redis
        return RedisRates(redis.database(redis.cache_db), self.clock)

    @cached_property
    def throttle(self) -> RedisThrottle:
        """How often callers of the API may ask. Of one event loop, in which it is closed."""
        from sago.resilience.throttles import RedisThrottle

        redis = self.settings.redis
        return RedisThrottle(redis.database(redis.cache_db), self.clock)

    @cached_property
    def answers(self) -> RedisAnswers:
        from sago.stores.redis_answers import RedisAnswers

        redis = self.settings.redis
        return RedisAnswers(redis.database(redis.cache_db), timedelta(seconds=self.settings.models.cache_ttl))

    @cached_property
    def models(self) -> Models:
        guards = registry.Guards(self.calls, self.clock, self.breakers, self.rates, self.answers)
        return registry.gateway(self.settings, guards)

    @cached_property
    def drafts(self) -> Drafts:
        from sago.stores.eml_drafts import EDITS, EmlDrafts

        return EmlDrafts(self.settings.outreach.folder, self.settings.state_dir / EDITS)

    @cached_property
    def dispatcher(self) -> CeleryDispatcher:
        from sago.stores.celery_dispatcher import CeleryDispatcher, client

        return CeleryDispatcher(client(self.settings.redis))

    @cached_property
    def store_queue(self) -> CeleryStoreQueue:
        from sago.stores.celery_dispatcher import CeleryStoreQueue, client

        return CeleryStoreQueue(client(self.settings.redis))

    @property
    def lost_after(self) -> timedelta:
        """How long a batch may take until the reaper fires again what it misses."""
        return timedelta(seconds=self.settings.extraction.lost_after)

    @cached_property
    def deliveries(self) -> DeliveryCounts:
        """Counts of what vendors deliver."""
        from sago.stores.redis_deliveries import RedisDeliveryCounts

        redis = self.settings.redis
        return RedisDeliveryCounts(redis.database(redis.cache_db))

    @cached_property
    def replies(self) -> Replies:
        """First answers to requests that may come again."""
        from sago.stores.redis_replies import RedisReplies

        redis = self.settings.redis
        return RedisReplies(redis.database(redis.cache_db))

    @cached_property
    def mirror(self) -> Mirror:
        """What is kept outside Postgres."""
        if self.settings.raw_store.kind == "cassandra":
            from sago.stores.cassandra.mirror import CassandraMirror

            return CassandraMirror(self.cassandra.connection)
        from sago.stores.file_mirror import FileMirror

        return FileMirror(self.settings.state_dir)

    @cached_property
    def mailer(self) -> Mailer:
        """Where approved letters and notices go: the mail server, or a folder where none is set."""
        if self.settings.smtp.host:
            from sago.stores.smtp_mailer import SmtpMailer

            return SmtpMailer(self.settings.smtp)
        from sago.stores.eml_folder import SENT, EmlFolder

        return EmlFolder(self.settings.outreach.folder / SENT)

    def close(self) -> None:
        """Close what was opened."""
        for name in (
            "database",
            "keys_database",
            "tenants",
            "cassandra",
            "log",
            "buffer",
            "breakers",
            "rates",
            "answers",
            "deliveries",
            "replies",
        ):
            if name in self.__dict__:
                self.__dict__[name].close()
