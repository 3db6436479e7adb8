"""From vendors and files into the log, and from the log into the queues."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from sago.bootstrap.adapters import Adapters
from sago.pipeline.bridging import Bridge, BridgeLimits
from sago.pipeline.connecting import Connecting
from sago.pipeline.disconnecting import TakingBack
from sago.pipeline.gathering import Gathering
from sago.pipeline.ingest import Ingest
from sago.pipeline.persons import Persons
from sago.pipeline.polling import Polling
from sago.pipeline.pulling import Pace, Pulling
from sago.pipeline.receiving import Receiving
from sago.pipeline.reception import Reception
from sago.pipeline.replaying import Replaying
from sago.pipeline.source_health import SourceHealth
from sago.pipeline.taking import Taking


@dataclass(frozen=True)
class Collecting(Adapters):
    """What collects messages."""

    @property
    def connecting(self) -> Connecting:
        """Accounts that are connected, and let go."""
        return Connecting(self.database, self.vault, self.clock)

    @property
    def taking_back(self) -> TakingBack:
        """Tokens that are to be of no use any more."""
        return TakingBack(self.database, self.vault, lambda source, token: self.accounts(source).revoke(token))

    @cached_property
    def reception(self) -> Reception:
        is_embedded = self.settings.mode == "embedded"
        within = self.settings.api.answer_within
        return Reception(self.log, self.raw, self.database, self.clock, until_stored=is_embedded, within=within)

    @cached_property
    def taking(self) -> Taking:
        """Items of vendors into the log."""
        return Taking(
            reception=self.reception,
            raw=self.raw,
            log=self.log,
            database=self.database,
            clock=self.clock,
            topic_of=self.settings.kafka.topic,
            names_of=self.persons.names,
            met=self.source_health.hear,
        )

    @cached_property
    def source_health(self) -> SourceHealth:
        """How what is connected does."""
        return SourceHealth(self.database, self.clock, self.persons.meet)

    @cached_property
    def persons(self) -> Persons:
        """Who is who over what a company connected."""
        from sago.sources.senders import sender_of

        return Persons(self.database, self.clock, sender_of)

    @cached_property
    def receiving(self) -> Receiving:
        """What vendors push, made safe in the seconds that they wait."""
        within = self.settings.sources.answer_within
        alone = replace(self.taking, reception=replace(self.reception, within=within))
        taking = replace(alone, together=Gathering(alone.hand_in, within))
        return Receiving(self.sources, taking, self.database, self.dispatcher, self.deliveries)

    @property
    def replaying(self) -> Replaying:
        """Dead letters once more."""
        return Replaying(self.sources, self.taking)

    @property
    def polling(self) -> Polling:
        """What of vendors is to be fetched now."""
        return Polling(self.database, self.dispatcher)

    @cached_property
    def pulling(self) -> Pulling:
        """What is fetched from vendors."""
        settings = self.settings.sources
        pace = Pace(
            pull_every=timedelta(seconds=settings.pull_every),
            run_for=timedelta(seconds=settings.run_for),
            look_back=timedelta(days=settings.look_back_days),
        )
        return Pulling(
            database=self.database,
            sources=self.sources,
            taking=self.taking,
            clock=self.clock,
            chance=random.random,
            keep_people=self.persons.keep,
            pace=pace,
        )

    def ingest(self) -> Ingest:
        """Feeds rows into the log and accounts for each."""
        return Ingest(self.log, self.raw, self.database, self.clock)

    def bridge(self) -> Bridge:
        """The bridge over a new consumer."""
        settings = self.settings
        return Bridge(
            consumer=self.consumer(),
            log=self.log,
            queue=self.store_queue,
            database=self.database,
            buffer=self.buffer,
            clock=self.clock,
            limits=BridgeLimits(
                **settings.bridge.model_dump(),
                max_consecutive=settings.dlq.max_consecutive,
                memory_pause_at=settings.cache.memory_pause_at,
            ),
            topic_of=settings.kafka.topic,
        )
