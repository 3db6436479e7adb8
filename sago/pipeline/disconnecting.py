"""What an erasure takes of what was connected: who is who, and with a whole company or source its connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sago.domain.connections import EVERY_CONTAINER, LEFT_ALONE, Connection, ConnectionState, Route, Token
from sago.domain.erasures import ENDED, Erasure
from sago.errors import SagoError, is_out_of_time
from sago.pipeline.item_letters import origins_of
from sago.ports import Database, Transaction, Vault


@dataclass(frozen=True)
class TakingBack:
    """Makes an account's token useless at its vendor, before it is deleted here: nobody could afterwards."""

    database: Database
    vault: Vault
    revoke: Callable[[str, Token], None]
    """At the source's vendor."""

    def __call__(self, connection: Connection) -> str | None:
        """Why the vendor's side still stands, empty where it does not; None where there is no token. Whatever the
        vendor does, whoever lets the account go can go on."""
        with self.database.begin() as tx:
            sealed = tx.connections.token(connection.id)
        if sealed is None:
            return None
        try:
            self.revoke(connection.source, self.vault.open(sealed, connection.id))
        except Exception as error:
            if is_out_of_time(error):
                raise
            return str(error) if isinstance(error, SagoError) else type(error).__name__
        return ""


def take_connected(tx: Transaction, erasure: Erasure, now: datetime) -> None:
    """Forget the identities of an erased sender; of a company, or a source of it, that nobody shares all identities,
    routes, streams and tokens. A connection that other companies' channels come over goes on for them, and what was the
    company's in it is left alone: its routes stay, without its name. Of one that goes its account stays, by which a
    letter of its that was on its way is known, and not its name."""
    connections = tx.connections.all(lock=True)  # before people are: as who meets them does
    if erasure.is_of_shares:
        let_go = going(tx, erasure)
        for connection in connections:
            if erasure.source in (None, connection.source):
                _leave(tx, connection, erasure.company_id)
        for connection in let_go:
            _let_go(tx, connection, now)
    elif erasure.sender is not None:
        served = [each for each in connections if erasure.company_id in served_by(tx, each)]
        known = [each for connection in served for each in tx.identities.known(connection.id)]
        people = [*tx.identities.of(erasure.company_id), *known]
        theirs = {each.key for each in people if each.is_named(erasure.sender)}
        tx.identities.forget(erasure.company_id, theirs)


def served_by(tx: Transaction, connection: Connection) -> set[str]:
    """The companies whose messages come over it."""
    companies = {connection.company_id, *(route.company_id for route in tx.connections.routes(connection.id))}
    return {each for each in companies if each and each != LEFT_ALONE}


def going(tx: Transaction, erasure: Erasure) -> list[Connection]:
    """The connections that it lets go: those which serve its company alone."""
    if not erasure.is_of_shares:
        return []
    ours = [each for each in tx.connections.all() if erasure.source in (None, each.source)]
    return [each for each in ours if served_by(tx, each) == {erasure.company_id}]


def unassigned_of(tx: Transaction, erasure: Erasure) -> list[str]:
    """How the origins begin of letters that are nobody's and may be the company's: of connections that serve it, or
    were let go by all; where the company goes as a whole, of those that serve no other."""
    people = {each.connection_id for each in tx.identities.of(erasure.company_id)}
    found = []
    for connection in tx.connections.all():
        served = served_by(tx, connection)
        is_let_go = connection.state is ConnectionState.REMOVED and not served
        is_ours = erasure.company_id in served or connection.id in people or is_let_go
        if is_ours and not (erasure.is_of_shares and served - {erasure.company_id}):
            found.append(origins_of(connection))
    return found


def _leave(tx: Transaction, connection: Connection, company_id: str) -> None:
    people = [each.key for each in tx.identities.of(company_id) if each.connection_id == connection.id]
    tx.identities.forget(company_id, people)
    tx.heard.forget(connection.id, company_id)
    for route in tx.connections.routes(connection.id):
        if route.company_id == company_id:
            tx.connections.route(route.model_copy(update={"company_id": LEFT_ALONE}))
    if connection.company_id == company_id and served_by(tx, connection) != {company_id}:
        rest = {"kind": "container", "key": EVERY_CONTAINER, "company_id": LEFT_ALONE}
        tx.connections.route(Route.model_validate({"connection_id": connection.id, **rest}))
        tx.connections.save(connection.model_copy(update={"company_id": None}))


def _let_go(tx: Transaction, connection: Connection, now: datetime) -> None:
    tx.identities.forget_all(connection.id)
    tx.heard.forget(connection.id)
    tx.connections.forget_token(connection.id)
    tx.streams.ensure(connection.id, (), now)
    for route in tx.connections.routes(connection.id):
        tx.connections.unroute(connection.id, route.kind, route.key)
    gone = {"state": ConnectionState.REMOVED, "reason": ENDED, "containers": (), "name": connection.account}
    tx.connections.save(connection.model_copy(update=gone))
