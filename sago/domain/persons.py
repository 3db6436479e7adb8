"""Which identities of a company are one person: those with one address, for certain; others only by a decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import NamedTuple
from uuid import UUID, uuid5

from sago.domain.identities import PERSONS, Decision, IdentityKey, Participant, Person, Proposal, proposal_id
from sago.domain.mailboxes import first_name, full_name, mailbox_of, mailboxes_of
from sago.domain.mails import address_of


class People(NamedTuple):
    """A company's persons by the time they were first seen, and those of them that may be one."""

    persons: tuple[Person, ...]
    proposals: tuple[Proposal, ...]


class _Match(NamedTuple):
    """Why two identities may be one person's; the strongest reason first."""

    rank: int
    pair: tuple[IdentityKey, IdentityKey]
    reason: str


def people_of(company_id: str, identities: Collection[Participant], decisions: Collection[Decision]) -> People:
    """The persons of one company, and the proposals that nobody has decided on. Of identities that are not known any
    more, or are no person's, decisions say nothing."""
    known = {each.key: each for each in identities if each.is_person}
    groups = _groups(known, [each for each in decisions if each.verdict == "confirmed"])
    persons = {key: _person(company_id, [known[each] for each in keys]) for keys in groups for key in keys}
    apart = {
        frozenset({persons[each.one].id, persons[each.other].id})
        for each in decisions
        if each.verdict == "rejected" and {each.one, each.other} <= persons.keys()
    }
    everybody = {person.id: person for person in persons.values()}
    proposals: dict[frozenset[UUID], Proposal] = {}
    for match in sorted(_matches(list(everybody.values()))):
        both = frozenset(persons[key].id for key in match.pair)
        if len(both) == 2 and both not in apart and both not in proposals:
            proposals[both] = _proposal(company_id, known, match)
    by_age = sorted(everybody.values(), key=lambda each: _age(each.identities[0]))
    return People(tuple(by_age), tuple(proposals.values()))


def _groups(known: dict[IdentityKey, Participant], confirmed: Collection[Decision]) -> list[set[IdentityKey]]:
    """The identities of each person, by address and by confirmed proposal."""
    group_of = {key: {key} for key in known}

    def join(one: IdentityKey, other: IdentityKey) -> None:
        if group_of[one] is not group_of[other]:
            both = group_of[one] | group_of[other]
            group_of.update(dict.fromkeys(both, both))

    first: dict[str, IdentityKey] = {}
    for key, each in known.items():
        if each.address:
            join(key, first.setdefault(address_of(each.address), key))
    for decision in confirmed:
        if {decision.one, decision.other} <= known.keys():
            join(decision.one, decision.other)
    return list({id(group): group for group in group_of.values()}.values())


def _age(identity: Participant) -> tuple[object, ...]:
    return identity.since, identity.source, identity.key


def _person(company_id: str, identities: list[Participant]) -> Person:
    """Known by the identity that was seen first."""
    theirs = sorted(identities, key=_age)
    return Person(id=uuid5(PERSONS, f"{company_id}:{theirs[0].key}"), identities=tuple(theirs))


def _proposal(company_id: str, known: dict[IdentityKey, Participant], match: _Match) -> Proposal:
    one, other = match.pair
    return Proposal(id=proposal_id(company_id, one, other), one=known[one], other=known[other], reason=match.reason)


def _match(rank: int, left: Participant, right: Participant, reason: str) -> _Match:
    return _Match(rank, (min(left.key, right.key), max(left.key, right.key)), reason)


def _matches(persons: list[Person]) -> Iterator[_Match]:
    """Between persons, each pair once or more."""
    yield from _by_name(persons)
    yield from _by_mailbox(persons)
    yield from _by_first_name(persons)


def _by_name(persons: list[Person]) -> Iterator[_Match]:
    """The same full name, where one of the two has no address that could tell them apart."""
    called: defaultdict[tuple[str, ...], list[tuple[Person, Participant]]] = defaultdict(list)
    for person in persons:
        for identity in person.identities:
            if name := full_name(identity.name):
                called[name].append((person, identity))
    for same in called.values():
        for (one, left), (other, right) in combinations(same, 2):
            if one.id != other.id and not (one.addresses and other.addresses):
                reason = f"both are called {left.name}, and one has no address to compare"
                yield _match(0, left, right, reason)


def _by_mailbox(persons: list[Person]) -> Iterator[_Match]:
    """A name, and another person's mailbox that is made of it."""
    boxes = _boxes(persons)
    for person in persons:
        for named in person.identities:
            for box in sorted(mailboxes_of(named.name)):
                for owner, identity in boxes.get(box, ()):
                    if owner.id != person.id:
                        reason = f"the name {named.name} fits the mailbox {identity.address}"
                        yield _match(1, named, identity, reason)


def _by_first_name(persons: list[Person]) -> Iterator[_Match]:
    """A mailbox that is a first name, where only one person is called so and only one has such a mailbox."""
    boxes = _boxes(persons)
    called: defaultdict[str, dict[UUID, Participant]] = defaultdict(dict)
    for person in persons:
        for identity in person.identities:
            if name := first_name(identity.name):
                called[name].setdefault(person.id, identity)
    for name, bearers in called.items():
        owners = {person.id: identity for person, identity in boxes.get(name, ())}
        without = {person.id for person in persons if person.id in bearers and not person.addresses}
        if len(bearers) == len(owners) == 1 and without == bearers.keys() != owners.keys():
            (named,), (owner,) = bearers.values(), owners.values()
            reason = f"the first name of {named.name}, and of nobody else, fits the mailbox {owner.address}"
            yield _match(2, named, owner, reason)


def _boxes(persons: list[Person]) -> dict[str, list[tuple[Person, Participant]]]:
    found: defaultdict[str, list[tuple[Person, Participant]]] = defaultdict(list)
    for person in persons:
        for identity in person.identities:
            if identity.address and (box := mailbox_of(identity.address)):
                found[box].append((person, identity))
    return dict(found)
