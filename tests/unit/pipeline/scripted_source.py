"""A source of tests: its deliveries are JSON lists of items that say themselves what becomes of them."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sago.domain.connections import Connection, Stream, Token, Window, connection_id_of
from sago.domain.messages import Message
from sago.errors import ConfigError, InvalidMessageError, SignatureError
from sago.ports import Delivery, Identity, Item, Page, Push, Source, Vendor

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
SECRET = "a secret of this test"
REPLAY_WINDOW = timedelta(minutes=5)


class Scripted:
    """Items are objects: `id` and `text` make a message, `ignore` says why not, `raise` names an unforeseen error. A
    delivery is `{"account", "items", "wakes", "ignored", "answer"}`."""

    limits: Mapping[str, int] = {}

    def __init__(self, name: str = "slack", secret: str | None = SECRET) -> None:
        self.name = name
        self._secret = secret

    def verify(self, delivery: Delivery) -> None:
        if self._secret is None:
            raise ConfigError(f"{self.name}.signing_secret is not set")
        at = datetime.fromtimestamp(float(delivery.headers.get("x-at", "0")), UTC)
        wanted = signature(delivery.body, at, self._secret)
        is_new = abs(delivery.at - at) <= REPLAY_WINDOW
        if not (is_new and hmac.compare_digest(wanted, delivery.headers.get("x-signature", ""))):
            raise SignatureError("not signed")

    def unpack(self, delivery: Delivery) -> Push:
        try:
            said = json.loads(delivery.body)
        except (ValueError, RecursionError):
            raise InvalidMessageError("not JSON") from None
        if said.get("raise"):
            raise KeyError(said["raise"])
        items = tuple(item(**each) for each in said.get("items", ()))
        wakes = tuple(said.get("wakes", ()))
        rest = {name: said[name] for name in ("ended", "ignored", "answer") if name in said}
        at = datetime.fromisoformat(said["ended_at"]) if "ended_at" in said else None
        return Push(said.get("account", ""), items, wakes, **rest, ended_at=at)

    def ignored(self, item: Item) -> str | None:
        return item.payload.get("ignore")

    def to_message(self, item: Item, company_id: str, names: Mapping[str, str]) -> Message:
        payload = item.payload
        if payload.get("raise"):
            raise TypeError(payload["raise"])
        sender = names.get(payload.get("sender", ""), payload.get("sender", ""))
        body = {"company_id": company_id, "source": self.name, "sender": sender, "raw": dict(payload)}
        body |= {"deleted": payload.get("deleted", False)}
        said = {"id": f"{self.name}:{payload.get('id', '')}", "version": payload.get("version", 0)}
        at = payload.get("sent_at", (NOW - timedelta(minutes=1)).isoformat())
        return Message.parse({**body, **said, "sent_at": at, "text": payload.get("text", "")})

    def streams(self, connection: Connection, vendor: Vendor) -> list[str]:
        return []

    def page(self, connection: Connection, vendor: Vendor, stream: Stream, window: Window) -> Page:
        return Page((), None)

    def people(self, connection: Connection, vendor: Vendor) -> Iterable[Identity]:
        return ()

    def judge(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        """Nothing is wrong."""

    def renew(self, token: Token, now: datetime) -> Token:
        return token


class Table:
    """The `Sources` of a test."""

    def __init__(self, *sources: Source) -> None:
        self._sources = {source.name: source for source in sources}

    def get(self, name: str) -> Source | None:
        return self._sources.get(name)

    def vendor(self, connection: Connection) -> Vendor:
        raise NotImplementedError(connection.name)


def item(container: str | None = "C1", addresses: Iterable[str] = (), **payload: Any) -> Item:
    return Item(payload, container, tuple(addresses), deletes=payload.get("deleted", False))


def signature(body: bytes, at: datetime, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{at.timestamp()}:".encode() + body, "sha256").hexdigest()


def signed(body: bytes, at: datetime = NOW) -> dict[str, str]:
    """The headers of a delivery."""
    return {"X-At": str(at.timestamp()), "X-Signature": signature(body, at)}


def connection_of(source: str = "slack", account: str = "T1", **more: Any) -> Connection:
    """An account that shares all it has, of always."""
    said = {"id": connection_id_of(source, account), "source": source, "account": account, "name": "Acme"}
    said |= {"company_id": "acme", "containers": ("*",), "since": datetime(1990, 1, 1, tzinfo=UTC), "created_at": NOW}
    return Connection(**said | more)
