"""The ports of what founders have connected: accounts, their sealed tokens, routes, and how far streams were read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sago.domain.connections import Connection, Heard, Refresh, Route, Stream, Token

UNDER_WAY_FOR = timedelta(days=30)
"""Longer than the log keeps anything by default (`kafka.retention_hours`): what is not stored then never will be."""


class Vault(Protocol):
    """Seals what nobody may read in a backup or a log. Nothing is asked over a network."""

    def seal(self, token: Token, connection_id: UUID) -> bytes:
        """The token, so that only this house's key opens it, for that connection alone; raises ConfigError where there
        is no key."""

    def open(self, sealed: bytes, connection_id: UUID) -> Token:
        """The token; raises ConfigError where no key of ours sealed it, or for another connection."""


class ConnectionStore(Protocol):
    """`connections`, with their tokens and routes."""

    def save(self, connection: Connection) -> None:
        """Insert, or replace one of that id."""

    def get(self, connection_id: UUID, *, lock: bool = False) -> Connection | None:
        """The connection, whatever its state; with `lock` nobody else changes it until the transaction ends."""

    def find(self, source: str, account: str) -> Connection | None:
        """The connection of an account, whatever its state."""

    def all(self, *, lock: bool = False) -> list[Connection]:
        """By source and account; with `lock` as in `get`."""

    def refuse(self, connection_id: UUID, reason: str) -> None:
        """Make an active connection a refused one; no change where it is not active."""

    def keep_token(self, connection_id: UUID, sealed: bytes) -> None:
        """Insert or replace the sealed token."""

    def token(self, connection_id: UUID, *, lock: bool = False) -> bytes | None:
        """The sealed token; with `lock` nobody else renews it until the transaction ends."""

    def forget_token(self, connection_id: UUID) -> None:
        """Delete it."""

    def route(self, route: Route) -> None:
        """Insert, or replace where its key goes."""

    def unroute(self, connection_id: UUID, kind: str, key: str) -> None:
        """Delete a route, where there is one."""

    def routes(self, connection_id: UUID) -> list[Route]:
        """By kind and key."""

    def served(self, connection_id: UUID) -> list[str]:
        """Every company that was ever its default or a route's, in order: its messages may be stored for them."""


class StreamStore(Protocol):
    """`streams`: one row for each container that is fetched; and `refreshes`: when they are listed again."""

    def ensure(self, connection_id: UUID, names: Collection[str], now: datetime) -> None:
        """A row for each name, due now where it is new; rows of other names are deleted."""

    def of(self, connection_id: UUID) -> list[Stream]:
        """By name."""

    def all(self) -> list[Stream]:
        """Of every connection, by connection and name."""

    def queue(
        self, now: datetime, until: datetime, limit: int = 100, connection_id: UUID | None = None
    ) -> list[Stream]:
        """Those of active connections (of one, where it is given) whose time has come, that nobody reads and that are
        not queued, longest due first; they count as queued until then, or until they are claimed."""

    def unqueue(self, connection_id: UUID, names: Collection[str], until: datetime) -> None:
        """Those that were queued until then and not claimed since do not count as queued: nothing is on its way."""

    def queue_refreshes(self, now: datetime, until: datetime, limit: int = 100) -> list[UUID]:
        """Active connections whose streams and people were never listed, or are to be again; next due then."""

    def refresh(self, connection_id: UUID) -> Refresh | None:
        """What is kept of its last; None where there was none."""

    def keep_refresh(self, refresh: Refresh) -> None:
        """Insert or replace; nothing where there is no such connection any more."""

    def wake(self, connection_id: UUID, names: Collection[str], now: datetime) -> None:
        """Make them due now; those that failed keep their pause, and one that is being read is read once more."""

    def claim(self, connection_id: UUID, name: str, now: datetime, until: datetime) -> Stream | None:
        """The stream with a lease and the next fence, for one reader alone; None where another has it, or it is gone.
        One that is not due can be claimed too: a person asked."""

    def write(self, stream: Stream) -> bool:
        """Keep what a reader got to; False, and no change, where its fence is not the newest any more."""

    def release(self, stream: Stream) -> None:
        """As `write`, and the lease ends; where the stream was woken in between it is due at once."""


class HeardStore(Protocol):
    """`heard`: on which days messages of a company were said, by connection and container."""

    def note(self, connection_id: UUID, company_id: str, moments: Mapping[str, Collection[datetime]]) -> None:
        """Messages were said at these moments, by container; nothing where there is no such connection any more."""

    def forget(self, connection_id: UUID, company_id: str | None = None) -> None:
        """Delete what was noted of a connection, or of one company in it."""

    def all(self) -> list[Heard]:
        """One for each connection and container, in this order, over its companies."""


class UnderWayStore(Protocol):
    """`under_way`: what was handed to the log for a company and is not in the raw store yet."""

    def note(self, messages: Collection[tuple[str, str]], now: datetime) -> None:
        """These (company, message id) are about to be handed over; those of more than `UNDER_WAY_FOR` are deleted."""

    def companies(self, message_ids: Collection[str], among: Collection[str]) -> dict[str, list[str]]:
        """For which of these companies messages are under way, by id."""

    def end(self, messages: Collection[tuple[str, str]]) -> None:
        """These are stored, or dead letters."""
