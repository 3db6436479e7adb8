"""How a mailbox is read: whole from a day on, and from then on by what Gmail's history says has changed.

Forms: developers.google.com/workspace/gmail/api/reference/rest/v1/{users.history,users.messages,users.labels}/list,
…/users.messages/get, …/users/{getProfile,watch}; …/gmail/api/guides/sync, …/guides/push
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from sago.domain.connections import EVERY_CONTAINER, Connection, Stream
from sago.errors import (
    AccountRefusedError,
    CursorExpiredError,
    NotThereError,
    PermanentError,
)
from sago.ports import Item, Page, Vendor, guarded
from sago.sources import gmail, mail_kinds
from sago.sources import gmail_forms as forms

ME = "gmail/v1/users/me"
LIMIT = "requests"
USUAL = ("INBOX", "SENT")
PAGE = 50
"""Messages of a list, or records of the history, that one call asks for."""
READS = 10
"""Messages that are read between two checkpoints: with two calls each, within a task's time at ten seconds a call."""
MOST_AGAIN = 5
"""Times that one window's lists are begun again, before the window itself is."""
LEFT_OUT = "left_out"
"""In the payload of an item that stands for a message which was not fetched: why."""
TOO_OLD = "said before what is shared begins"
GONE = "deleted before it was read"
DELETED = "deleted in the mailbox"


class _ForgottenError(CursorExpiredError):
    """Of a page; the list it is of can be read again from its beginning."""


class Shared(NamedTuple):
    """A label in the share."""

    container: str
    """As the founder named it."""
    label: str | None
    """Gmail's id of it; None: whatever there is."""


def shared(connection: Connection, vendor: Vendor) -> list[Shared]:
    """The labels of the share, by id or by name; raises PermanentError for one that the mailbox does not have."""
    if EVERY_CONTAINER in connection.containers:
        return [Shared(EVERY_CONTAINER, None)]
    labels = forms.rows(vendor.get(f"{ME}/labels", limit=LIMIT), "labels")
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


def page(connection: Connection, vendor: Vendor, stream: Stream) -> Page:
    """As `Source.page`: by history where the stream has a mark and no more is shared than when it was made, else
    whole. Where the share changed since the last page the window begins anew."""
    if not connection.containers:
        return Page((), None)
    at = dict(stream.cursor or {})
    if at.get("share") != _share(connection):
        at = _beginning(connection, vendor, stream)
    mailbox = Mailbox(connection, vendor, [Shared(*each) for each in at["labels"]])
    try:
        if at.get("unread"):
            answer = mailbox.read(at, at["unread"], at["then"])
        else:
            answer = mailbox.changes(at) if "after" in at else mailbox.listed(at)
    except _ForgottenError:
        if at["again"] == MOST_AGAIN:
            raise
        return Page((), at | {"page": None, "again": at["again"] + 1})
    if answer.cursor is not None:
        return answer
    return answer._replace(mark={"history": at["until"], "share": at["share"]})


def _beginning(connection: Connection, vendor: Vendor, stream: Stream) -> dict[str, Any]:
    """The first cursor of a window. A full sync asks for the history's id before it lists anything: what comes in
    between is told again by the history, and nothing is lost. It goes as far back as the share, also where Gmail has
    forgotten the id: a label may have been put on an old mail meanwhile."""
    share, mark = _share(connection), stream.mark
    at: dict[str, Any] = {"share": share, "labels": [list(each) for each in shared(connection, vendor)]}
    at |= {"page": None, "again": 0}
    if mark and _reaches(mark["share"], share):
        return at | {"after": mark["history"], "until": None}
    until = forms.history_id(vendor.get(f"{ME}/profile", limit=LIMIT))
    return at | {"until": until, "label": 0, "from": max(int(_since(connection).timestamp()) - 1, 0)}


def _share(connection: Connection) -> dict[str, Any]:
    """What is shared, as it is compared."""
    return {"since": _since(connection).isoformat(), "containers": sorted(connection.containers)}


def _reaches(known: Mapping[str, Any], share: Mapping[str, Any]) -> bool:
    """Whether what was read up to a mark is all of a share's past."""
    is_wide = EVERY_CONTAINER in known["containers"] or set(known["containers"]) >= set(share["containers"])
    return is_wide and datetime.fromisoformat(known["since"]) <= datetime.fromisoformat(share["since"])


def _since(connection: Connection) -> datetime:
    return connection.since or connection.created_at


