"""Who is told what, at their hour: one notice a person, firm and day, and its mail, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sago import telemetry
from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterState
from sago.domain.mails import Contact, Mail, address_of, new_mail
from sago.domain.notices import Item, Notice, Said, Told, notice_id
from sago.domain.significance import DEFAULT_SCALE, Scale
from sago.domain.watches import Outcome, Watch
from sago.errors import ConfigError, TransientError, is_out_of_time
from sago.outreach.history import event_ids
from sago.outreach.knowledge import Known, known_to
from sago.outreach.noticing import Judged, Since, notice_for, reader_of
from sago.outreach.permission import doubts
from sago.outreach.requesting import request_for, window_of
from sago.outreach.telling import met
from sago.ports import Clock, Database, Transaction

NOT_AFTER = timedelta(days=3)
"""From a notice to the moment at which it is no news any more, if no mail server took it until then."""
_log = telemetry.logger(__name__)


class Reader(NamedTuple):
    """Somebody in whose name letters would go, and the watches of one firm that these answer."""

    firm_id: str
    person: Person
    watches: tuple[Watch, ...]


@dataclass(frozen=True)
class Digests:
    """The use cases behind `outreach.digest` and `sago notices`."""

    database: Database
    clock: Clock
    setback_days: int
    highlights: int
    most: int
    """Items of one notice."""
    timezone: str
    """Of those who named none."""
    scale: Scale = DEFAULT_SCALE

    def make(self, as_of: datetime, email: str | None = None) -> list[Notice]:
        """Make the notices of everybody whose hour has come on their day, or of one person at any hour of it, one for
        each firm that names them, and queue their mails; which these are. A second call on that day tells nothing,
        whoever makes it. Nobody is told who did not ask for it.

        One person's error keeps nobody else's notice back; it is raised when all others are made, so that the call is
        made again.
        """
        with self.database.begin() as tx:
            people = readers(tx)
            wanting = [each for each in tx.contacts.all() if each.digest_at is not None and each.email in people]
        if email is not None:
            due = [each for each in wanting if each.email == address_of(email)]
        else:
            due = [each for each in wanting if self._is_hour(each, as_of)]
        made, failed = [], []
        for contact, firm_id in ((each, reader.firm_id) for each in due for reader in people[each.email]):
            try:
                made.append(self._make(contact, firm_id, as_of, by_hand=email is not None))
            except (TransientError, ConfigError):
                raise
            except Exception as error:
                if is_out_of_time(error):
                    raise
                ref = notice_id(firm_id, contact.email, as_of.astimezone(self._zone(contact)).date())
                _log.error("a notice cannot be made", notice_id=str(ref), error_type=type(error).__name__)
                failed.append(error)
        if failed:
            raise failed[0]
        return [notice for notice in made if notice]

    def preview(self, email: str, as_of: datetime) -> list[Notice]:
        """What the person's next notices would tell; nothing is kept, and nothing counts as told."""
        with self.database.begin() as tx:
            contact = tx.contacts.get(email) or Contact(email=email, name="")
            named = readers(tx).get(contact.email, [])
            found = [self._notice(tx, contact, reader.firm_id, as_of) for reader in named]
        return [notice for notice in found if notice]

    def still(self, transaction: Transaction, ref: UUID) -> Notice | None:
        """The notice as it may go now: made anew in the caller's transaction, without what is not shared, held or
        waited for any more. None where nothing of it is left, or its reader wants no mail or no notices."""
        notice = transaction.notices.get(ref)
        if notice is None:
            return None
        transaction.notices.lock(notice.email)
        contact = transaction.contacts.get(notice.email)
        is_wanted = contact and contact.digest_at is not None and not transaction.contacts.suppression(notice.email)
        renewed = None
        if contact and is_wanted:
            renewed = self._notice(transaction, contact, notice.firm_id, self.clock.now(), notice)
        if renewed:
            transaction.notices.replace(renewed)
        else:
            self.take_back(transaction, ref)
        return renewed

    def take_back(self, transaction: Transaction, ref: UUID) -> None:
        """Of a notice that never went: what it would have told counts as not told."""
        notice = transaction.notices.get(ref)
        if notice is not None:
            transaction.notices.lock(notice.email)
            transaction.notices.replace(notice.model_copy(update={"items": (), "held_over": ()}))

    def _is_hour(self, contact: Contact, as_of: datetime) -> bool:
        """Whether it is the person's hour, or later on their day: what was missed is made up the same day. An hour that
        a change of the clock skips is told at the next."""
        return as_of.astimezone(self._zone(contact)).hour >= (contact.digest_at or 0)

    def _zone(self, contact: Contact) -> ZoneInfo:
        return ZoneInfo(contact.timezone or self.timezone)

    def _make(self, contact: Contact, firm_id: str, as_of: datetime, *, by_hand: bool) -> Notice | None:
        day = as_of.astimezone(self._zone(contact)).date()
        ref = notice_id(firm_id, contact.email, day)
        with self.database.begin() as tx:
            tx.notices.lock(contact.email)
            kept = tx.notices.get(ref)
            if kept and (not by_hand or any(mail.ref == ref for mail in tx.mails.find(email=contact.email))):
                return None
            if tx.contacts.suppression(contact.email):
                return None
            notice = self._notice(tx, contact, firm_id, as_of)
            # a day without news is kept too: its hour is over
            row = notice or _empty(ref, firm_id, contact, day, as_of)
            if kept:
                tx.notices.replace(row)
            elif not tx.notices.add(row):
                return None
            if notice:
                tx.mails.add(_mail(notice, self.clock.now()))
        if notice:
            _log.info("notice", notice_id=str(notice.id), items=len(notice.items), held_over=len(notice.held_over))
        return notice

    def _notice(
        self, tx: Transaction, contact: Contact, firm_id: str, as_of: datetime, instead_of: Notice | None = None
    ) -> Notice | None:
        """The notice of the person's day, or the one that takes another's place."""
        reader = next((each for each in readers(tx).get(contact.email, ()) if each.firm_id == firm_id), None)
        if reader is None:
            return None
        day = instead_of.day if instead_of else as_of.astimezone(self._zone(contact)).date()
        every, told = _told(tx, contact.email, firm_id)
        earlier = [each for each in every if instead_of is None or each.id != instead_of.id]
        told -= instead_of.told if instead_of else frozenset()
        all_known = [known for watch in reader.watches if (known := known_to(tx, watch, as_of, self.clock.now()))]
        judged = [self._judged(tx, known, as_of) for known in all_known]
        since = _since(tx, judged, event_ids(told))
        notice = notice_for(reader.person, day, judged, earlier, told, since, as_of, self.most)
        drafts = {each.letter.id: each.letter for each in judged if each.letter}
        return _doubted(tx, notice, drafts) if notice else None

    def _judged(self, tx: Transaction, known: Known, as_of: datetime) -> Judged:
        watch = known.watch
        verdict = known.judge(as_of, self.setback_days, self.scale)
        request = request_for(known, as_of, self.setback_days, self.highlights, self.scale)
        fires = request is not None and verdict.outcome is Outcome.NOW
        return Judged(
            known=known,
            verdict=verdict,
            at_meeting=known.view.judge(min(met(watch), as_of), self.setback_days),
            window=window_of(tx, known, request) if request and fires else "",
            granularity=known.view.seen.granularity,
            letter=_draft(tx, watch),
        )


