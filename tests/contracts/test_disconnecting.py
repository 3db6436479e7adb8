"""What an erasure takes of what was connected, and what the proof of a revocation counts of it: memory and Postgres."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import pytest
from pydantic import SecretStr

from sago.domain.connections import LEFT_ALONE, Connection, ConnectionState, Route, connection_id_of
from sago.domain.erasures import Erasure
from sago.domain.identities import Decision, IdentityKey, Sighting
from sago.pipeline.connecting import Connecting
from sago.pipeline.disconnecting import take_connected, unassigned_of
from sago.ports import Database
from sago.stores.fernet_vault import FernetVault, new_key
from sago.stores.memory.clock import ManualClock

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SLACK, GMAIL, SHARED = (connection_id_of(source, "1") for source in ("slack", "gmail", "shared"))
ASKED = {"company_id": "acme", "because": "asked", "requested_by": "cli:dana", "requested_at": NOW}
OURS = {"identities": 3, "routes": 1, "streams": 2, "tokens": 2}


def connected(database: Database) -> None:
    """Two accounts of acme's, and one that acme and bolt share."""
    with database.begin() as tx:
        for known, source, company in ((SLACK, "slack", "acme"), (GMAIL, "gmail", "acme"), (SHARED, "slack", None)):
            values = {"id": known, "source": source, "account": str(known), "name": source, "company_id": company}
            tx.connections.save(Connection.model_validate(values | {"created_at": NOW, "containers": ("C1",)}))
            tx.connections.keep_token(known, b"sealed")
            tx.streams.ensure(known, ["C1"], NOW)
            tx.heard.note(known, "acme", {"C1": [NOW]})
        shared = tx.connections.get(SHARED)
        assert shared is not None
        tx.connections.save(shared.model_copy(update={"containers": ("C1", "C2")}))
        tx.streams.ensure(SHARED, ["C1", "C2"], NOW)
        for key, company in (("C1", "acme"), ("C2", "bolt")):
            tx.connections.route(Route(connection_id=SHARED, kind="container", key=key, company_id=company))
        ana = Sighting("U1", "Ana Diaz", "ana@acme.example", is_bot=False, at=NOW, is_listed=True)
        for known in (SLACK, GMAIL, SHARED):
            tx.identities.see(known, "acme", [ana])
        tx.identities.see(SHARED, "bolt", [ana])
        keys = {"one": IdentityKey(SLACK, "U1"), "other": IdentityKey(GMAIL, "U1")}
        tx.identities.decide(
            Decision(company_id="acme", verdict="rejected", reason="Ana Diaz", who="cli:dana", at=NOW, **keys)
        )


def left(database: Database, *sources: str) -> dict[str, int]:
    with database.begin() as tx:
        return tx.erasures.left_of_company("acme", sources or None)


def erase(database: Database, *, sender: str | None = None, source: str | None = None) -> None:
    what = {"sender": sender, "message_id": f"{source}:" if source else None}
    with database.begin() as tx:
        take_connected(tx, Erasure.model_validate({**ASKED, "id": uuid4(), **what}), NOW)


def test_a_company_goes_with_all_that_was_connected_of_it_and_others_keep_theirs(database: Database) -> None:
    connected(database)
    assert left(database) == OURS
    for _ in range(2):
        erase(database)
        assert left(database) == {}
        with database.begin() as tx:
            states = {each.id: each.state for each in tx.connections.all()}
            assert states == {
                SLACK: ConnectionState.REMOVED, GMAIL: ConnectionState.REMOVED, SHARED: ConnectionState.ACTIVE,
            }  # fmt: skip
            assert [each.id for each in tx.connections.all() if each.name != each.account] == [SHARED]
            assert tx.heard.all() == []
            assert [(each.connection_id, each.name) for each in tx.streams.all()] == [(SHARED, "C2")]
            assert [each.containers for each in tx.connections.all() if each.id == SHARED] == [("C2",)]
            assert tx.connections.token(SHARED) == b"sealed"
            assert [each.company_id for each in tx.connections.routes(SHARED)] == [LEFT_ALONE, "bolt"]
            assert tx.connections.served(SHARED) == ["acme", "bolt"]
            assert tx.identities.companies() == ["bolt"]
            assert tx.identities.decisions("acme") == []
            assert tx.identities.names(SLACK) == {}


