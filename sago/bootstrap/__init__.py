"""All wiring, nowhere else: settings in, a container of adapters and use cases out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import cached_property, partial
from uuid import UUID

from sago.bootstrap.adapters import Adapters
from sago.config import Settings
from sago.domain.companies import Person
from sago.domain.letters import Letter
from sago.outreach import composing
from sago.outreach.backtesting import Backtesting
from sago.outreach.delivery import Delivery
from sago.outreach.digests import Digests
from sago.outreach.expiring import tidy
from sago.outreach.firm_desk import FirmDesk
from sago.outreach.firm_evidence import FirmEvidence
from sago.outreach.firm_reading import FirmReading
from sago.outreach.firm_watches import FirmWatches
from sago.outreach.freight import Freight, LetterFreight
from sago.outreach.giving import Giving
from sago.outreach.judging import Judging
from sago.outreach.notice_mails import NoticeFreight
from sago.outreach.permission import ApprovalRules, TickRule
from sago.outreach.scheduling import DueLetters
from sago.outreach.sending import Rules, Sending
from sago.outreach.standing import lay_out, withdraw_denied
from sago.outreach.threads import Threads
from sago.outreach.unsubscribing import NOWHERE, Links, Suppressing
from sago.pipeline.asking import Asker
from sago.pipeline.batching import Batching
from sago.pipeline.bridging import Bridge, BridgeLimits
from sago.pipeline.connecting import Connecting
from sago.pipeline.consent import Consent
from sago.pipeline.disconnecting import TakingBack
from sago.pipeline.ending import Ending
from sago.pipeline.erasing import Erasing
from sago.pipeline.extraction import Extracting
from sago.pipeline.folding import Folding
from sago.pipeline.gathering import Gathering
from sago.pipeline.generations import Generations
from sago.pipeline.ingest import Ingest
from sago.pipeline.keyring import Keyring
from sago.pipeline.persons import Persons
from sago.pipeline.polling import Polling
from sago.pipeline.pulling import Pace, Pulling
from sago.pipeline.receiving import Receiving
from sago.pipeline.reception import Reception
from sago.pipeline.recovery import Reaper, Recovery
from sago.pipeline.replaying import Replaying
from sago.pipeline.revoking import Revoking
from sago.pipeline.source_health import SourceHealth
from sago.pipeline.starting import Starting
from sago.pipeline.storing import Storing
from sago.pipeline.taking import Taking
from sago.pipeline.vitals import Limits, Vitals

PREPARED: dict[str, tuple[str, ...]] = {
    "store": ("storing",),
    "upkeep": ("batching", "reaper", "drafts"),
    "extract": ("extracting", "drafts"),
    "merge": ("extracting", "drafts"),
    "outreach": ("models", "raw", "drafts"),
    "mail": ("database", "drafts"),
    "sources": ("pulling",),
}
"""By the queue whose tasks need it."""


@dataclass(frozen=True)
class Container(Adapters):
    """Adapters and use cases of one process; each is made when first asked for, so a command pays for what it uses."""

    @property
    def connecting(self) -> Connecting:
        """Accounts that are connected, and let go."""
        return Connecting(self.database, self.vault, self.clock)

    @property
    def taking_back(self) -> TakingBack:
        """Tokens that are to be of no use any more."""
        return TakingBack(self.database, self.vault, lambda source, token: self.accounts(source).revoke(token))

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
    def keyring(self) -> Keyring:
        """Keys of the API."""
        return Keyring(self.database, self.clock)

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

    @cached_property
    def starting(self) -> Starting:
        """Tasks started by name."""
        return Starting(self.database, self.tenants, self.dispatcher, self.clock)

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

    @property
    def approval_rules(self) -> ApprovalRules:
        """How this house approves."""
        outreach = self.settings.outreach
        within, fresh_for = timedelta(seconds=outreach.undo), timedelta(days=outreach.fresh_for)
        return ApprovalRules(TickRule(outreach.tick), within, fresh_for)

    def tidy(self, as_of: datetime) -> list[Letter]:
        """Expire and withdraw what nobody let go in time, as of a moment; which letters."""
        return tidy(
            as_of,
            database=self.database,
            drafts=self.drafts,
            now=self.clock.now(),
            fresh_for=self.approval_rules.fresh_for,
        )

    def lay_out(self, letter: Letter) -> str:
        """Lay out what stands in the letter's window; where it lies."""
        return lay_out(letter, self.database, self.drafts)

    @cached_property
    def firm_reading(self) -> FirmReading:
        """What founders share with a firm."""
        return FirmReading(self.tenants, self.database, self.clock, Folding)

    @cached_property
    def firm_evidence(self) -> FirmEvidence:
        """What was said, and around it."""
        from sago.sources.conversations import conversation_of

        return FirmEvidence(self.firm_reading, self.raw, conversation_of)

    def firm_desk(self, firm_id: str, who: str) -> FirmDesk:
        """The letters of a firm, for whoever acts in its name."""
        return FirmDesk(
            firm_id=firm_id,
            who=who,
            tenants=self.tenants,
            database=self.database,
            raw=self.raw,
            drafts=self.drafts,
            generations=self.generations,
            clock=self.clock,
            rules=self.approval_rules,
        )

    def firm_watches(self, firm_id: str, who: str) -> FirmWatches:
        """What a firm waits for, for whoever acts in its name."""
        return FirmWatches(firm_id, who, self.tenants, self.database, self.judging, self.clock)

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

    @cached_property
    def links(self) -> Links:
        """What mails say of how to unsubscribe."""
        outreach = self.settings.outreach
        secret = outreach.unsubscribe_secret.get_secret_value() if outreach.unsubscribe_secret else ""
        return Links(outreach.unsubscribe_url or "", secret.encode(), outreach.unsubscribe_mailto)

    @cached_property
    def sending(self) -> Sending:
        from sago.stores.eml_drafts import as_mail

        letters = LetterFreight(
            self.database, self.drafts, self.generations.announce, as_mail, self.approval_rules.fresh_for
        )
        kinds: dict[str, Freight] = {"letter": letters, "notice": self._notices()}
        return Sending(
            database=self.database,
            mailer=self.mailer,
            clock=self.clock,
            breakers=self.breakers,
            kinds=kinds,
            dress=self.links.dress,
            rules=self._rules(),
        )

    def _notices(self) -> NoticeFreight:
        from sago.report.notice import notice_mail

        named = self.settings.outreach.notice.sender or ("" if self.settings.smtp.host else f"Sago <sago@{NOWHERE}>")
        name, email = parseaddr(named)
        write = partial(notice_mail, sender=Person(name=name, email=email)) if named else None
        return NoticeFreight(self.digests, self.generations.check, write)

    def _rules(self) -> Rules:
        outreach = self.settings.outreach
        return Rules(
            undo=timedelta(seconds=outreach.undo),
            fresh=timedelta(days=outreach.fresh_for),
            window=outreach.window,
            timezone=outreach.timezone,
            caps=outreach.caps,
        )

    @cached_property
    def delivery(self) -> Delivery:
        """Approved letters on their way out."""
        return Delivery(self.sending, self.generations.check)

    @cached_property
    def suppressing(self) -> Suppressing:
        """Addresses that get no mail."""
        sending = self.sending
        return Suppressing(self.database, self.links, sending.end, sending.follow)

    @property
    def revoking(self) -> Revoking:
        """What ends a founder's share."""
        return Revoking(self.database, self.erasing)

    @property
    def giving(self) -> Giving:
        """What founders share."""
        return Giving(self.database, self.clock, self.settings.outreach.setback_days)

    @property
    def ending(self) -> Ending:
        """A share taken back, and the proof."""
        return Ending(self.database, self.clock, self.revoking, self.recovery, self.log)

    @property
    def due_letters(self) -> DueLetters:
        """Letters that are due, from the plan to the draft."""
        return DueLetters(self.database, self.dispatcher, self.clock, self.compose_letter)

    @property
    def backtesting(self) -> Backtesting:
        """Replays of a company's history."""
        return Backtesting(self.database, Folding)

    def compose_letter(self, watch_id: UUID, as_of: datetime) -> Letter | None:
        """The letter of one watch as of a moment, or None where there is nothing new to say."""
        from sago.sources.mail_heads import head_of

        return composing.compose_letter(
            watch_id,
            as_of,
            database=self.database,
            models=self.models,
            drafts=self.drafts,
            clock=self.clock,
            setback_days=self.settings.outreach.setback_days,
            highlights=self.settings.outreach.highlights,
            scale=self.settings.outreach.significance.scale,
            threads=Threads(self.raw, head_of),
        )

    @property
    def judging(self) -> Judging:
        """What the watches say, and why."""
        outreach = self.settings.outreach
        return Judging(self.database, outreach.setback_days, outreach.significance.scale, self.clock)

    @property
    def digests(self) -> Digests:
        """What the people behind watches are told."""
        outreach = self.settings.outreach
        return Digests(
            database=self.database,
            clock=self.clock,
            setback_days=outreach.setback_days,
            highlights=outreach.highlights,
            most=outreach.notice.most,
            scale=outreach.significance.scale,
            timezone=outreach.timezone,
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

    def prepare(self, queues: Iterable[str]) -> None:
        """Import and make what the tasks of these queues need, without connecting: what a parent has imported its forks
        share."""
        for queue in queues:
            for part in PREPARED[queue]:
                getattr(self, part)


def build(settings: Settings) -> Container:
    """The container of these settings; nothing is connected yet."""
    return Container(settings)


def migrate(settings: Settings) -> None:
    """Bring the schema of every store to its newest level; raises ConfigError where a store refuses."""
    from sago.stores.postgres import migrate as migrate_postgres

    migrate_postgres(settings.postgres)
    if settings.raw_store.kind == "cassandra":
        from sago.stores.cassandra import migrate as migrate_cassandra

        migrate_cassandra(settings.cassandra)
