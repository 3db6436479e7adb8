"""The ports towards vendors: what one source is, and what the platform gives it to ask with.

A source is one class in one file. It knows its vendor's forms and nothing else: whose messages they are, what is known
already, how often to ask, what to do when nobody answers and where to go on is decided for all sources alike
(`sago.pipeline.receiving` for what vendors push, `sago.pipeline.pulling` for what we fetch).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from sago.domain.connections import Connection, Stream, Token, Window
from sago.domain.messages import Message
from sago.errors import AccountRefusedError, SagoError, SignatureError, is_out_of_time


class Delivery(NamedTuple):
    """A webhook request as it came; names of headers in lower case."""

    body: bytes
    headers: Mapping[str, str]
    at: datetime


class Item(NamedTuple):
    """One thing of a vendor's with what is needed to say whose it is."""

    payload: Mapping[str, Any]
    container: str | None = None
    """The channel or label it lies in."""
    addresses: tuple[str, ...] = ()
    """Of the people in it: sender first."""
    sender: str = ""
    """The vendor's id of who wrote it, where it gives one: also what cannot be read is erased by it."""
    at: datetime | None = None
    """When it was said, where that is known before it is read."""
    deletes: bool = False
    """Whether it tells that a message was deleted; its payload then holds ids and times alone."""
    is_direct: bool = False
    """Whether it lies in a conversation of a few people, which `*` does not share."""
    unforeseen: str = ""
    """The class of an error that nobody foresaw, where it could not be made whole."""


def guarded(bare: Item, whole: Callable[[], Item]) -> Item:
    """The item that `whole` makes; where that raises what no source foresaw, the `bare` one, which becomes a dead
    letter: a page goes on behind it."""
    try:
        return whole()
    except SagoError:
        raise
    except Exception as error:
        if is_out_of_time(error):
            raise
        return bare._replace(unforeseen=type(error).__name__)


class Push(NamedTuple):
    """What a delivery holds."""

    account: str = ""
    """Whose it is, as the vendor names it; empty where the delivery is of no account (a challenge)."""
    items: tuple[Item, ...] = ()
    wakes: tuple[str, ...] = ()
    """Streams that have news: they are read at once; `*` means each of the account's."""
    ignored: str = ""
    """Why nothing is taken of it, on purpose."""
    answer: Mapping[str, Any] | None = None
    """What the vendor wants to read; None: that it came."""
    ended: str = ""
    """Why its vendor lets us read the account no more, for a person, with how to connect it again."""
    ended_at: datetime | None = None
    """When that was; None: now. What ended before it was connected is over."""


class Page(NamedTuple):
    """One answer of a vendor's list."""

    items: tuple[Item, ...]
    cursor: dict[str, Any] | None
    """Where the next page begins; None: the window has been read whole."""
    mark: dict[str, Any] | None = None
    """With the last page: where the next window goes on, where the vendor has a name for it."""


class Identity(NamedTuple):
    """A person as one vendor knows them."""

    native_id: str
    name: str
    address: str = ""
    is_bot: bool = False


class Vendor(Protocol):
    """A vendor's API as one connection may ask it: with its token, which is renewed where it ends, within the vendor's
    limits and ours, behind a breaker. Never tries again by itself: who calls does, once for all."""

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        """The JSON object of an answer. `limit` names the source's limit that the call counts for.

        Raises TransientError (with `retry_after` where the vendor says so) when nobody answers, too much was asked or
        an answer is unusable; HeldBackError when our own limit is reached; AccountRefusedError when the
        token is of no use; NotThereError where the vendor has no such thing (any more); PermanentError for what it
        will refuse each time."""

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:
        """As `get`, for what has no further effect when it is asked again; `body` is sent as JSON."""


class Source(Protocol):
    """One vendor. What a class that names this as its base leaves out, its vendor has not."""

    name: str
    """As in topics and ids: `slack`."""
    limits: Mapping[str, int] = MappingProxyType({})
    """Requests a minute of one account, by the name of the limit; none for what is not named."""

    def verify(self, delivery: Delivery) -> None:  # noqa: ARG002
        """Raise SignatureError unless the vendor sent these very bytes within the last five minutes, ConfigError where
        the setting it takes is missing."""
        raise SignatureError(f"{self.name} pushes nothing")

    def unpack(self, delivery: Delivery) -> Push:  # noqa: ARG002
        """What a verified delivery holds; raises InvalidMessageError where it cannot be read."""
        return Push(ignored="pushes nothing")

    @abstractmethod
    def ignored(self, item: Item) -> str | None:
        """Why an item is left out on purpose, in a few words that hold no content; None: it is to be taken."""

    @abstractmethod
    def to_message(self, item: Item, company_id: str, names: Mapping[str, str]) -> Message:
        """The message in an item; `names` are people's names by their native id. Raises InvalidMessageError."""

    def streams(self, connection: Connection, vendor: Vendor) -> list[str]:  # noqa: ARG002
        """The names of what is fetched by itself; empty where the vendor only pushes."""
        return []

    def page(self, connection: Connection, vendor: Vendor, stream: Stream, window: Window) -> Page:  # noqa: ARG002
        """The page at `stream.cursor`, of what was said or changed in the window. Raises CursorExpiredError where the
        vendor does not know the cursor or mark any more."""
        return Page((), None)

    def people(self, connection: Connection, vendor: Vendor) -> Iterable[Identity]:  # noqa: ARG002
        """Who is who, where the vendor tells; else nobody."""
        return ()

    def judge(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Raise as `Vendor.get` says where an answer is an error in the vendor's own way (Slack's `ok: false`)."""
        return

    def renew(self, token: Token, now: datetime) -> Token:  # noqa: ARG002
        """Another token for one that has ended; raises as `Vendor.get` does."""
        raise AccountRefusedError(f"{self.name}: the token has ended, and none renews it")


class Sources(Protocol):
    """Those there are."""

    def get(self, name: str) -> Source | None:
        """The source, or None for a name nobody knows; raises ConfigError where a setting of it is wrong."""

    def vendor(self, connection: Connection) -> Vendor:
        """Its API, as this connection may ask it."""
