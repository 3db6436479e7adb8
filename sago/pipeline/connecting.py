"""Connecting an account, changing what is shared of it, and letting it go. Each does the same when it is done twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import SecretStr

from sago.domain.companies import DEFAULT_FIRM
from sago.domain.connections import Connection, ConnectionState, Refresh, Route, Token, connection_id_of
from sago.errors import ConfigError, UsageError
from sago.ports import Clock, Database, Note, Transaction, Vault

AT_HAND = timedelta(seconds=30)
"""For how long a stream is claimed to set it back."""


class Wanted(NamedTuple):
    """What a person says of an account; None leaves it as it was."""

    containers: tuple[str, ...] | None = None
    company_id: str | None = None
    since: datetime | None = None


class Rekeyed(NamedTuple):
    """Tokens sealed anew, and accounts whose token no key opens."""

    sealed: int
    lost: list[str]


@dataclass(frozen=True)
class Connecting:
    """The use case behind `sago connect`."""

    database: Database
    vault: Vault
    clock: Clock

    def connect(
        self,
        account: tuple[str, str, str],
        token: Token,
        wanted: Wanted,
        streams_of: Callable[[Connection], Collection[str]],
        who: str,
    ) -> Connection:
        """Keep the account (source, account, name) with its sealed token and its streams, due now. One that is known
        gets the new token, and what is wanted."""
        now = self.clock.now()
        with self.database.begin() as tx:
            known = tx.connections.find(*account[:2])
        connection = _connection(account, known, wanted, now)
        sealed = self.vault.seal(token, connection.id)
        streams = streams_of(connection) if connection.containers else ()
        with self.database.begin() as tx:
            asked, known = connection.containers, tx.connections.get(connection.id, lock=True)
            connection = _connection(account, known, wanted, now)
            tx.connections.save(connection)
            tx.connections.keep_token(connection.id, sealed)
            if known and known.company_id != connection.company_id:
                tx.heard.forget(connection.id)
            if known and _reaches_back(known, connection):
                tx.streams.ensure(connection.id, (), now)
            if connection.containers == asked:  # else whoever changed the share has set its streams
                tx.streams.ensure(connection.id, streams, now)
            tx.streams.keep_refresh(Refresh(connection_id=connection.id, due_at=now))
            _at_once(tx, connection.id, now)
            tx.erasures.note(_note(now, who, "account.connected", connection))
        return connection

    def share(
        self,
        connection: Connection,
        containers: Sequence[str],
        streams_of: Callable[[Connection], Collection[str]],
        who: str,
    ) -> Connection:
        """Exactly these containers are read from now on. Raises UsageError where the account was let go meanwhile."""
        now = self.clock.now()
        shared = {"containers": tuple(containers)}
        streams = streams_of(connection.model_copy(update=shared)) if containers else ()
        with self.database.begin() as tx:
            known = tx.connections.get(connection.id, lock=True)
            if known is None or known.state is ConnectionState.REMOVED:
                again = f"connect it again with `sago connect {connection.source}`"
                raise UsageError(f"account {name_of(connection)}: was let go meanwhile; {again}")
            changed = known.model_copy(update=shared)
            tx.connections.save(changed)
            tx.streams.ensure(connection.id, streams, now)
            tx.erasures.note(_note(now, who, "account.shared", changed))
        return changed

    def route(self, connection_id: UUID, routes: Sequence[tuple[str, str, str]]) -> list[Route]:
        """Set each (kind, key, company), or take it away where the company is empty; all there are then."""
        with self.database.begin() as tx:
            for kind, key, company_id in routes:
                if company_id:
                    tx.connections.route(
                        Route.model_validate(
                            {"connection_id": connection_id, "kind": kind, "key": key, "company_id": company_id}
                        )
                    )
                else:
                    tx.connections.unroute(connection_id, kind, key)
            return tx.connections.routes(connection_id)

    def pull(self, connection_id: UUID) -> None:
        """Every stream is due now, those that failed too: a person asked."""
        now = self.clock.now()
        with self.database.begin() as tx:
            _at_once(tx, connection_id, now)

    def token(self, connection_id: UUID) -> Token | None:
        """The account's token; None where there is none."""
        with self.database.begin() as tx:
            sealed = tx.connections.token(connection_id)
        return None if sealed is None else self.vault.open(sealed, connection_id)

    def remove(self, connection: Connection, who: str) -> None:
        """Nothing is read from the account any more: token, streams, routes and the people nobody's messages are of are
        gone. Messages stay, and who wrote them."""
        now = self.clock.now()
        gone = {"state": ConnectionState.REMOVED, "reason": "", "containers": ()}
        with self.database.begin() as tx:
            connection = tx.connections.get(connection.id, lock=True) or connection
            tx.connections.save(connection.model_copy(update=gone))
            tx.connections.forget_token(connection.id)
            tx.streams.ensure(connection.id, (), now)
            tx.heard.forget(connection.id)
            tx.identities.forget_strangers(connection.id)
            for route in tx.connections.routes(connection.id):
                tx.connections.unroute(connection.id, route.kind, route.key)
            tx.erasures.note(_note(now, who, "account.removed", connection))

    def rekey(self) -> Rekeyed:
        """Seal every token with the newest key. Raises ConfigError where there is none: then no token is lost."""
        self.vault.seal(Token(access=SecretStr("a try")), UUID(int=0))
        with self.database.begin() as tx:
            connections = tx.connections.all()
        sealed, lost = 0, []
        for connection in connections:
            with self.database.begin() as tx:
                before = tx.connections.token(connection.id, lock=True)
                if before is None:
                    continue
                try:
                    token = self.vault.open(before, connection.id)
                except ConfigError:
                    lost.append(name_of(connection))
                    continue
                tx.connections.keep_token(connection.id, self.vault.seal(token, connection.id))
                sealed += 1
        return Rekeyed(sealed, lost)


