"""What a founder has connected: one account at a vendor, whose messages they are, and how far it has been read."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from sago.domain.messages import CompanyId, Moment, SourceName

EVERY_CONTAINER = "*"
"""In a connection's containers: whatever channel or label there is; of direct messages those that are named alone."""
UNASSIGNED = "unassigned"
"""Stands in a dead letter where the company should, when nothing says whose the message is."""
LEFT_ALONE = "left-alone"
"""In a route, instead of a company whose founder ended its share: nothing of it is taken, nor is it another's."""
_CONNECTIONS = UUID("5f0f2b6e-5d0e-4a0c-9a36-0d8a4f6d2c11")


def connection_id_of(source: str, account: str) -> UUID:
    """The same for each connecting of one account."""
    return uuid5(_CONNECTIONS, f"{source}:{account}")


class ConnectionState(StrEnum):
    """Read from; refused by the vendor, until a person connects again; or let go by a person."""

    ACTIVE = "active"
    REFUSED = "refused"
    REMOVED = "removed"


class Connection(BaseModel):
    """One account at a vendor: a Slack workspace, a mailbox.

    Only what lies in `containers` (channels, labels) is taken; a message belongs to the company that a route names,
    else to `company_id`; where neither says, to none.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    source: SourceName
    account: str
    """As the vendor names it: a team id, an address."""
    name: str
    """As people call it."""
    company_id: CompanyId | None = None
    containers: tuple[str, ...] = ()
    since: Moment | None = None
    """Nothing that was said before is taken; None: what was there when it was connected is left alone."""
    state: ConnectionState = ConnectionState.ACTIVE
    reason: str = ""
    """Why it is not active, for a person."""
    created_at: Moment
    connected_at: Moment | None = None
    """When a person gave us its token last; None: when it was created."""

    def takes(self, container: str | None, *, is_direct: bool = False) -> bool:
        """Whether what lies in this channel, under this label or in this direct conversation is shared."""
        return container in self.containers or (EVERY_CONTAINER in self.containers and not is_direct)


class Route(BaseModel):
    """Whose the messages of one channel are, or of people at one domain."""

    model_config = ConfigDict(frozen=True)

    connection_id: UUID
    kind: Literal["container", "domain"]
    key: str
    company_id: CompanyId


class Token(BaseModel):
    """What a vendor gave us to read with; kept sealed, and printed by nothing."""

    model_config = ConfigDict(frozen=True)

    access: SecretStr
    refresh: SecretStr | None = None
    expires_at: Moment | None = None
    scopes: tuple[str, ...] = ()

    def ends_by(self, moment: datetime) -> bool:
        """Whether it is of no use any more then."""
        return self.expires_at is not None and self.expires_at <= moment


class Window(NamedTuple):
    """From `start` up to, and without, `end`; the end was frozen when the window was opened, so that pages do not
    shift while they are read."""

    start: datetime
    end: datetime


class Stream(BaseModel):
    """How far one container of a connection has been read: written after every page."""

    model_config = ConfigDict(frozen=True)

    connection_id: UUID
    name: str
    """The channel, or `*` where the vendor has one stream for the whole account."""
    window: Window | None = None
    """The one being read; None between two."""
    cursor: dict[str, Any] | None = None
    """Where in it the next page begins, in the source's own words; None: at its beginning."""
    read_until: Moment | None = None
    """The end of the newest window that was read whole."""
    mark: dict[str, Any] | None = None
    """The vendor's own name for that moment, where it has one (Gmail's historyId)."""
    newest_at: Moment | None = None
    """When the newest message that was taken was said."""
    taken: int = Field(0, ge=0)
    """Messages handed on, those known before left out."""
    due_at: Moment
    """When it is read next."""
    woken: bool = False
    """Whether the vendor told of news since it was last claimed."""
    failures: int = Field(0, ge=0)
    """In a row."""
    error: str = ""
    """Of the last of them, for a person."""
    needs_mending: bool = False
    """Whether it comes each time until a person mends it, as a missing scope or a wrong setting does."""
    lease_until: Moment | None = None
    """Until when one reader has it to itself."""
    queued_until: Moment | None = None
    """Until when a task that reads it is on its way; None once it has begun."""
    fence: int = Field(0, ge=0)
    """Another for each reader of any stream, and for each row made anew: what an earlier reader writes late is
    refused."""


class Heard(NamedTuple):
    """On which days messages of one container were said."""

    connection_id: UUID
    container: str
    """Empty for what lies in none."""
    days: frozenset[date]
    """Of the `rhythm.BASELINE` before the newest."""
    oldest: date
    newest_at: datetime


class Refresh(BaseModel):
    """When the streams and people of a connection are listed again."""

    model_config = ConfigDict(frozen=True)

    connection_id: UUID
    due_at: Moment
    failures: int = Field(0, ge=0)
    error: str = ""
    """Of the last of them, for a person."""


LONGEST_PAUSE = timedelta(hours=1)


def pause_after(failures: int, share: float) -> timedelta:
    """How long a stream is left alone after so many failures in a row: 2 s, doubled each time up to an hour, and of
    that between a half and the whole, by `share` from 0 to 1, so that streams do not come back all at once."""
    whole = min(timedelta(seconds=2 ** min(failures, 12)), LONGEST_PAUSE)
    return whole * (0.5 + share / 2)
