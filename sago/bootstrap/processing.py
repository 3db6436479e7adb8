"""From queued messages to events, with what keeps the house in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from sago.bootstrap.collecting import Collecting
from sago.domain.letters import Letter
from sago.outreach.standing import lay_out, withdraw_denied
from sago.pipeline.asking import Asker
from sago.pipeline.batching import Batching
from sago.pipeline.consent import Consent
from sago.pipeline.ending import Ending
from sago.pipeline.erasing import Erasing
from sago.pipeline.extraction import Extracting
from sago.pipeline.generations import Generations
from sago.pipeline.keyring import Keyring
from sago.pipeline.recovery import Reaper, Recovery
from sago.pipeline.revoking import Revoking
from sago.pipeline.starting import Starting
from sago.pipeline.storing import Storing
from sago.pipeline.vitals import Limits, Vitals


@dataclass(frozen=True)
class Processing(Collecting):
    """What stores and reads messages."""

    @property
    def retry_after(self) -> timedelta:
        """The first wait of a batch that failed."""
        return timedelta(seconds=self.settings.extraction.retry_after)

    @cached_property
    def storing(self) -> Storing:
        topic_of = self.settings.kafka.topic
        urgent = self.settings.cache.urgent.enabled
        return Storing(self.raw, self.buffer, self.database, self.log, self.dispatcher, topic_of, urgent)

    @cached_property
    def keyring(self) -> Keyring:
        """Keys of the API."""
        return Keyring(self.keys_database, self.clock)

    @cached_property
    def starting(self) -> Starting:
        """Tasks started by name."""
        return Starting(self.database, self.tenants, self.dispatcher, self.clock)

    @property
    def limits(self) -> Limits:
        """What the figures of health are held against."""
        cache = self.settings.cache
        reap_every = timedelta(seconds=self.settings.upkeep.reap_every)
        outreach = self.settings.outreach
        return Limits(
            trigger_threshold=cache.cache_trigger_threshold,
            memory_pause_at=cache.memory_pause_at,
            reap_every=reap_every,
            mail_server=self.mailer.name,
            mails_late=timedelta(seconds=max(outreach.late_after, 3 * outreach.deliver_every)),
            undo=timedelta(seconds=outreach.undo),
        )

    @cached_property
    def vitals(self) -> Vitals:
        from sago.embedded.health import stack_seen_by

        return Vitals(
            asker=Asker(self.clock),
            stack=lambda: stack_seen_by("api", self.settings),
            counts=self.deliveries,
            restored=self.generations.problem,
            log=self.log,
            buffer=self.buffer,
            database=self.database,
            raw=self.raw,
            breakers=self.breakers,
            clock=self.clock,
            topics=self.settings.kafka.topics,
            limits=self.limits,
            raw_server="cassandra" if self.settings.raw_store.kind == "cassandra" else None,
        )

    @cached_property
    def batching(self) -> Batching:
        size = self.settings.cache.message_limit
        return Batching(self.buffer, self.database, self.dispatcher, size, self.lost_after)

    @cached_property
    def extracting(self) -> Extracting:
        context = self.settings.extraction.context_messages
        waits = self.retry_after, self.lost_after
        return Extracting(
            self.database, self.buffer, self.raw, self.models, context, *waits, withdraw_denied, self.lay_out
        )

    def lay_out(self, letter: Letter) -> str:
        """Lay out what stands in the letter's window; where it lies."""
        return lay_out(letter, self.database, self.drafts)

    @property
    def consent(self) -> Consent:
        """What companies allow a vendor's model."""
        return Consent(self.database, self.clock)

    @cached_property
    def reaper(self) -> Reaper:
        return Reaper(
            database=self.database,
            buffer=self.buffer,
            raw=self.raw,
            log=self.log,
            dispatcher=self.dispatcher,
            topic_of=self.settings.kafka.topic,
            max_attempts=self.settings.extraction.max_attempts,
            lost_after=self.lost_after,
        )

    @cached_property
    def recovery(self) -> Recovery:
        return Recovery(self.database, self.buffer, self.raw, self.log, self.dispatcher, self.generations, self.erasing)

    @cached_property
    def generations(self) -> Generations:
        """Ask it before anything leaves the house."""
        return Generations(self.database, self.mirror)

    @cached_property
    def erasing(self) -> Erasing:
        stores = (self.database, self.raw, self.buffer, self.mirror, self.drafts, self.answers)
        return Erasing(*stores, self.taking_back)

    @property
    def revoking(self) -> Revoking:
        """What ends a founder's share."""
        return Revoking(self.database, self.erasing)

    @property
    def ending(self) -> Ending:
        """A share taken back, and the proof."""
        return Ending(self.database, self.clock, self.revoking, self.recovery, self.log)
