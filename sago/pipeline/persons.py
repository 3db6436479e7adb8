"""Who is who over the accounts that a company connected: identities come in, persons and proposals come out, and
people decide on the proposals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from sago.domain.companies import DEFAULT_FIRM
from sago.domain.connections import Connection
from sago.domain.identities import Decision, IdentityKey, Person, Proposal, Sighting
from sago.domain.messages import Message
from sago.domain.persons import People, people_of
from sago.errors import UsageError
from sago.ports import Clock, Database, Identity, Note, Transaction

NAMES_FOR = 60.0
"""Seconds that the names of a connection are used without asking again."""
MET_FOR = timedelta(hours=1)
"""A sender who was met is not written down again for so long."""
_AT_ONCE = 500
_MOST_MET = 10_000


class Senders(NamedTuple):
    """How messages name somebody."""

    theirs: tuple[str, ...]
    """What was asked for first."""
    shared: tuple[str, ...]
    """Names that others bear too: by these nobody can tell whose a message is."""


class _Span(NamedTuple):
    """From the first to the last message of a sender."""

    first: datetime
    last: datetime

    def over(self, at: datetime) -> _Span:
        return _Span(min(self.first, at), max(self.last, at))

    def holds(self, at: datetime) -> bool:
        return self.first <= at < self.last + MET_FOR


@dataclass(frozen=True)
class Persons:
    """The use case behind `sago people`, and what names mentions and senders. Thread-safe."""

    database: Database
    clock: Clock
    sender_of: Callable[[Message], Identity | None]
    _names: dict[UUID, tuple[float, Mapping[str, str]]] = field(default_factory=dict, init=False)
    _met: dict[tuple[UUID, str, Identity], _Span] = field(default_factory=dict, init=False)

    def keep(self, connection: Connection, people: Sequence[Identity]) -> None:
        """Take over the vendor's list of people."""
        now = self.clock.now()
        for start in range(0, len(people), _AT_ONCE):
            seen = [_sighting(each, now, is_listed=True) for each in people[start : start + _AT_ONCE]]
            with self.database.begin() as tx:
                _see(tx, connection, connection.company_id, seen)
        self._names.pop(connection.id, None)

    def meet(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Note who wrote these messages, which are taken from the connection."""
        if len(self._met) > _MOST_MET:
            self._met.clear()
        new: defaultdict[str, dict[Identity, _Span]] = defaultdict(dict)
        for message in messages:
            sender, at = self.sender_of(message), message.sent_at
            if sender and not self._is_met(connection, message, sender):
                theirs = new[message.company_id]
                theirs[sender] = theirs.get(sender, _Span(at, at)).over(at)
        if not new:
            return
        with self.database.begin() as tx:
            for company_id, senders in sorted(new.items()):
                seen = [_sighting(each, at, is_listed=False) for each, span in senders.items() for at in set(span)]
                _see(tx, connection, company_id, seen)
        for company_id, senders in new.items():
            self._met.update({(connection.id, company_id, sender): span for sender, span in senders.items()})

    def names(self, connection: Connection) -> Mapping[str, str]:
        """How texts show the people of a connection, by native id. Who was erased is shown by the id alone."""
        known = self._names.get(connection.id)
        if known and self.clock.monotonic() < known[0]:
            return known[1]
        with self.database.begin() as tx:
            erased = _erased(tx, connection)
            people = tx.identities.known(connection.id) if erased else []
            gone = {each.native_id for each in people if any(map(each.is_named, erased))} | set(erased)
            names = tx.identities.names(connection.id) | {sender: sender for sender in gone}
        self._names[connection.id] = self.clock.monotonic() + NAMES_FOR, names
        return names

    def people(self, company_id: str) -> People:
        """The company's persons, and the proposals to decide on."""
        with self.database.begin() as tx:
            return _people(tx, company_id)

    def decisions(self, company_id: str) -> list[Decision]:
        """Those in force, oldest first."""
        with self.database.begin() as tx:
            return tx.identities.decisions(company_id)

    def companies(self) -> list[str]:
        """Those of which anybody is known."""
        with self.database.begin() as tx:
            return tx.identities.companies()

    def decide(
        self, company_id: str, proposal_id: UUID, verdict: Literal["confirmed", "rejected"], who: str, why: str = ""
    ) -> Decision:
        """Decide on an open proposal. Raises UsageError where it is open no more."""
        with self.database.begin() as tx:
            tx.events.lock(company_id)
            proposal = _open(_people(tx, company_id).proposals, proposal_id)
            decision = Decision(
                company_id=company_id,
                one=proposal.one.key,
                other=proposal.other.key,
                verdict=verdict,
                reason=proposal.reason,
                who=who,
                at=self.clock.now(),
            )
            tx.identities.decide(decision)
            tx.erasures.note(_note(decision, f"person.{verdict}", who, decision.at, why))
        return decision

    def undo(self, decision: Decision, who: str, why: str = "") -> None:
        """Take a decision back: who is who is as if it had never been made. Raises UsageError where it is not in
        force."""
        with self.database.begin() as tx:
            tx.events.lock(decision.company_id)
            if not tx.identities.withdraw(decision.id):
                raise UsageError(f"decision {decision.id}: is not in force; see `sago people proposals --decided`")
            tx.erasures.note(_note(decision, "person.undone", who, self.clock.now(), why))

    def senders(self, company_id: str, sender: str, *, whole: bool) -> Senders:
        """How messages name who is asked for by one of these names; with `whole` also by every other identity of the
        same person."""
        with self.database.begin() as tx:
            everybody = tx.identities.of(company_id)
            persons = _people(tx, company_id).persons
        named = {each.key for each in everybody if each.is_named(sender)}
        same = named | {each.key for person in persons for each in person.identities if _has(person, named)}
        wanted = same if whole else named
        forms = [form for each in everybody if each.key in wanted for form in each.forms]
        others = {form.casefold() for each in everybody if each.key not in wanted for form in each.forms}
        strangers = {form.casefold() for each in everybody if each.key not in same for form in each.forms}
        theirs = [form for form in forms if form.casefold() not in others | {sender.casefold()}]
        shared = [form for form in forms if form.casefold() in strangers - {sender.casefold()}]
        return Senders((sender, *dict.fromkeys(theirs)), tuple(dict.fromkeys(shared)))

    def persons_named(self, company_id: str, sender: str) -> list[Person]:
        """Those of whom an identity is named so."""
        persons = self.people(company_id).persons
        return [each for each in persons if any(identity.is_named(sender) for identity in each.identities)]

    def _is_met(self, connection: Connection, message: Message, sender: Identity) -> bool:
        span = self._met.get((connection.id, message.company_id, sender))
        return span is not None and span.holds(message.sent_at)


def _sighting(identity: Identity, at: datetime, *, is_listed: bool) -> Sighting:
    return Sighting(identity.native_id, identity.name, identity.address, identity.is_bot, at, is_listed)


def _see(tx: Transaction, connection: Connection, company_id: str | None, seen: Iterable[Sighting]) -> None:
    """Keep what was learned of all who were not erased."""
    erased = _erased(tx, connection)
    tx.identities.see(connection.id, company_id, [each for each in seen if _may_be_kept(each, erased)])


def _may_be_kept(seen: Sighting, erased: Mapping[str, str]) -> bool:
    forms = {seen.native_id.casefold(), seen.name.casefold(), seen.address.casefold()}
    is_sound = bool(seen.native_id) and "\x00" not in seen.native_id
    return is_sound and not forms & set(erased.values())


def _erased(tx: Transaction, connection: Connection) -> dict[str, str]:
    """Senders who were erased of the companies whose messages come over this connection, and how they are compared."""
    companies = {route.company_id for route in tx.connections.routes(connection.id)} | {connection.company_id}
    erasures = tx.erasures.of({each for each in companies if each})
    return {each.sender: each.sender.casefold() for each in erasures if each.sender}


def _has(person: Person, keys: set[IdentityKey]) -> bool:
    return any(each.key in keys for each in person.identities)


def _people(tx: Transaction, company_id: str) -> People:
    return people_of(company_id, tx.identities.of(company_id), tx.identities.decisions(company_id))


def _open(proposals: Sequence[Proposal], proposal_id: UUID) -> Proposal:
    for each in proposals:
        if each.id == proposal_id:
            return each
    raise UsageError(f"proposal {proposal_id}: is not open; see `sago people proposals`")


def _note(decision: Decision, action: str, who: str, at: datetime, why: str) -> Note:
    return Note(at, who, action, str(decision.id), DEFAULT_FIRM, decision.company_id, why)
