"""A mailbox as Gmail keeps it: messages with labels, and a history of what became of them.

Forms: developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list and users.messages
"""

import base64
import email
import email.utils
import itertools
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.standins import gmail_full

SYSTEM = ("INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "CHAT", "UNREAD", "STARRED", "IMPORTANT", "CATEGORY_UPDATES")
HIDDEN = {"SPAM", "TRASH"}


@dataclass
class Kept:
    """A message that is there."""

    id: str
    thread_id: str
    raw: bytes
    labels: list[str]
    internal_date: int
    history_id: int


@dataclass
class Mailbox:
    """One account. Ids of the history grow by more than one, as Gmail's do."""

    address: str
    labels: dict[str, str] = field(default_factory=lambda: {name: name for name in SYSTEM})
    messages: dict[str, Kept] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    history_id: int = 1000
    oldest: int = 0
    """Ids of the history below it have expired."""
    watched: dict[str, Any] | None = None
    aside: int = gmail_full.ASIDE
    """Bytes of a text above which format `full` leaves it out."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: Iterable[int] = field(default_factory=lambda: itertools.count(0x18C0FFEE00000000))

    def make_label(self, name: str) -> str:
        """A label of the founder's own; its id."""
        label = f"Label_{len(self.labels)}"
        self.labels[label] = name
        return label

    def add(
        self, raw: bytes, labels: Iterable[str] = ("INBOX", "UNREAD"), *, at: datetime | None = None, thread: str = ""
    ) -> str:
        """A mail that comes in. Its internalDate is that of its Date header (`internalDateSource=dateHeader`), of `at`
        where it has none that can be read."""
        with self.lock:
            message_id = f"{next(self._ids):x}"  # type: ignore[call-overload]
            self.messages[message_id] = kept = Kept(
                message_id, thread or message_id, raw, list(labels), _said_at(raw, at), 0
            )
            self._tell("messagesAdded", kept, {})
            return message_id

    def label(self, message_id: str, *labels: str) -> None:
        kept = self.messages[message_id]
        with self.lock:
            kept.labels += [each for each in labels if each not in kept.labels]
            self._tell("labelsAdded", kept, {"labelIds": list(labels)})

    def unlabel(self, message_id: str, *labels: str) -> None:
        kept = self.messages[message_id]
        with self.lock:
            kept.labels = [each for each in kept.labels if each not in labels]
            self._tell("labelsRemoved", kept, {"labelIds": list(labels)})

    def delete(self, message_id: str) -> None:
        """For ever, not into the trash."""
        with self.lock:
            self._tell("messagesDeleted", self.messages.pop(message_id), {})

    def expire_history(self) -> None:
        """What was told up to now cannot be asked for any more."""
        self.oldest = self.history_id + 1
        self.history_id += 7

    def listed(self, query: str, labels: list[str], with_hidden: bool) -> list[Kept]:
        """Newest first."""
        after, before = (re.search(rf"\b{word}:(\d+)", query) for word in ("after", "before"))
        with self.lock:
            found = [
                each
                for each in self.messages.values()
                if set(labels) <= set(each.labels)
                and (with_hidden or HIDDEN.isdisjoint(each.labels))
                and (not after or each.internal_date > int(after[1]) * 1000)
                and (not before or each.internal_date < int(before[1]) * 1000)
            ]
        return sorted(found, key=lambda each: (each.internal_date, each.id), reverse=True)

    def records(self, after: int) -> list[dict[str, Any]]:
        with self.lock:
            return [record for record in self.history if int(record["id"]) > after]

    def shown(self, kept: Kept, form: str) -> dict[str, Any]:
        """As `users.messages.get` gives it."""
        mail = email.message_from_bytes(kept.raw)
        told: dict[str, Any] = {
            "id": kept.id,
            "threadId": kept.thread_id,
            "labelIds": list(kept.labels),
            "snippet": "",
            "sizeEstimate": len(kept.raw),
            "historyId": str(kept.history_id),
            "internalDate": str(kept.internal_date),
        }
        if form == "raw":
            return told | {"raw": base64.urlsafe_b64encode(kept.raw).decode()}
        if form == "full":
            return told | {"payload": gmail_full.tree(kept.raw, self.aside)}
        if form == "metadata":
            headers = [{"name": name, "value": str(value)} for name, value in mail.items()]
            return told | {"payload": {"mimeType": mail.get_content_type(), "headers": headers}}
        return told

    def _tell(self, kind: str, kept: Kept, more: dict[str, Any]) -> None:
        self.history_id += 3
        kept.history_id = self.history_id
        message = {"id": kept.id, "threadId": kept.thread_id}
        row = {"message": message | {"labelIds": list(kept.labels)}} | more
        self.history.append({"id": str(self.history_id), "messages": [message], kind: [row]})


def _said_at(raw: bytes, at: datetime | None) -> int:
    try:
        moment = email.utils.parsedate_to_datetime(str(email.message_from_bytes(raw)["Date"]))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return int((at.timestamp() if at else time.time()) * 1000)
