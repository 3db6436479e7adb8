"""From events to what firms read and send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import cached_property, partial
from uuid import UUID

from sago.bootstrap.processing import Processing
from sago.domain.companies import Person
from sago.domain.letters import Letter
from sago.outreach import composing
from sago.outreach.backtesting import Backtesting
from sago.outreach.delivery import Delivery
from sago.outreach.digests import Digests
from sago.outreach.earlier import Earlier
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
from sago.outreach.shared_texts import Coarsening
from sago.outreach.threads import Threads
from sago.outreach.unsubscribing import NOWHERE, Links, Suppressing
from sago.pipeline.folding import Folding, folding_afresh


@dataclass(frozen=True)
class Reaching(Processing):
    """What tells people."""

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

    @cached_property
    def firm_reading(self) -> FirmReading:
        """What founders share with a firm."""
        earlier = Earlier(self.database, self.clock, folding_afresh)
        return FirmReading(self.tenants, self.database, self.clock, earlier)

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
        most = self.settings.outreach.watches
        return FirmWatches(firm_id, who, self.tenants, self.database, self.firm_reading, self.judging, self.clock, most)

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
    def coarsening(self) -> Coarsening:
        """Texts without exact figures."""
        return Coarsening(self.database, self.clock)

    @property
    def giving(self) -> Giving:
        """What founders share."""
        return Giving(self.database, self.clock, self.settings.outreach.setback_days, self.drafts)

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
