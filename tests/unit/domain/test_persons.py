"""Who is one person: for certain by address, else only where somebody says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.connections import connection_id_of
from sago.domain.identities import Decision, IdentityKey, Participant, Proposal
from sago.domain.mailboxes import is_role
from sago.domain.persons import People, people_of

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SLACK, OTHER, GMAIL = (connection_id_of(source, "1") for source in ("slack", "slack2", "gmail"))


def slack(native_id: str, name: str = "", address: str = "", where: UUID = SLACK, **more: object) -> Participant:
    values = {"source": "slack", "since": NOW, "seen_at": NOW, "is_bot": False, "shown_as": name, **more}
    return Participant.model_validate(
        {"connection_id": where, "native_id": native_id, "name": name, "address": address, **values}
    )


def mail(address: str, name: str = "", **more: object) -> Participant:
    return slack(address.lower(), name, address, GMAIL, source="gmail", **more)


def persons(*identities: Participant, decisions: tuple[Decision, ...] = (), company: str = "scaleflow") -> People:
    return people_of(company, identities, decisions)


def groups(found: People) -> set[frozenset[str]]:
    return {frozenset(each.native_id for each in person.identities) for person in found.persons}


def reasons(found: People) -> list[str]:
    return [each.reason for each in found.proposals]


def decided(proposal: Proposal, verdict: str = "confirmed", company: str = "scaleflow") -> Decision:
    keys = {"one": proposal.one.key, "other": proposal.other.key}
    return Decision(company_id=company, verdict=verdict, reason=proposal.reason, who="cli:dana", at=NOW, **keys)


def test_one_address_in_slack_and_mail_is_one_person_whatever_the_names() -> None:
    found = persons(slack("U1", "Ana", "Ana@X.example "), mail("ana@x.example", "A. Diaz"), mail("ben@x.example"))
    assert groups(found) == {frozenset({"U1", "ana@x.example"}), frozenset({"ben@x.example"})}
    assert found.proposals == ()


def test_nothing_is_clever_about_dots_and_plus_signs() -> None:
    found = persons(mail("ana.diaz@x.example"), mail("anadiaz@x.example"), mail("ana.diaz+news@x.example"))
    assert len(found.persons) == 3


def test_one_person_with_two_slack_accounts_is_one_by_address_and_else_a_proposal() -> None:
    same = persons(slack("U1", "Ana", "ana@x.example"), slack("U7", "Ana D", "ana@x.example", OTHER))
    assert groups(same) == {frozenset({"U1", "U7"})}
    alike = persons(slack("U1", "Ana Diaz", "ana@x.example"), slack("U7", "ana díaz", where=OTHER))
    assert len(alike.persons) == 2
    assert reasons(alike) == ["both are called Ana Diaz, and one has no address to compare"]


def test_two_people_of_one_name_with_two_addresses_are_not_even_proposed() -> None:
    assert reasons(persons(slack("U1", "Ana Diaz", "a@x.example"), slack("U2", "Ana Diaz", "b@y.example"))) == []


def test_one_word_is_no_name_to_go_by() -> None:
    assert reasons(persons(slack("U1", "Ana"), slack("U2", "Ana"), slack("U3", "Ben Ito"))) == []


@pytest.mark.parametrize("address", ["ana.diaz@y.example", "adiaz@y.example", "Diaz_Ana@y.example", "anad+1@y.example"])
def test_a_name_and_a_mailbox_that_fit_are_proposed(address: str) -> None:
    found = persons(slack("U1", "Ana Díaz", "a@x.example"), mail(address))
    assert len(found.persons) == 2
    assert reasons(found) == [f"the name Ana Díaz fits the mailbox {address}"]


def test_a_first_name_fits_only_where_it_can_be_nobody_elses() -> None:
    assert reasons(persons(slack("U1", "Ana Diaz"), mail("ana@x.example"))) == [
        "the first name of Ana Diaz, and of nobody else, fits the mailbox ana@x.example"
    ]
    assert reasons(persons(slack("U1", "Ana Diaz"), slack("U2", "Ana Ito"), mail("ana@x.example"))) == []
    assert reasons(persons(slack("U1", "Ana Diaz"), mail("ana@x.example"), mail("ana@y.example"))) == []
    assert reasons(persons(slack("U1", "Ana Diaz", "a@x.example"), mail("ana@x.example"))) == []


@pytest.mark.parametrize(
    "address",
    [
        "info@x.example", "No-Reply@x.example", "do_not_reply@x.example", "jira-noreply@x.example",
        "notifications+ab12@x.example", "bounce-77@x.example", "support+7@x.example", "team@lists.x.example",
        "founders@x.googlegroups.example", "MAILER-DAEMON@x.example", "engineering@x.example", "hey@x.example",
        "all@x.example", "Kontakt@x.example", "büro@x.example", "rechnungen@x.example", "comptabilité@x.example",
        "accueil@x.example", "contacto@x.example", "faturamento@x.example", "segreteria@x.example",
        "boekhouding@x.example", "biuro@x.example", "kundtjänst@x.example",
    ],
)  # fmt: skip
def test_a_role_address_is_nobody(address: str) -> None:
    assert is_role(address)
    found = persons(mail(address, "Ana Diaz"), slack("U1", "Ana Diaz"), slack("U2", "Ben Ito", address))
    assert groups(found) == {frozenset({"U1"})}
    assert found.proposals == ()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana@x.example",
        "salesa@x.example",
        "information.k@x.example",
        "root66@x.example",
        "mark.ops@x.example",
        "ola@x.example",
    ],
)
def test_an_address_of_a_person_is_none(address: str) -> None:
    assert not is_role(address)


def test_a_bot_is_nobody() -> None:
    assert groups(persons(slack("B1", "Ana Diaz", is_bot=True), slack("U1", "Ana Diaz"))) == {frozenset({"U1"})}


def test_a_confirmed_proposal_joins_and_a_rejected_one_is_not_made_again() -> None:
    both = slack("U1", "Ana Diaz"), mail("ana.diaz@x.example", "Ana Diaz")
    (proposal,) = persons(*both).proposals
    joined = persons(*both, decisions=(decided(proposal),))
    assert groups(joined) == {frozenset({"U1", "ana.diaz@x.example"})}
    assert joined.proposals == ()
    apart = persons(*both, decisions=(decided(proposal, "rejected"),))
    assert (len(apart.persons), apart.proposals) == (2, ())


def test_a_rejection_holds_for_the_persons_and_not_for_two_accounts_alone() -> None:
    both = slack("U1", "Ana Diaz"), mail("ana.diaz@x.example", "Ana Diaz")
    rejected = decided(persons(*both).proposals[0], "rejected")
    more = slack("U9", "Ana Diaz", "ana.diaz@x.example", OTHER)
    found = persons(*both, more, decisions=(rejected,))
    assert groups(found) == {frozenset({"U1"}), frozenset({"ana.diaz@x.example", "U9"})}
    assert found.proposals == ()


def test_an_address_that_moves_to_another_account_takes_the_mailbox_along() -> None:
    box = mail("ana@x.example")
    before = persons(slack("U1", "Ana Diaz", "ana@x.example"), slack("U2", "Ana Ito", "ito@x.example"), box)
    after = persons(slack("U1", "Ana Diaz", "diaz@x.example"), slack("U2", "Ana Ito", "ana@x.example"), box)
    assert groups(before) == {frozenset({"U1", "ana@x.example"}), frozenset({"U2"})}
    assert groups(after) == {frozenset({"U2", "ana@x.example"}), frozenset({"U1"})}


def test_a_name_that_changes_keeps_the_person_and_what_was_decided() -> None:
    old = slack("U1", "Ana Diaz"), mail("ana.diaz@x.example", "Ana Diaz")
    yes = decided(persons(*old).proposals[0])
    new = slack("U1", "Ana Ito"), old[1]
    assert groups(persons(*new, decisions=(yes,))) == {frozenset({"U1", "ana.diaz@x.example"})}
    assert persons(*new, decisions=(yes,)).persons[0].id == persons(*old, decisions=(yes,)).persons[0].id
    assert groups(persons(*new)) == {frozenset({"U1"}), frozenset({"ana.diaz@x.example"})}


def test_a_decision_on_somebody_who_is_gone_says_nothing() -> None:
    both = slack("U1", "Ana Diaz"), mail("ana.diaz@x.example", "Ana Diaz")
    for verdict in ("confirmed", "rejected"):
        kept = decided(persons(*both).proposals[0], verdict)
        assert groups(persons(both[0], decisions=(kept,))) == {frozenset({"U1"})}


def test_the_same_address_in_two_companies_makes_two_persons() -> None:
    (one,), (other,) = (persons(mail("dana@fund.example"), company=name).persons for name in ("scaleflow", "acme"))
    assert one.id != other.id


def test_a_person_is_called_by_the_fullest_name_else_by_an_address() -> None:
    assert persons(slack("U1", "ana", "a@x.example"), mail("a@x.example", "Ana Diaz")).persons[0].name == "Ana Diaz"
    assert persons(mail("a@x.example")).persons[0].name == "a@x.example"
    assert persons(slack("U1")).persons[0].name == "U1"


NAMES = ["", "Ana Diaz", "Ana Ito", "Ben Diaz", "Ana"]
ADDRESSES = ["", "ana.diaz@x.example", "adiaz@x.example", "ana@x.example", "ben@y.example", "info@x.example"]
CROWDS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(ADDRESSES)), min_size=2, max_size=9)


def crowd(drawn: list[tuple[str, str]]) -> list[Participant]:
    return [
        slack(f"U{number}", name, address, (SLACK, OTHER)[number % 2], since=NOW + timedelta(minutes=number % 3))
        for number, (name, address) in enumerate(drawn)
    ]


@given(CROWDS, st.randoms(use_true_random=False))
def test_identities_may_come_in_any_order(drawn: list[tuple[str, str]], random: Random) -> None:
    identities = crowd(drawn)
    shuffled = random.sample(identities, len(identities))
    assert people_of("scaleflow", shuffled, ()) == people_of("scaleflow", identities, ())


@given(CROWDS, st.lists(st.tuples(st.sampled_from(["confirmed", "rejected", "undo"]), st.integers(0, 99)), max_size=12))
def test_a_decision_that_is_undone_leaves_no_trace(drawn: list[tuple[str, str]], steps: list[tuple[str, int]]) -> None:
    identities = crowd(drawn)
    in_force: list[Decision] = []
    for step, pick in steps:
        before = persons(*identities, decisions=tuple(in_force))
        if step == "undo":
            if in_force:
                in_force.pop(pick % len(in_force))
            continue
        if not before.proposals:
            continue
        proposal = before.proposals[pick % len(before.proposals)]
        after = persons(*identities, decisions=(*in_force, decided(proposal, step)))
        assert proposal.id not in {each.id for each in after.proposals}
        assert len(after.persons) == len(before.persons) - (step == "confirmed")
        in_force.append(decided(proposal, step))
    found = persons(*identities, decisions=tuple(in_force))
    assert {key for person in found.persons for key in _keys(person.identities)} == _keys(
        each for each in identities if each.is_person
    )
    apart = [each for each in in_force if each.verdict == "rejected"]
    together = {key: person.id for person in found.persons for key in _keys(person.identities)}
    assert all(
        {together[each.one.key], together[each.other.key]} != {together[no.one], together[no.other]}
        for each in found.proposals
        for no in apart
    )


def _keys(identities: object) -> set[IdentityKey]:
    return {each.key for each in identities}  # type: ignore[attr-defined]