def test_letters_that_are_nobodys_may_be_those_of_whom_their_connection_serves(database: Database) -> None:
    connected(database)
    of = {name: f"item:{source}/{name}/" for source, name in (("gmail", GMAIL), ("slack", SLACK), ("slack", SHARED))}
    whole, sender = (Erasure.model_validate({**ASKED, "id": uuid4(), **who}) for who in ({}, {"sender": "ana"}))
    for _ in range(2):
        with database.begin() as tx:
            assert set(unassigned_of(tx, whole)) == {of[GMAIL], of[SLACK]}
        erase(database)
    with database.begin() as tx:
        assert set(unassigned_of(tx, sender)) == {of[GMAIL], of[SLACK]}, "the shared one is bolt's alone by now"
        assert unassigned_of(tx, whole.model_copy(update={"company_id": "bolt"})) == [of[SHARED]]


@pytest.mark.parametrize("is_let_go", [True, False])
def test_what_came_over_an_account_that_was_let_go_before_goes_too(database: Database, is_let_go: bool) -> None:
    connected(database)
    with database.begin() as tx:
        shared = tx.connections.get(SHARED)
        assert shared is not None
        tx.identities.see(SHARED, None, [Sighting("U9", "Eve", "", is_bot=False, at=NOW, is_listed=True)])
        tx.connections.unroute(SHARED, "container", "C1")
    if is_let_go:
        Connecting(database, FernetVault(SecretStr(new_key())), ManualClock(NOW)).remove(shared, "cli:dana")
        with database.begin() as tx:
            assert tx.identities.names(SHARED) == {"U1": "Ana Diaz"}, "who wrote what stays can still be erased"
            tx.heard.note(SHARED, "acme", {"C1": [NOW]})
    erase(database)
    assert left(database) == {}
    with database.begin() as tx:
        assert tx.heard.all() == []
        assert tx.identities.companies() == ["bolt"]
        assert tx.identities.decisions("acme") == []


@pytest.mark.parametrize(("kind", "left_over"), [("container", ("C2",)), ("domain", ("*",))])
def test_what_only_the_default_claimed_is_read_no_more(
    database: Database, kind: Literal["container", "domain"], left_over: tuple[str, ...]
) -> None:
    values = {"id": SLACK, "source": "slack", "account": "T1", "name": "Acme", "company_id": "acme"}
    with database.begin() as tx:
        tx.connections.save(Connection.model_validate(values | {"created_at": NOW, "containers": ("*",)}))
        tx.connections.route(Route(connection_id=SLACK, kind=kind, key="C2", company_id="bolt"))
    erase(database)
    with database.begin() as tx:
        (connection,) = tx.connections.all()
    assert (connection.company_id, connection.containers) == (None, left_over)
    assert connection.state is ConnectionState.ACTIVE


def test_a_source_goes_alone(database: Database) -> None:
    connected(database)
    assert left(database, "slack") == {"identities": 2, "routes": 1, "streams": 1, "tokens": 1}
    erase(database, source="slack")
    assert left(database, "slack") == {}
    assert left(database, "gmail") == {"identities": 1, "streams": 1, "tokens": 1}


def test_a_sender_goes_and_the_connection_stays(database: Database) -> None:
    connected(database)
    erase(database, sender="ANA diaz")
    assert left(database) == {name: count for name, count in OURS.items() if name != "identities"}
    with database.begin() as tx:
        assert tx.identities.companies() == ["bolt"]
        assert tx.identities.decisions("acme") == []
