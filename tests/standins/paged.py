"""Paged, a vendor that nobody has heard of: rooms with lines, listed page after page; and the source that reads it.

The book below is what it keeps and how it answers. Tests ask it directly, or over HTTP (`tests.standins.paged_server`).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple

import httpx2
from pydantic import SecretStr

from sago.domain.connections import Connection, Stream, Token, Window
from sago.domain.messages import Message
from sago.errors import (
    AccountRefusedError,
    CursorExpiredError,
    InvalidMessageError,
    NotThereError,
    TransientError,
)
from sago.ports import Delivery, Identity, Item, Page, Push, Vendor
from sago.sections import Section

ACCOUNT = "P1"
FIRST = "sago-test-token-paged-1"


class PagedSettings(Section):
    """Where the vendor is."""

    api_url: str = "http://127.0.0.1:1/"


class Line(NamedTuple):
    """What somebody said in a room."""

    room: str
    number: int
    at: datetime
    text: str


class Answer(NamedTuple):
    """Of the vendor; a body that is no dict goes out as it is."""

    status: int
    body: object
    headers: Mapping[str, str] = {}
    after: float = 0.0
    """Seconds until it comes."""
    is_cut: bool = False
    """The connection ends in the middle of it."""
    trickles: bool = False
    """It comes byte by byte, each a tenth of a second after the other."""


WELL = None
"""In a script: an answer as it should be."""
SLOWLY = "slowly"
"""In a script: as it should be, in a second."""
ENDS = "ends"
"""In a script: the token ends."""
TWICE = "twice"
"""In a script: the page of the request before, under a new name."""


@dataclass
class Book:
    """What the vendor keeps; a script is used up one request a list, whoever asks."""

    lines: list[Line] = field(default_factory=list)
    page_size: int = 2
    script: deque[Answer | str | None] = field(default_factory=deque)
    tokens: dict[str, str] = field(default_factory=lambda: {FIRST: "refresh-1"})
    """Those that are good, with what they are renewed by."""
    renewed: int = 0
    asked: list[str] = field(default_factory=list)
    """The room and the page of each request for a list."""
    epoch: int = 1
    """Pages are named anew with each; older names have expired."""
    _lock: Lock = field(default_factory=Lock)

    def say(self, room: str, at: datetime, text: str = "") -> Line:
        """One line more."""
        line = Line(room, len(self.lines), at, text or f"standup {len(self.lines)}")
        self.lines.append(line)
        return line

    def end_token(self) -> None:
        """The token is good no more; what it is renewed by still is."""
        self.tokens = {f"ended-{access}": refresh for access, refresh in self.tokens.items()}

    def answer(self, path: str, params: Mapping[str, str], token: str) -> Answer:
        """As the vendor does, or as the script says."""
        with self._lock:
            if token not in self.tokens:
                return Answer(401, {"error": "ended"})
            if path == "rooms":
                return Answer(200, {"rooms": sorted({line.room for line in self.lines})})
            if path == "people":
                return Answer(200, {"people": [{"id": "U1", "name": "Ana", "address": "ana@scaleflow.example"}]})
            self.asked.append(f"{params.get('room')} {params.get('page', '')}".strip())
            told = self.script.popleft() if self.script else WELL
            if isinstance(told, Answer):
                return told
            if told == ENDS:
                self.end_token()
                return Answer(401, {"error": "ended"})
            listed = self._list(params, is_twice=told == TWICE)
            return listed._replace(after=0.8) if told == SLOWLY else listed

    def renew(self, refresh: str) -> Answer:
        """Another token; what renewed it is used up."""
        with self._lock:
            if refresh not in self.tokens.values():
                return Answer(400, {"error": "used up"})
            self.renewed += 1
            access = f"sago-test-token-paged-{self.renewed + 1}"
            self.tokens = {access: f"refresh-{self.renewed + 1}"}
            return Answer(200, {"access": access, "refresh": self.tokens[access]})

    def _list(self, params: Mapping[str, str], *, is_twice: bool) -> Answer:
        start, end = (datetime.fromisoformat(params[name]) for name in ("from", "to"))
        epoch, _, after = params.get("page", f"{self.epoch}-0").partition("-")
        if int(epoch) != self.epoch:
            return Answer(410, {"error": "page has expired"})
        found = [line for line in self.lines if line.room == params["room"] and start <= line.at < end]
        if not any(line.room == params["room"] for line in self.lines):
            return Answer(404, {"error": "no such room"})
        begin = int(float(after))
        first = max(begin - self.page_size, 0) if is_twice else begin
        shown = found[first : first + self.page_size]
        is_more = first + self.page_size < len(found)
        # A page that comes twice has another name: only what is on it tells.
        name = f"{self.epoch}-{begin + 0.5 if is_twice else begin + self.page_size}"
        body = {"lines": [as_json(line) for line in shown], "next": name if is_more else None}
        return Answer(200, body)


def as_json(line: Line) -> dict[str, Any]:
    return {"room": line.room, "number": line.number, "at": line.at.isoformat(), "text": line.text, "by": "U1"}


class Paged:
    """The `Source`."""

    name = "paged"

    def __init__(self, settings: PagedSettings, limits: Mapping[str, int] | None = None) -> None:
        self._settings = settings
        self.limits = limits or {}

    def verify(self, delivery: Delivery) -> None:
        """It pushes nothing."""

    def unpack(self, delivery: Delivery) -> Push:
        return Push(ignored="pushes nothing")

    def ignored(self, item: Item) -> str | None:
        return "a join" if item.payload["text"] == "joined" else None

    def to_message(self, item: Item, company_id: str, names: Mapping[str, str]) -> Message:
        line = item.payload
        if line["text"] == "garbled":
            raise InvalidMessageError("text cannot be read", message_id=f"paged:{line['number']}")
        said = {"sender": names.get(line["by"], line["by"]), "sent_at": line["at"], "text": line["text"]}
        return Message(id=f"paged:{line['number']}", company_id=company_id, source="paged", raw=dict(line), **said)

    def streams(self, connection: Connection, vendor: Vendor) -> list[str]:
        return [room for room in vendor.get("rooms")["rooms"] if connection.takes(room)]

    def page(self, connection: Connection, vendor: Vendor, stream: Stream, window: Window) -> Page:
        asked = {"room": stream.name, "from": window.start.isoformat(), "to": window.end.isoformat()}
        if stream.cursor:
            asked["page"] = stream.cursor["page"]
        body = vendor.get("lines", asked, limit="lines")
        items = tuple(Item(line, stream.name, ("ana@scaleflow.example",)) for line in body["lines"])
        return Page(items, {"page": body["next"]} if body["next"] else None)

    def people(self, connection: Connection, vendor: Vendor) -> Iterable[Identity]:
        return [Identity(each["id"], each["name"], each["address"]) for each in vendor.get("people")["people"]]

    def judge(self, status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        if status == 410:
            raise CursorExpiredError("paged does not know this page any more")

    def renew(self, token: Token, now: datetime) -> Token:
        refresh = token.refresh.get_secret_value() if token.refresh else ""
        response = httpx2.post(f"{self._settings.api_url}token", json={"refresh": refresh})
        return renewed(response.status_code, response.json(), now)


def renewed(status: int, body: Mapping[str, Any], now: datetime) -> Token:
    """The token in an answer."""
    if status != 200:
        raise AccountRefusedError("paged does not renew this token")
    lasts = now + timedelta(hours=1)
    return Token(access=SecretStr(body["access"]), refresh=SecretStr(body["refresh"]), expires_at=lasts)


class ToldVendor:
    """The `Vendor` that asks a book in this process, and raises as one over HTTP does."""

    def __init__(self, book: Book, source: Paged) -> None:
        self._book = book
        self._source = source

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        told = {name: str(value) for name, value in (params or {}).items()}
        status, body, headers, *_ = self._book.answer(path, told, next(iter(self._book.tokens)))
        if status in (429, 500):
            wait = timedelta(seconds=float(headers["retry-after"])) if "retry-after" in headers else None
            raise TransientError(f"paged answers {status}", retry_after=wait)
        assert isinstance(body, dict)
        self._source.judge(status, headers, body)
        if status == 401:
            raise AccountRefusedError("paged answers 401: connect it again with `sago connect paged`")
        if status == 404:
            raise NotThereError("paged has no such room")
        found: dict[str, Any] = json.loads(json.dumps(body))
        return found

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:
        raise AssertionError("nothing is posted to paged")


def at(minute: int) -> datetime:
    """A minute of a morning."""
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC) + timedelta(minutes=minute)
