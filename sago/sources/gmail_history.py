"""How a mailbox is read: whole from a day on, and from then on by what Gmail's history says has changed.

Forms: developers.google.com/workspace/gmail/api/reference/rest/v1/{users.history,users.messages,users.labels}/list,
…/users.messages/get, …/users/{getProfile,watch}; …/gmail/api/guides/sync, …/guides/push
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from sago.domain.connections import EVERY_CONTAINER, Connection, Stream, Window
from sago.errors import (
    AccountRefusedError,
    CursorExpiredError,
    InvalidMessageError,
    NotThereError,
    PermanentError,
    UnusableAnswerError,
)
from sago.ports import Item, Page, Vendor
from sago.sources import gmail, mail_kinds, mail_parts

ME = "gmail/v1/users/me"
LIMIT = "requests"
PAGE = 50
"""Messages of a list, or records of the history, that are read between two checkpoints."""
LEFT_OUT = "left_out"
"""In the payload of an item that stands for a message which was not fetched: why."""
TOO_OLD = "said before what is shared begins"
GONE = "deleted before it was read"
DELETED = "deleted in the mailbox"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Shared(NamedTuple):
    """A label in the share."""

    container: str
    """As the founder named it."""
    label: str | None
    """Gmail's id of it; None: whatever there is."""


@dataclass
class _Change:
    """What the history says of one message: the labels it had at any time, and has now as far as that is told."""

    had: set[str] = field(default_factory=set)
    has: set[str] | None = None


