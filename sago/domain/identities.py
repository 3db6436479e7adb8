"""Who is who over a company's accounts: the identities that vendors know, the persons they make, and what people
decided where that is doubtful.

Persons are a fold of the identities as they are now and of the decisions in force; nothing else is kept of them. So
identities may come in any order, and a decision that is undone leaves no trace in who is who.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

from sago.domain.mailboxes import is_role
from sago.domain.mails import address_of
from sago.domain.messages import CompanyId, Moment

LONGEST_NAME = 200
"""Characters of a name that are kept."""
PERSONS = UUID("0f6f9a52-1a63-4a0a-8b4b-55b8a1b4f3d7")
"""What ids of persons and proposals are made under."""


class IdentityKey(NamedTuple):
    """Names an identity: the connection, and the id that its vendor gives."""

    connection_id: UUID
    native_id: str

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.native_id}"


class Sighting(NamedTuple):
    """What was learned of an identity at a moment: from the vendor's list of people, or from a message of theirs."""

    native_id: str
    name: str
    address: str
    is_bot: bool
    at: datetime
    is_listed: bool
    """From the vendor's list: there an empty address is one that was taken away."""


class KnownIdentity(BaseModel):
    """A person, or what writes like one, as one account at a vendor knows them."""

    model_config = ConfigDict(frozen=True)

    connection_id: UUID
    native_id: str
    name: str
    """As the vendor has it now."""
    shown_as: str
    """How texts show them: the first name that was known, nobody else's in the connection, and never changed, so that
    one message read twice is the same. Empty while no name is known."""
    address: str
    is_bot: bool
    seen_at: Moment

    @property
    def key(self) -> IdentityKey:
        return IdentityKey(self.connection_id, self.native_id)

    @property
    def forms(self) -> tuple[str, ...]:
        """How senders of stored messages may name them."""
        return tuple(dict.fromkeys(form for form in (self.shown_as, self.native_id, self.address) if form))

    def is_named(self, sender: str) -> bool:
        """Whether a sender is one of its forms, upper and lower case alike."""
        return sender.casefold() in {form.casefold() for form in self.forms}


class Participant(KnownIdentity):
    """An identity in the streams of one company."""

    source: str
    since: Moment
    """When they were first seen there."""

    @property
    def is_person(self) -> bool:
        """Whether one person is behind it: no program, and no mailbox of an office or a list."""
        return not self.is_bot and not is_role(self.address)


class Decision(BaseModel):
    """What somebody decided of a proposal; the reasons are those of the proposal."""

    model_config = ConfigDict(frozen=True)

    company_id: CompanyId
    one: IdentityKey
    other: IdentityKey
    verdict: Literal["confirmed", "rejected"]
    reason: str
    who: str
    at: Moment

    @property
    def id(self) -> UUID:
        """The proposal's."""
        return proposal_id(self.company_id, self.one, self.other)


class Person(BaseModel):
    """One person of a company, by the identities that are theirs, oldest first."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    identities: tuple[Participant, ...]

    @property
    def name(self) -> str:
        """The fullest there is, else an address or an id."""
        names = [each.name for each in self.identities if each.name]
        first = self.identities[0]
        return max(names, key=lambda name: len(name.split()), default=first.address or first.native_id)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Each once, as mail addresses are compared."""
        return tuple(dict.fromkeys(address_of(each.address) for each in self.identities if each.address))


class Proposal(BaseModel):
    """Two persons that may be one."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    one: Participant
    other: Participant
    reason: str


def proposal_id(company_id: str, one: IdentityKey, other: IdentityKey) -> UUID:
    """The same for the same two identities of a company."""
    first, second = sorted((one, other))
    return uuid5(PERSONS, f"{company_id}:{first}:{second}")


def updated(known: KnownIdentity, seen: Sighting) -> KnownIdentity:
    """The identity after a sighting: what is newer counts, and what is older fills what is empty."""
    is_newer = seen.at >= known.seen_at
    name = (seen.name if is_newer else known.name) or known.name or seen.name
    address = (seen.address if is_newer else known.address) or known.address or seen.address
    if seen.is_listed and is_newer:
        address = seen.address
    return known.model_copy(
        update={
            "name": name[:LONGEST_NAME],
            "address": address,
            "is_bot": seen.is_bot if seen.is_listed else known.is_bot,
            "seen_at": max(known.seen_at, seen.at),
        }
    )


def first_seen(connection_id: UUID, seen: Sighting) -> KnownIdentity:
    """A new identity; not shown by any name yet."""
    return KnownIdentity(
        connection_id=connection_id,
        native_id=seen.native_id,
        name=seen.name[:LONGEST_NAME],
        shown_as="",
        address=seen.address,
        is_bot=seen.is_bot,
        seen_at=seen.at,
    )


def merged(
    connection_id: UUID, known: Collection[KnownIdentity], seen: Iterable[Sighting], shown: Iterable[str]
) -> list[KnownIdentity]:
    """Identities of a connection after these sightings, those that changed or are new; `shown` are the names by which
    others in the connection are shown already."""
    before = {each.native_id: each for each in known}
    after = dict(before)
    for each in seen:
        held = after.get(each.native_id)
        after[each.native_id] = updated(held, each) if held else first_seen(connection_id, each)
    taken = {name.casefold() for name in shown}
    for native_id, identity in after.items():
        if identity.name and not identity.shown_as:
            name = identity.name
            unique = name if name.casefold() not in taken else f"{name} ({native_id})"
            taken.add(unique.casefold())
            after[native_id] = identity.model_copy(update={"shown_as": unique})
    return [identity for native_id, identity in after.items() if identity != before.get(native_id)]
