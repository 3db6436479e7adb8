"""A house whose letters are approved and whose mail server does as it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterDraft, LetterState
from sago.domain.mails import Mail, MailState, mail_id
from sago.domain.pacing import Caps, SendWindow
from sago.domain.watches import Watch
from sago.outreach.delivery import Delivery, Round
from sago.outreach.freight import LetterFreight
from sago.outreach.sending import Rules, Sending
from sago.outreach.unsubscribing import Links, Suppressing
from sago.pipeline.generations import Generations
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.stores.eml_drafts import as_mail
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.drafts import MemoryDrafts
from sago.stores.memory.keeping import MemoryMirror
from sago.stores.memory.mailer import MemoryMailer
from sago.stores.memory.state import AuditEntry

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
"""A Wednesday."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DANA = Person(name="Dana Reed", email="dana@northgate.example")
MIRA = Person(name="Mira Sol", email="mira@scaleflow.example")
LINKS = Links("https://sago.example.com/unsubscribe", b"s" * 32, "stop@sago.example.com")


def letter(name: str = "a", **other: Any) -> Letter:
    """Approved five minutes ago; it claims nothing, so nothing can speak against it."""
    fields: dict[str, Any] = {
        "id": uuid5(NAMESPACE_URL, name),
        "watch_id": uuid5(NAMESPACE_URL, f"watch of {name}"),
        "company_id": "scaleflow",
        "window": "2026-03",
        "state": LetterState.APPROVED,
        "sender": MIRA,
        "recipient": DANA,
        "draft": LetterDraft(subject="A short update", body="Hello,\n\nthis is a short update.\n\nBest wishes"),
        "event_ids": (),
        "composed_by": "offline",
        "created_at": NOW - HOUR,
        "approved_by": "cli:ana",
        "approved_at": NOW - 5 * MINUTE,
    }
    return Letter(**(fields | other))


def to(number: int, **other: Any) -> Letter:
    """A letter to somebody of their own."""
    person = Person(name=f"Person {number}", email=f"p{number}@x{number}.example")
    return letter(f"to {number}", **{"recipient": person, "company_id": f"company-{number}"} | other)


def watch_of(one: Letter) -> Watch:
    """The watch that a letter was written for."""
    return Watch(id=one.watch_id, company_id=one.company_id, investor=one.recipient, created_at=NOW - DAY)


class Mailroom:
    """Adapters in memory around the real use cases."""

    def __init__(self, *letters: Letter, now: datetime = NOW, **rules: Any) -> None:
        self.database = MemoryDatabase()
        self.mailer = MemoryMailer()
        self.clock = ManualClock(now)
        self.drafts = MemoryDrafts()
        self.generations = Generations(self.database, MemoryMirror())
        asked: dict[str, Any] = {
            "undo": MINUTE,
            "fresh": 14 * DAY,
            "window": SendWindow(),
            "timezone": "UTC",
            "caps": Caps(),
        } | rules
        freight = LetterFreight(self.database, self.drafts, self.generations.announce, as_mail, asked["fresh"])
        self.sending = Sending(
            database=self.database,
            mailer=self.mailer,
            clock=self.clock,
            breakers=SharedBreakers(MemoryShelf(), self.clock, BreakerSettings(), MINUTE),
            kinds={"letter": freight},
            dress=LINKS.dress,
            rules=Rules(**asked),
        )
        self.delivery = Delivery(self.sending, self.generations.check)
        self.suppressing = Suppressing(self.database, LINKS, self.sending.end, self.sending.follow)
        with self.database.begin() as tx:
            for each in letters:
                tx.companies.ensure(each.company_id, NOW)
                tx.outreach.add_watch(watch_of(each))
                assert tx.outreach.add_letter(each)

    def deliver(self, after: timedelta = timedelta()) -> Round:
        """A round, some time from now."""
        self.clock.advance(after)
        return self.delivery.deliver()

    def letter(self, one: Letter) -> LetterState:
        with self.database.begin() as tx:
            found = tx.outreach.letter(one.id)
        assert found is not None
        return found.state

    def mail(self, one: Letter) -> Mail:
        with self.database.begin() as tx:
            found = tx.mails.get(mail_id("letter", one.id))
        assert found is not None
        return found

    def states(self, one: Letter) -> tuple[MailState, LetterState]:
        return self.mail(one).state, self.letter(one)

    def set(self, one: Letter, state: LetterState) -> None:
        """A person decides."""
        with self.database.begin() as tx:
            tx.outreach.set_letter_state(one.id, state, self.clock.now(), "cli:ana", "because")

    def change(self, one: Letter, change: Callable[[Mail], Mail]) -> None:
        """What another process does to the mail."""
        before = self.mail(one)
        with self.database.begin() as tx:
            assert tx.mails.replace(before, change(before))

    def said_of(self, subject: UUID | str) -> list[AuditEntry]:
        return [entry for entry in self.database.state.audit_log if entry.subject == subject]