def shared(connection: Connection, vendor: Vendor) -> list[Shared]:
    """The labels of the share, by id or by name; raises PermanentError for one that the mailbox does not have."""
    if EVERY_CONTAINER in connection.containers:
        return [Shared(EVERY_CONTAINER, None)]
    if not connection.containers:
        raise PermanentError(
            f"{connection.account} shares no label: connect it with INBOX and SENT, or labels of yours"
        )
    labels = _rows(vendor.get(f"{ME}/labels", limit=LIMIT), "labels")
    by_name = {str(each.get("name", "")).casefold(): each["id"] for each in labels}
    ids = {each["id"] for each in labels}
    found = []
    for name in connection.containers:
        label = name if name in ids else by_name.get(name.casefold())
        if label is None:
            near = difflib.get_close_matches(name.casefold(), by_name, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise PermanentError(
                f"{connection.account} has no label {name!r}{hint}: connect it again with labels it has"
            )
        found.append(Shared(name, label))
    return found


def watch(connection: Connection, vendor: Vendor, topic: str) -> None:
    """Have Gmail tell of news at a topic of Pub/Sub for seven days; raises PermanentError where it will not."""
    labels = [each.label for each in shared(connection, vendor) if each.label]
    chosen = {"labelIds": labels, "labelFilterBehavior": "include"} if labels else {}
    try:
        vendor.post(f"{ME}/watch", {"topicName": topic} | chosen, limit=LIMIT)
    except AccountRefusedError:
        raise
    except PermanentError as error:
        raise PermanentError(
            f"{error}: the mailbox is read, but Gmail does not tell of news. See that gmail.push_topic is there, and "
            "that gmail-api-push@system.gserviceaccount.com may publish to it"
        ) from None


def page(connection: Connection, vendor: Vendor, stream: Stream, window: Window) -> Page:
    """As `Source.page`: by history where the stream has a mark, else the window whole."""
    at = dict(stream.cursor or _beginning(connection, vendor, stream))
    mailbox = Mailbox(connection, vendor, [Shared(*each) for each in at["labels"]])
    answer = mailbox.changes(at) if "after" in at else mailbox.listed(at, window)
    if answer.cursor is not None:
        return answer
    return answer._replace(mark={"history": at["until"]})


def _beginning(connection: Connection, vendor: Vendor, stream: Stream) -> dict[str, Any]:
    """The first cursor of a window. A full sync asks for the history's id before it lists anything: what comes in
    between is told again by the history, and nothing is lost."""
    at: dict[str, Any] = {"labels": [list(each) for each in shared(connection, vendor)], "page": None}
    if stream.mark:
        return at | {"after": stream.mark["history"], "until": None}
    return at | {"until": _history_id(vendor.get(f"{ME}/profile", limit=LIMIT)), "label": 0}


@dataclass(frozen=True)
class Mailbox:
    """One mailbox while a page of it is read."""

    connection: Connection
    vendor: Vendor
    labels: Sequence[Shared]

    def listed(self, at: dict[str, Any], window: Window) -> Page:
        """A page of one label's messages since the window's start. It has no end by the clock: what comes meanwhile is
        listed or told by the history, most often both, and clocks that differ lose nothing."""
        label = self.labels[at["label"]].label
        params = {"q": f"after:{max(int(window.start.timestamp()) - 1, 0)}"} | ({"labelIds": label} if label else {})
        answer = self._list("messages", params, at["page"])
        items = tuple(self._read(row["id"], {label} if label else set()) for row in _rows(answer, "messages"))
        if token := _next(answer, at["page"]):
            return Page(items, at | {"page": token})
        is_last = at["label"] + 1 == len(self.labels)
        return Page(items, None if is_last else at | {"label": at["label"] + 1, "page": None})

    def changes(self, at: dict[str, Any]) -> Page:
        """A page of the history; at its end the id that it had at its beginning is where the next one goes on."""
        try:
            answer = self._list("history", {"startHistoryId": at["after"]}, at["page"])
        except NotThereError:
            raise CursorExpiredError(
                f"Gmail's history of {self.connection.account} does not reach back so far"
            ) from None
        at["until"] = at["until"] or _history_id(answer)
        changed, deleted = _changes(_rows(answer, "history"))
        items = [self._changed(message_id, each) for message_id, each in changed.items() if message_id not in deleted]
        items += [left_out(message_id, DELETED) for message_id in deleted]
        token = _next(answer, at["page"])
        return Page(tuple(items), at | {"page": token} if token else None)

    def _changed(self, message_id: str, change: _Change) -> Item:
        """Fetched only where it may be taken."""
        if change.has is not None:
            known = Item({"id": message_id, "labelIds": sorted(change.has)}, self._container(change.had | change.has))
            if _hidden(change.has) or not self.connection.takes(known.container):
                return known
        return self._read(message_id, change.had)

    def _read(self, message_id: str, had: set[str]) -> Item:
        try:
            payload: Mapping[str, Any] = self._message(message_id, "full")
            if not _hidden(labels_of(payload)) and not _has_body(payload):
                payload = _from_raw(self._message(message_id, "raw"))
        except NotThereError:
            return left_out(message_id, GONE)
        if _is_before(payload, self.connection.since or self.connection.created_at):
            return left_out(message_id, TOO_OLD)
        return Item(payload, self._container(labels_of(payload) | had), addresses_of(payload))

    def _message(self, message_id: str, form: str) -> dict[str, Any]:
        path = f"{ME}/messages/{quote(message_id, safe='')}"
        return self.vendor.get(path, {"format": form}, limit=LIMIT)

    def _list(self, what: str, params: Mapping[str, str], token: str | None) -> dict[str, Any]:
        """A page of a list; Gmail refuses a page's token that it does not know any more."""
        asked = dict(params) | {"maxResults": PAGE} | ({"pageToken": token} if token else {})
        try:
            return self.vendor.get(f"{ME}/{what}", asked, limit=LIMIT)
        except (AccountRefusedError, NotThereError):
            raise
        except PermanentError as error:
            if token is None:
                raise
            raise CursorExpiredError(f"Gmail does not go on where {self.connection.account} stopped: {error}") from None

    def _container(self, labels: set[str]) -> str | None:
        """The first label of the share among them; where everything is shared, the first there is."""
        if self.labels[0].label is None:
            return min(labels, default=None)
        return next((each.container for each in self.labels if each.label in labels), None)


def ignored(item: Item) -> str | None:
    """Why a message is left out on purpose."""
    if reason := item.payload.get(LEFT_OUT):
        return str(reason)
    return _hidden(labels_of(item.payload)) or gmail.ignored(item.payload)


def left_out(message_id: str, reason: str) -> Item:
    """An item in the place of a message, so that it is counted."""
    return Item({"id": message_id, LEFT_OUT: reason})


def labels_of(payload: Mapping[str, Any]) -> set[str]:
    """The ids of a message's labels."""
    labels = payload.get("labelIds")
    return {each for each in labels if isinstance(each, str)} if isinstance(labels, list) else set()


def addresses_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Of From, then To, then Cc, each once."""
    tree = payload.get("payload")
    headers = mail_parts.headers_of(tree) if isinstance(tree, Mapping) else {}
    found = [each for name in ("from", "to", "cc") for each in mail_parts.addresses_in(headers.get(name, ""))]
    return tuple(dict.fromkeys(found))


def _hidden(labels: set[str]) -> str | None:
    return next((reason for label, reason in mail_kinds.LABELS.items() if label in labels), None)


def _changes(records: Sequence[Mapping[str, Any]]) -> tuple[dict[str, _Change], dict[str, None]]:
    """What became of messages, in the order of the records, and which were deleted. A label that was taken away tells
    that a message had it: it may have come and been archived since we last asked."""
    changed: dict[str, _Change] = {}
    deleted: dict[str, None] = {}
    for record in records:
        for kind in ("messagesAdded", "labelsAdded", "labelsRemoved"):
            for message, moved in _messages(record, kind):
                change = changed.setdefault(message["id"], _Change())
                change.had |= moved
                if isinstance(message.get("labelIds"), list):
                    has = labels_of(message)
                    change.has = has - moved if kind == "labelsRemoved" else has | moved
                    change.had |= change.has
        deleted |= dict.fromkeys(message["id"] for message, _ in _messages(record, "messagesDeleted"))
    return changed, deleted


def _messages(record: Mapping[str, Any], kind: str) -> Iterator[tuple[Mapping[str, Any], set[str]]]:
    rows = record.get(kind)
    for row in rows if isinstance(rows, list) else []:
        message = row.get("message") if isinstance(row, Mapping) else None
        if isinstance(message, Mapping) and isinstance(message.get("id"), str):
            yield message, labels_of(row)


def _rows(answer: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of an answer, absent where it is empty; raises UnusableAnswerError."""
    rows = answer.get(key, [])
    if not isinstance(rows, list) or not all(
        isinstance(row, Mapping) and isinstance(row.get("id"), str) for row in rows
    ):
        raise UnusableAnswerError(f"Gmail answers without a list of {key}")
    return rows


def _next(answer: Mapping[str, Any], token: str | None) -> str | None:
    """The next page's token; raises UnusableAnswerError where a page names itself."""
    following = answer.get("nextPageToken")
    if following is not None and (not isinstance(following, str) or following == token):
        raise UnusableAnswerError("Gmail answers with a page that leads to itself")
    return following or None


def _history_id(answer: Mapping[str, Any]) -> str:
    value = str(answer.get("historyId", ""))
    if not re.fullmatch(r"\d{1,20}", value):
        raise UnusableAnswerError("Gmail answers without a historyId")
    return value


def _is_before(payload: Mapping[str, Any], moment: datetime) -> bool:
    """False where the message has no time: that is told when it is read."""
    value = payload.get("internalDate")
    return isinstance(value, str) and value.isdecimal() and int(value) < (moment - _EPOCH) // timedelta(milliseconds=1)


def _has_body(payload: Mapping[str, Any]) -> bool:
    """Whether each text in the answer came with its letters: Gmail puts a large one aside as an attachment, and does
    not look for the parts of a mail whose boundaries are wrong."""
    tree = payload.get("payload")
    return isinstance(tree, Mapping) and bool(tree) and all(_is_whole(part) for part in _leaves(tree))


def _leaves(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        parts = part.get("parts")
        inner = [each for each in parts if isinstance(each, Mapping)] if isinstance(parts, list) else []
        waiting += inner
        if not inner:
            yield part


def _is_whole(part: Mapping[str, Any]) -> bool:
    body = part.get("body")
    kind = mail_parts.kind_of(part)
    if kind.startswith("text/") and not part.get("filename"):
        return isinstance(body, Mapping) and ("data" in body or not body.get("size"))
    return not kind.startswith("multipart/")


def _from_raw(answer: dict[str, Any]) -> Mapping[str, Any]:
    """The same message as format `full` gives it; as it came where it cannot be read, which is told in its time."""
    try:
        return gmail.full(answer)
    except InvalidMessageError:
        return answer