@dataclass(frozen=True)
class Mailbox:
    """One mailbox while a page of it is read."""

    connection: Connection
    vendor: Vendor
    labels: Sequence[Shared]

    def listed(self, at: dict[str, Any]) -> Page:
        """A page of one label's messages since a moment. It has no end by the clock: what comes meanwhile is listed or
        told by the history, most often both, and clocks that differ lose nothing."""
        label = self.labels[at["label"]].label
        params = {"q": f"after:{at['from']}"} | ({"labelIds": label} if label else {})
        answer = self._list("messages", params, at)
        unread = [[row["id"], [label] if label else []] for row in forms.rows(answer, "messages")]
        if token := forms.next_page(answer):
            return self.read(at, unread, at | {"page": token})
        is_last = at["label"] + 1 == len(self.labels)
        return self.read(at, unread, None if is_last else at | {"label": at["label"] + 1, "page": None})

    def read(self, at: dict[str, Any], unread: Sequence[list[Any]], then: dict[str, Any] | None) -> Page:
        """Some of the messages that a list named, each with the labels it had; the cursor holds the others, and where
        to go on behind them."""
        items = tuple(self._read(message_id, set(had)) for message_id, had in unread[:READS])
        others = unread[READS:]
        return Page(items, at | {"unread": others, "then": then} if others else then)

    def changes(self, at: dict[str, Any]) -> Page:
        """A page of the history; at its end the id that it had at its beginning is where the next one goes on."""
        try:
            answer = self._list("history", {"startHistoryId": at["after"]}, at)
        except NotThereError:
            raise CursorExpiredError(
                f"Gmail's history of {self.connection.account} does not reach back so far"
            ) from None
        at["until"] = at["until"] or forms.history_id(answer)
        changed, deleted = forms.changes_in(forms.rows(answer, "history"), self._telling())
        items, unread = [left_out(message_id, DELETED) for message_id in deleted], []
        for message_id, change in changed.items():
            if message_id in deleted:
                continue
            if known := self._known(message_id, change):
                items.append(known)
            else:
                unread.append([message_id, sorted(change.had)])
        token = forms.next_page(answer)
        page = self.read(at, unread, at | {"page": token} if token else None)
        return page._replace(items=(*page.items, *items))

    def _known(self, message_id: str, change: forms.Change) -> Item | None:
        """What need not be fetched, as it is not to be taken."""
        if change.has is None:
            return None
        known = Item({"id": message_id, "labelIds": sorted(change.has)}, self._container(change.had | change.has))
        return known if _hidden(change.has) or not self.connection.takes(known.container) else None

    def _read(self, message_id: str, had: set[str]) -> Item:
        try:
            payload: Mapping[str, Any] = self._message(message_id, "full")
            if not _hidden(forms.labels_of(payload)) and not forms.is_plain(payload):
                payload = forms.from_raw(self._message(message_id, "raw"))
        except NotThereError:
            return left_out(message_id, GONE)
        if forms.is_before(payload, _since(self.connection)):
            return left_out(message_id, TOO_OLD)
        bare = Item(payload, self._container(forms.labels_of(payload) | had))
        return guarded(bare, lambda: bare._replace(addresses=forms.addresses_of(payload)))

    def _message(self, message_id: str, form: str) -> dict[str, Any]:
        """Without what changes each time it is looked at: a dead letter is known by its payload."""
        path = f"{ME}/messages/{quote(message_id.encode('utf-8', 'replace'), safe='')}"
        answer = self.vendor.get(path, {"format": form}, limit=LIMIT)
        return {name: value for name, value in answer.items() if name != "historyId"}

    def _list(self, what: str, params: Mapping[str, str], at: Mapping[str, Any]) -> dict[str, Any]:
        """A page of a list; raises _ForgottenError where Gmail does not know the page's token any more."""
        token = at["page"]
        asked = dict(params) | {"maxResults": PAGE} | ({"pageToken": token} if token else {})
        try:
            return self.vendor.get(f"{ME}/{what}", asked, limit=LIMIT)
        except (AccountRefusedError, NotThereError):
            raise
        except PermanentError as error:
            if token is None:
                raise
            raise _ForgottenError(f"Gmail does not go on where {self.connection.account} stopped: {error}") from None

    def _telling(self) -> set[str]:
        """Labels whose coming or going may bring a message into the share."""
        return {each.label for each in self.labels if each.label} | set(mail_kinds.LABELS)

    def _container(self, labels: set[str]) -> str | None:
        """The first label of the share among them; where everything is shared, one of the founder's own before INBOX
        and SENT, and these before others."""
        if self.labels[0].label is None:
            return min(labels, key=lambda each: (not each.startswith("Label_"), each not in USUAL, each), default=None)
        return next((each.container for each in self.labels if each.label in labels), None)


def ignored(item: Item) -> str | None:
    """Why a message is left out on purpose."""
    if reason := item.payload.get(LEFT_OUT):
        return str(reason)
    return _hidden(forms.labels_of(item.payload)) or gmail.ignored(item.payload)


def left_out(message_id: str, reason: str) -> Item:
    """An item in the place of a message, so that it is counted."""
    return Item({"id": message_id, LEFT_OUT: reason})


def _hidden(labels: set[str]) -> str | None:
    return next((reason for label, reason in mail_kinds.LABELS.items() if label in labels), None)