def readers(transaction: Transaction) -> dict[str, list[Reader]]:
    """Everybody in whose name a letter of an active watch would go, by their address: once for each firm whose watches
    name it. A firm may write any address into its watch, so nothing of one is told with another's."""
    companies = {company.company_id: company for company in transaction.companies.all()}
    found: dict[tuple[str, str], Reader] = {}
    for watch in transaction.outreach.watches():
        person = reader_of(watch, companies[watch.company_id]) if watch.company_id in companies else None
        if person and person.email:
            key = address_of(person.email), watch.firm_id
            before = found.get(key, Reader(watch.firm_id, person, ()))
            found[key] = before._replace(watches=(*before.watches, watch))
    by_address: dict[str, list[Reader]] = defaultdict(list)
    for email, firm_id in sorted(found):
        by_address[email].append(found[email, firm_id])
    return dict(by_address)


def _told(transaction: Transaction, email: str, firm_id: str) -> tuple[list[Notice], set[Told]]:
    """What a person was ever told of a firm's watches, also of those that are kept no more. A notice may tell of other
    firms' watches as well: once there was one for all of them."""
    notices, kept = transaction.notices.of(email), transaction.outreach.watches()
    named = {item.watch_id for notice in notices if notice.firm_id == firm_id for item in notice.items}
    own = named - {watch.id for watch in kept} | {watch.id for watch in kept if watch.firm_id == firm_id}
    cut = [
        notice.model_copy(update={"items": tuple(item for item in notice.items if item.watch_id in own)})
        for notice in notices
    ]
    return cut, {each for each in transaction.notices.told(email) if each.watch_id in own}