def name_of(connection: Connection) -> str:
    """`slack/T123`: what every command takes."""
    return f"{connection.source}/{connection.account}"


def the_connection(tx: Transaction, wanted: str) -> Connection:
    """The one of that account, of that name, or whose account begins so; raises UsageError where there is none, or
    more than one."""
    there = [each for each in tx.connections.all() if each.state is not ConnectionState.REMOVED]
    said = wanted.strip().lower()
    for matches in (_is_called, _begins):
        found = [each for each in there if said and matches(each, said)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"account {wanted}: is one of {', '.join(map(name_of, found))}; write it whole")
    known = ", ".join(map(name_of, there)) or "none yet: `sago connect slack`, `sago connect gmail`"
    raise UsageError(f"account {wanted}: not connected; connected are: {known}")


def _is_called(connection: Connection, said: str) -> bool:
    return said in (name_of(connection).lower(), connection.account.lower(), connection.name.lower())


def _begins(connection: Connection, said: str) -> bool:
    return connection.account.lower().startswith(said) or name_of(connection).lower().startswith(said)


def _connection(account: tuple[str, str, str], known: Connection | None, wanted: Wanted, now: datetime) -> Connection:
    source, native_id, name = account
    given: dict[str, Any] = {key: value for key, value in wanted._asdict().items() if value is not None}
    if known is None:
        fresh = {"id": connection_id_of(source, native_id), "source": source, "account": native_id, "created_at": now}
        return Connection.model_validate({**fresh, "connected_at": now, "name": name, **given})
    if known.state is ConnectionState.REMOVED:
        # what was said while it was let go is not for us
        given = {"since": now, "created_at": now, "company_id": None} | given
    active = {"state": ConnectionState.ACTIVE, "reason": "", "name": name, "connected_at": now}
    return Connection.model_validate(known.model_dump() | active | given)


def _reaches_back(known: Connection, connection: Connection) -> bool:
    before = known.since or known.created_at
    return connection.since is not None and connection.since < before


def _at_once(tx: Transaction, connection_id: UUID, now: datetime) -> None:
    """A stream that failed forgets its pause; one that is being read is read once more."""
    well = {"failures": 0, "error": "", "needs_mending": False}
    for stream in tx.streams.of(connection_id):
        ours = tx.streams.claim(connection_id, stream.name, now, now + AT_HAND)
        if ours is None:
            tx.streams.wake(connection_id, [stream.name], now)
        else:
            tx.streams.release(ours.model_copy(update={**well, "due_at": now}))


def _note(now: datetime, who: str, action: str, connection: Connection) -> Note:
    shared = f"shares {', '.join(connection.containers) or 'nothing'}"
    return Note(now, who, action, name_of(connection), DEFAULT_FIRM, connection.company_id or "", shared)
