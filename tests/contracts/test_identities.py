"""Who is who: in memory and in Postgres alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sago.domain.connections import Connection, connection_id_of
from sago.domain.identities import Decision, IdentityKey, Sighting
from sago.ports import Database

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SLACK, GMAIL = connection_id_of("slack", "T1"), connection_id_of("gmail", "ana@scaleflow.example")


def listed(native_id: str, name: str = "", address: str = "", at: datetime = NOW, *, is_bot: bool = False) -> Sighting:
    return Sighting(native_id, name, address, is_bot, at, is_listed=True)


def met(native_id: str, name: str = "", address: str = "", at: datetime = NOW) -> Sighting:
    return Sighting(native_id, name, address, is_bot=False, at=at, is_listed=False)


def connected(database: Database) -> None:
    with database.begin() as tx:
        for source, account in (("slack", "T1"), ("gmail", "ana@scaleflow.example")):
            known = connection_id_of(source, account)
            tx.connections.save(Connection(id=known, source=source, account=account, name=account, created_at=NOW))


def see(database: Database, *seen: Sighting, company: str | None = "scaleflow") -> None:
    with database.begin() as tx:
        tx.identities.see(SLACK, company, seen)


def decision(one: str, other: str, verdict: str = "confirmed", at: datetime = NOW) -> Decision:
    keys = {"one": IdentityKey(SLACK, one), "other": IdentityKey(SLACK, other)}
    return Decision(company_id="scaleflow", verdict=verdict, reason="alike", who="cli:dana", at=at, **keys)


def test_an_identity_is_kept_with_its_company_and_its_source(database: Database) -> None:
    connected(database)
    see(database, listed("U2", "Ben", is_bot=True), listed("U1", "Ana Diaz", "Ana@Scaleflow.example"))
    with database.begin() as tx:
        tx.identities.see(GMAIL, "scaleflow", [met("ana@scaleflow.example", "", "ana@scaleflow.example", LATER)])
        tx.identities.see(GMAIL, "other", [met("ana@scaleflow.example", "", "ana@scaleflow.example", LATER)])
        found = tx.identities.of("scaleflow")
        assert tx.identities.companies() == ["other", "scaleflow"]
        assert {(each.source, each.native_id, each.since) for each in found} == {
            ("slack", "U1", NOW),
            ("slack", "U2", NOW),
            ("gmail", "ana@scaleflow.example", LATER),
        }
        assert [each.key for each in found] == sorted(each.key for each in found)
        ana = next(each for each in found if each.native_id == "U1")
        assert (ana.name, ana.shown_as, ana.address) == ("Ana Diaz", "Ana Diaz", "Ana@Scaleflow.example")
        assert {each.native_id for each in found if each.is_bot} == {"U2"}
        assert len(tx.identities.of("other")) == 1


def test_texts_show_a_person_by_the_first_name_and_by_one_that_nobody_else_has(database: Database) -> None:
    connected(database)
    see(database, listed("U1"), listed("U2", "Ana"))
    with database.begin() as tx:
        assert tx.identities.names(SLACK) == {"U2": "Ana"}
    see(database, listed("U1", "ana", at=LATER), listed("U2", "Ana Maria", at=LATER))
    see(database, listed("U3", "Ana Maria", at=LATER))
    with database.begin() as tx:
        assert tx.identities.names(SLACK) == {"U1": "ana (U1)", "U2": "Ana", "U3": "Ana Maria"}
        assert tx.identities.names(GMAIL) == {}
        assert [each.name for each in tx.identities.of("scaleflow")] == ["ana", "Ana Maria", "Ana Maria"]


def test_a_list_takes_an_address_away_and_a_message_does_not(database: Database) -> None:
    connected(database)
    see(database, listed("U1", "Ana", "a@x.example"))
    see(database, met("U1", at=LATER))
    with database.begin() as tx:
        assert [(each.name, each.address) for each in tx.identities.of("scaleflow")] == [("Ana", "a@x.example")]
    see(database, listed("U1", "Ana", "", LATER))
    with database.begin() as tx:
        assert [(each.name, each.address) for each in tx.identities.of("scaleflow")] == [("Ana", "")]


def test_what_is_older_changes_nothing_but_when_somebody_was_first_seen(database: Database) -> None:
    connected(database)
    see(database, met("U1", "Ana Diaz", at=LATER))
    see(database, met("U1", "Ana Old", at=NOW), met("U1", "Ana Older", at=NOW - timedelta(days=1)))
    with database.begin() as tx:
        (ana,) = tx.identities.of("scaleflow")
    assert (ana.name, ana.seen_at, ana.since) == ("Ana Diaz", LATER, NOW - timedelta(days=1))


def test_without_a_company_names_alone_are_kept_and_of_no_connection_nothing(database: Database) -> None:
    connected(database)
    see(database, listed("U1", "Ana"), company=None)
    with database.begin() as tx:
        tx.identities.see(uuid4(), "scaleflow", [listed("U1", "Ana")])
        tx.identities.see(SLACK, "scaleflow", [])
        assert tx.identities.names(SLACK) == {"U1": "Ana"}
        assert tx.identities.companies() == []


def test_a_decision_is_replaced_and_withdrawn(database: Database) -> None:
    connected(database)
    see(database, *(listed(each, each) for each in ("U1", "U2", "U3")))
    with database.begin() as tx:
        tx.identities.decide(decision("U2", "U3", at=LATER))
        tx.identities.decide(decision("U1", "U2"))
        tx.identities.decide(decision("U2", "U1", "rejected"))
    with database.begin() as tx:
        found = tx.identities.decisions("scaleflow")
        assert [(each.verdict, each.at) for each in found] == [("rejected", NOW), ("confirmed", LATER)]
        assert found[1] == decision("U2", "U3", at=LATER)
        assert tx.identities.decisions("other") == []
        assert tx.identities.withdraw(decision("U1", "U2").id)
        assert not tx.identities.withdraw(decision("U1", "U2").id)
        assert tx.identities.decisions("scaleflow") == [decision("U2", "U3", at=LATER)]


def test_who_is_forgotten_takes_decisions_along_and_stays_where_another_company_knows_them(database: Database) -> None:
    connected(database)
    see(database, *(listed(each, each) for each in ("U1", "U2", "U3")))
    see(database, listed("U2", "U2"), company="other")
    with database.begin() as tx:
        tx.identities.decide(decision("U1", "U3"))
        tx.identities.decide(decision("U2", "U3"))
        keys = [IdentityKey(SLACK, "U1"), IdentityKey(SLACK, "U2"), IdentityKey(GMAIL, "U3")]
        assert tx.identities.forget("scaleflow", keys) == 2
        assert tx.identities.forget("scaleflow", keys) == 0
        assert tx.identities.forget("scaleflow", []) == 0
    with database.begin() as tx:
        assert [each.native_id for each in tx.identities.of("scaleflow")] == ["U3"]
        assert [each.native_id for each in tx.identities.of("other")] == ["U2"]
        assert tx.identities.names(SLACK) == {"U2": "U2", "U3": "U3"}
        assert tx.identities.decisions("scaleflow") == []


def test_a_connection_is_forgotten_with_all_its_identities(database: Database) -> None:
    connected(database)
    see(database, listed("U1", "U1"), listed("U2", "U2"))
    with database.begin() as tx:
        tx.identities.see(GMAIL, "scaleflow", [met("b@x.example", "Ben", "b@x.example")])
        tx.identities.decide(decision("U1", "U2"))
        tx.identities.forget_all(SLACK)
    with database.begin() as tx:
        assert [each.native_id for each in tx.identities.of("scaleflow")] == ["b@x.example"]
        assert tx.identities.names(SLACK) == {}
        assert tx.identities.decisions("scaleflow") == []
