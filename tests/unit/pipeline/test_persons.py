"""Who is who, from the vendor's list and from messages; decisions and their undoing; what an erasure takes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.connections import LEFT_ALONE, Connection, ConnectionState, Route, connection_id_of
from sago.domain.erasures import Erasure
from sago.domain.messages import Message
from sago.domain.persons import People
from sago.errors import UsageError
from sago.pipeline.disconnecting import take_connected
from sago.pipeline.persons import NAMES_FOR, Persons
from sago.ports import Identity
from sago.sources.senders import sender_of
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
ANA, BEN = Identity("U1", "Ana Diaz", "ana@scaleflow.example"), Identity("U2", "Ben Ito")
MAILBOX = "ana@scaleflow.example"


def connection(source: str = "slack", company: str | None = "scaleflow") -> Connection:
    account = f"{source}-{company}"
    known = connection_id_of(source, account)
    return Connection(id=known, source=source, account=account, name=account, company_id=company, created_at=NOW)


class House:
    def __init__(self) -> None:
        self.database, self.clock = MemoryDatabase(), ManualClock(NOW)
        self.persons = Persons(self.database, self.clock, sender_of)
        self.slack, self.gmail = self.connect(connection()), self.connect(connection("gmail"))

    def connect(self, connection: Connection, **routes: str) -> Connection:
        with self.database.begin() as tx:
            tx.connections.save(connection)
            tx.connections.keep_token(connection.id, b"sealed")
            tx.streams.ensure(connection.id, ["*"], NOW)
            for key, company in routes.items():
                tx.connections.route(Route(connection_id=connection.id, kind="container", key=key, company_id=company))
        return connection

    def erase(self, sender: str | None = None, company: str = "scaleflow", source: str | None = None) -> None:
        message_id = f"{source}:" if source else None
        why = {"because": "asked", "requested_by": "cli:dana", "requested_at": self.clock.now()}
        erasure = Erasure(id=uuid4(), company_id=company, sender=sender, message_id=message_id, **why)
        with self.database.begin() as tx:
            tx.erasures.add(erasure)
            take_connected(tx, erasure, self.clock.now())

    def groups(self, company: str = "scaleflow") -> set[frozenset[str]]:
        found = self.persons.people(company).persons
        return {frozenset(each.native_id for each in person.identities) for person in found}

    def later(self, **more: float) -> None:
        self.clock.sleep(timedelta(**more).total_seconds())


@pytest.fixture
def house() -> House:
    return House()


def mail(address: str = MAILBOX, name: str = "Ana Diaz", at: datetime = NOW, **more: Any) -> Message:
    headers = [{"name": "From", "value": f"{name} <{address}>" if name else address}]
    return Message.parse(
        {
            "id": f"gmail:{address}{at.timestamp()}",
            "company_id": "scaleflow",
            "source": "gmail",
            "sender": address,
            "sent_at": at,
            "text": "hello",
            "raw": {"payload": {"headers": headers}},
            **more,
        }
    )


def chat(user: str = "U1", name: str = "Ana Diaz", at: datetime = NOW, **more: Any) -> Message:
    raw = {"user": user, "user_profile": {"display_name": "", "real_name": name}}
    return Message.parse(
        {
            "id": f"slack:C1:{user}{at.timestamp()}",
            "company_id": "scaleflow",
            "source": "slack",
            "sender": name or user,
            "sent_at": at,
            "text": "hello",
            "raw": raw,
            **more,
        }
    )


def test_a_listed_user_and_a_mail_from_the_same_address_are_one_person(house: House) -> None:
    house.persons.keep(house.slack, [ANA, BEN, Identity("B1", "Deploys", is_bot=True)])
    house.persons.meet(house.gmail, [mail("Ana@Scaleflow.Example", "A. Diaz"), mail("info@scaleflow.example", "Info")])
    assert house.groups() == {frozenset({"U1", MAILBOX}), frozenset({"U2"})}
    assert house.persons.companies() == ["scaleflow"]


def test_the_sender_of_a_chat_message_is_known_before_any_list_was_read(house: House) -> None:
    house.persons.meet(house.slack, [chat(), chat("U2", ""), chat("U3", raw={"user": "U3", "bot_id": "B1"})])
    assert house.groups() == {frozenset({"U1"}), frozenset({"U2"})}
    assert house.persons.names(house.slack) == {"U1": "Ana Diaz"}


@pytest.mark.parametrize(
    "message",
    [
        chat(raw={"user": 7}), chat(raw={}), chat(raw_cut=True), chat(raw={"user": "U1", "team": "T0000IMPORT"}),
        chat(deleted=True, text=""), mail("nobody", ""), mail("a@b@c", ""), mail(raw={"payload": 7}, sender=""),
        chat(source="notes", id="notes:1"),
    ],
)  # fmt: skip
def test_a_message_that_names_no_sender_leaves_nobody(house: House, message: Message) -> None:
    house.persons.meet(house.slack, [message])
    assert house.persons.companies() == []


@pytest.mark.parametrize("name", ["(" * 3000, f"=?utf-8?b?{'KCgo' * 1000}?=", "a:" * 3000])
def test_a_name_nested_as_nobody_writes_it_holds_nobody_up(house: House, name: str) -> None:
    house.persons.meet(house.gmail, [mail(MAILBOX, name), mail("kim@scaleflow.example", "Kim")])
    assert house.groups() == {frozenset({MAILBOX}), frozenset({"kim@scaleflow.example"})}


def test_a_display_name_of_someone_else_is_not_taken_for_the_mailbox(house: House) -> None:
    house.persons.meet(
        house.gmail, [mail(raw={"payload": {"headers": [{"name": "From", "value": "X <x@y.example>"}]}})]
    )
    assert house.persons.people("scaleflow").persons[0].identities[0].name == ""


@pytest.mark.parametrize("name", ["ben@scaleflow.example", '"ben@scaleflow.example,"', "Ben <ben@scaleflow.example>"])
def test_an_address_in_a_display_name_is_nobodys(house: House, name: str) -> None:
    house.persons.meet(house.gmail, [mail(name=name)])
    (person,) = house.persons.people("scaleflow").persons
    assert [(each.native_id, each.name) for each in person.identities] == [(MAILBOX, "")]


def test_names_stay_as_texts_first_showed_them_and_are_asked_for_once_a_minute(house: House) -> None:
    house.persons.keep(house.slack, [ANA])
    assert house.persons.names(house.slack) == {"U1": "Ana Diaz"}
    house.later(hours=1)
    house.persons.keep(house.slack, [ANA._replace(name="Ana Ito"), BEN])
    assert house.persons.names(house.slack) == {"U1": "Ana Diaz", "U2": "Ben Ito"}
    assert house.persons.people("scaleflow").persons[0].name == "Ana Ito"
    with house.database.begin() as tx:
        tx.identities.forget_all(house.slack.id)
    assert house.persons.names(house.slack)
    house.later(seconds=NAMES_FOR + 1)
    assert house.persons.names(house.slack) == {}


def test_when_somebody_was_first_seen_does_not_depend_on_the_order_of_messages(house: House) -> None:
    house.persons.meet(house.gmail, [mail(at=NOW), mail(at=NOW - timedelta(days=2))])
    house.persons.meet(house.gmail, [mail(at=NOW - timedelta(minutes=5)), mail(at=NOW - timedelta(days=3))])
    house.persons.meet(house.gmail, [mail(at=NOW + timedelta(days=3))])
    (person,) = house.persons.people("scaleflow").persons
    assert person.identities[0].since == NOW - timedelta(days=3)
    assert person.identities[0].seen_at == NOW + timedelta(days=3)


def test_who_was_met_just_now_is_not_written_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.persons.meet(house.gmail, [mail()])
    monkeypatch.setattr(house, "database", None)
    object.__setattr__(house.persons, "database", None)
    house.persons.meet(house.gmail, [mail(at=NOW + timedelta(minutes=59))])


def test_nothing_crosses_companies(house: House) -> None:
    both = house.connect(connection("gmail", None), C1="scaleflow", C2="acme")
    house.persons.meet(both, [mail("dana@fund.example", "Dana"), mail("dana@fund.example", "Dana", company_id="acme")])
    house.persons.meet(house.slack, [chat("U9", "Dana Fox")])
    (one,) = [each for each in house.persons.people("scaleflow").persons if each.addresses]
    (other,) = house.persons.people("acme").persons
    assert one.addresses == other.addresses
    assert one.id != other.id
    assert house.groups("acme") == {frozenset({"dana@fund.example"})}


def test_decisions_are_told_to_the_audit_log_and_stay_there(house: House) -> None:
    house.persons.meet(house.slack, [chat()])
    house.persons.meet(house.gmail, [mail("ana.diaz@home.example", "")])
    (proposal,) = house.persons.people("scaleflow").proposals
    with pytest.raises(UsageError, match="is not open"):
        house.persons.decide("acme", proposal.id, "confirmed", "cli:dana")
    decision = house.persons.decide("scaleflow", proposal.id, "confirmed", "cli:dana", "same writing")
    assert house.groups() == {frozenset({"U1", "ana.diaz@home.example"})}
    with pytest.raises(UsageError, match="is not open"):
        house.persons.decide("scaleflow", proposal.id, "rejected", "cli:dana")
    house.persons.undo(decision, "cli:ben")
    with pytest.raises(UsageError, match="is not in force"):
        house.persons.undo(decision, "cli:ben")
    assert house.persons.people("scaleflow").proposals == (proposal,)
    log = [(entry.who, entry.action, entry.why) for entry in house.database.state.audit_log]
    assert log == [("cli:dana", "person.confirmed", "same writing"), ("cli:ben", "person.undone", "")]
    assert {entry.subject for entry in house.database.state.audit_log} == {str(proposal.id)}


@given(st.lists(st.tuples(st.sampled_from(["confirmed", "rejected", "undo"]), st.integers(0, 99)), max_size=14))
def test_undoing_restores_exactly_what_was_before(steps: list[tuple[str, int]]) -> None:
    house = House()
    names = ["Ana Diaz", "Ana Diaz", "Ben Ito", "Ben Ito", "Ana Diaz"]
    house.persons.keep(house.slack, [Identity(f"U{number}", name) for number, name in enumerate(names)])
    house.persons.meet(house.gmail, [mail("ana.diaz@x.example", ""), mail("bito@x.example", "Ben")])
    before: list[tuple[People, UUID]] = []
    for step, pick in steps:
        found = house.persons.people("scaleflow")
        if step != "undo" and found.proposals:
            chosen = found.proposals[pick % len(found.proposals)]
            house.persons.decide("scaleflow", chosen.id, step, "cli:dana")  # type: ignore[arg-type]
            before.append((found, chosen.id))
        elif before:
            was, decision_id = before.pop()
            (decision,) = [each for each in house.persons.decisions("scaleflow") if each.id == decision_id]
            house.persons.undo(decision, "cli:dana")
            assert house.persons.people("scaleflow") == was
    assert {each.id for each in house.persons.decisions("scaleflow")} == {each for _, each in before}


def test_an_erased_sender_is_forgotten_and_comes_back_neither_by_list_nor_by_message(house: House) -> None:
    house.persons.keep(house.slack, [ANA, BEN])
    forms = house.persons.senders("scaleflow", "ana diaz", whole=False)
    assert forms.theirs == ("ana diaz", "U1", MAILBOX)
    for form in forms.theirs:
        house.erase(form)
    assert house.groups() == {frozenset({"U2"})}
    house.persons.keep(house.slack, [ANA._replace(name="Ana Newname", address=""), BEN])
    house.persons.meet(house.slack, [chat()])
    house.persons.meet(house.gmail, [mail()])
    assert house.groups() == {frozenset({"U2"})}
    names = house.persons.names(house.slack)
    assert names["U1"] == "U1", "a later message of theirs must have a sender that the erasure covers"
    assert names["U2"] == "Ben Ito"


def test_asked_for_the_person_all_their_accounts_are_named(house: House) -> None:
    house.persons.keep(house.slack, [ANA, BEN])
    house.persons.meet(house.gmail, [mail(name="A. D.")])
    house.persons.meet(house.gmail, [mail("ana.diaz@home.example", "")])
    alone = house.persons.senders("scaleflow", "U1", whole=False)
    assert set(alone.theirs) == {"U1", "Ana Diaz"}
    assert alone.shared == ()
    whole = house.persons.senders("scaleflow", "U1", whole=True)
    assert set(whole.theirs) == {"U1", "Ana Diaz", MAILBOX, "A. D."}
    assert whole.shared == ()
    (proposal,) = house.persons.people("scaleflow").proposals
    house.persons.decide("scaleflow", proposal.id, "confirmed", "cli:dana")
    assert "ana.diaz@home.example" in house.persons.senders("scaleflow", "U1", whole=True).theirs


def test_a_name_that_another_person_bears_too_is_left_to_be_asked_for(house: House) -> None:
    other = house.connect(connection("slack", "second").model_copy(update={"company_id": "scaleflow"}))
    house.persons.keep(house.slack, [ANA])
    house.persons.keep(other, [Identity("U9", "Ana Diaz", "diaz@elsewhere.example")])
    found = house.persons.senders("scaleflow", "U1", whole=True)
    assert (found.theirs, found.shared) == (("U1", MAILBOX), ("Ana Diaz",))


def test_who_was_erased_is_named_no_more_also_where_only_the_vendors_list_or_another_company_knows_them(
    house: House,
) -> None:
    both = house.connect(connection("slack", None), C1="scaleflow", C2="acme")
    house.persons.keep(both, [ANA, Identity("U5", "Eve", "eve@acme.example")])
    house.persons.meet(both, [chat("U5", "Eve", company_id="acme")])
    for sender in (MAILBOX, "eve@acme.example"):
        house.erase(sender)
    assert house.persons.names(both) == {sender: sender for sender in ("U5", MAILBOX, "eve@acme.example")}
    assert house.groups("acme") == {frozenset({"U5"})}


def test_a_company_that_nobody_shares_any_more_is_disconnected(house: House) -> None:
    both = house.connect(connection("slack", None), C1="scaleflow", C2="acme")
    house.persons.keep(house.slack, [ANA])
    house.persons.meet(both, [chat("U5", "Eve"), chat("U5", "Eve", company_id="acme"), chat("U6", "Fay")])
    house.erase()
    with house.database.begin() as tx:
        assert tx.identities.companies() == ["acme"]
        assert tx.erasures.left_of_company("scaleflow") == {}
        gone = [tx.connections.get(each.id) for each in (house.slack, house.gmail)]
        assert {each.state for each in gone if each} == {ConnectionState.REMOVED}
        assert tx.connections.token(house.slack.id) is None
        assert tx.streams.of(house.gmail.id) == []
        assert tx.identities.names(house.slack.id) == {}
        kept = tx.connections.get(both.id)
        assert kept is not None
        assert kept.state is ConnectionState.ACTIVE
        assert [route.company_id for route in tx.connections.routes(both.id)] == [LEFT_ALONE, "acme"]
        assert tx.connections.token(both.id) == b"sealed"
        assert tx.identities.names(both.id) == {"U5": "Eve"}


def test_a_source_that_nobody_shares_any_more_is_disconnected_alone(house: House) -> None:
    house.persons.keep(house.slack, [ANA])
    house.persons.meet(house.gmail, [mail()])
    house.erase(source="slack")
    with house.database.begin() as tx:
        assert tx.erasures.left_of_company("scaleflow", ["slack"]) == {}
        assert tx.erasures.left_of_company("scaleflow", ["gmail"]) == {
            "identities": 1, "streams": 1, "tokens": 1,
        }  # fmt: skip
    assert house.groups() == {frozenset({MAILBOX})}


def test_a_default_company_that_ends_leaves_the_connection_to_the_others(house: House) -> None:
    shared = house.connect(connection("slack", "acme"), C1="scaleflow")
    house.erase(company="acme")
    with house.database.begin() as tx:
        kept = tx.connections.get(shared.id)
    assert kept is not None
    assert (kept.state, kept.company_id) == (ConnectionState.ACTIVE, None)


def test_a_connection_only_for_that_company_by_its_channels_is_let_go(house: House) -> None:
    routed = house.connect(connection("slack", None), C1="acme")
    house.erase(company="acme")
    with house.database.begin() as tx:
        kept = tx.connections.get(routed.id)
    assert kept is not None
    assert (kept.state, kept.reason) == (ConnectionState.REMOVED, "the founder ended the share that it rested on")