def _empty(ref: UUID, firm_id: str, contact: Contact, day: date, now: datetime) -> Notice:
    person = Person(name=contact.name, email=contact.email)
    return Notice(id=ref, firm_id=firm_id, email=contact.email, recipient=person, day=day, created_at=now)


def _draft(transaction: Transaction, watch: Watch) -> Letter | None:
    """The watch's newest letter that waits for approval."""
    letters = transaction.outreach.letters(watch.company_id)
    return next((each for each in letters if each.watch_id == watch.id and each.state is LetterState.DRAFT), None)


def _doubted(transaction: Transaction, notice: Notice, drafts: Mapping[UUID, Letter]) -> Notice:
    """With the number of passages of each draft that its approver has to answer for."""

    def marked(item: Item) -> Item:
        if item.letter is None:
            return item
        found = len(doubts(transaction, drafts[item.letter.id]))
        return item.model_copy(update={"letter": item.letter.model_copy(update={"doubts": found})})

    return notice.model_copy(update={"items": tuple(map(marked, notice.items))})


def _since(transaction: Transaction, judged: Sequence[Judged], told: frozenset[UUID]) -> Since:
    """What became of events that were told and are not known under that id, and who said what may be told now. One that
    is held and not known is not shared any more: nothing is told of it."""
    known = {event.id for each in judged for event in each.known.events}
    found = {event_id: transaction.events.get(event_id) for event_id in told - known}
    ids = {event_id: event.id for event_id, event in found.items() if event and event.id != event_id}
    gone = {
        event.id if event else event_id: event
        for event_id, event in found.items()
        if event is None or not event.is_active
    }
    return Since(ids, gone, _said(transaction, judged, told))


def _said(transaction: Transaction, judged: Iterable[Judged], told: frozenset[UUID]) -> dict[tuple[str, str], Said]:
    """Who said what may be quoted, and when."""
    messages: dict[str, set[str]] = defaultdict(set)
    for each in judged:
        messages[each.known.company.company_id] |= _quotable(each, told)
    return {
        (company_id, each.message_id): Said(quote="", sender=each.sender, said_at=each.said_at)
        for company_id, named in messages.items()
        for each in transaction.events.current(company_id, message_ids=named)
    }


def _quotable(judged: Judged, told: frozenset[UUID]) -> set[str]:
    """Messages that show what is no repetition, what proves a condition, or what speaks against writing."""
    verdict = judged.verdict
    named = {*(each.event_id for each in verdict.results), *(each.id for each in verdict.against)}
    events = [each for each in judged.known.events if each.id in named or each.id not in told]
    proofs = [proof for each in (*events, *verdict.against) for proof in each.evidence]
    return {proof.message_id for proof in (*proofs, *(proof for each in verdict.results for proof in each.proof))}


def _mail(notice: Notice, now: datetime) -> Mail:
    return new_mail(
        "notice",
        notice.id,
        notice.recipient,
        firm_id=notice.firm_id,
        company_id=None,
        now=now,
        expires_at=now + NOT_AFTER,
    )
