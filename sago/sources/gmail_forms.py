"""What Gmail's API answers, taken apart: lists, the history's records, a message's labels, people and body.

Forms: developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list, …/users.messages
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sago.errors import UnusableAnswerError, is_out_of_time
from sago.sources import gmail, mail_parts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = re.compile(r"-?[0-9]{1,16}")


@dataclass
class Change:
    """What the history says of one message: the labels it had at any time, and has now as far as that is told."""

    had: set[str] = field(default_factory=set)
    has: set[str] | None = None


def labels_of(payload: Mapping[str, Any]) -> set[str]:
    """The ids of a message's labels."""
    labels = payload.get("labelIds")
    return {each for each in labels if isinstance(each, str)} if isinstance(labels, list) else set()


def addresses_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Of From, then To, then Cc, each once."""
    headers = _headers(payload)
    found = mail_parts.senders_in(headers.get("from", ""))
    found += [each for name in ("to", "cc") for each in mail_parts.addresses_in(headers.get(name, ""))]
    return tuple(dict.fromkeys(found))


def _headers(payload: Mapping[str, Any]) -> dict[str, str]:
    tree = payload.get("payload")
    return mail_parts.headers_of(tree) if isinstance(tree, Mapping) else {}


def is_plain(payload: Mapping[str, Any]) -> bool:
    """Whether an answer in format `full` says all that is read: whose mail it is, and its text. Gmail decodes headers,
    and a name may then be taken for an address."""
    return has_body(payload) and not mail_parts.is_doubtful(_headers(payload).get("from", ""))


def changes_in(
    records: Sequence[Mapping[str, Any]], telling: Container[str]
) -> tuple[dict[str, Change], dict[str, None]]:
    """What became of messages, in the order of the records, and which were deleted; other labels than the `telling`
    ones come and go unnoticed. One that was taken away tells that a message had it: it may have come and been archived
    since we last asked."""
    changed: dict[str, Change] = {}
    deleted: dict[str, None] = {}
    for record in records:
        for kind in ("messagesAdded", "labelsAdded", "labelsRemoved"):
            for message, moved in _messages(record, kind):
                is_news = kind == "messagesAdded" or any(label in telling for label in moved)
                if not is_news and message["id"] not in changed:
                    continue
                change = changed.setdefault(message["id"], Change())
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
        if isinstance(message, Mapping) and _has_id(message):
            yield message, labels_of(row)


def _has_id(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("id"), str) and bool(row["id"])


def rows(answer: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """A list of an answer, absent where it is empty; raises UnusableAnswerError."""
    found = answer.get(key, [])
    if not isinstance(found, list) or not all(isinstance(row, Mapping) and _has_id(row) for row in found):
        raise UnusableAnswerError(f"Gmail answers without a list of {key}")
    return found


def next_page(answer: Mapping[str, Any]) -> str | None:
    """The next page's token; None at the end. Raises UnusableAnswerError."""
    following = answer.get("nextPageToken")
    if following is not None and not isinstance(following, str):
        raise UnusableAnswerError("Gmail answers with a nextPageToken that is none")
    return following or None


def history_id(answer: Mapping[str, Any]) -> str:
    value = str(answer.get("historyId", ""))
    if not re.fullmatch(r"\d{1,20}", value):
        raise UnusableAnswerError("Gmail answers without a historyId")
    return value


def is_before(payload: Mapping[str, Any], moment: datetime) -> bool:
    """False where the message has no time: that is told when it is read."""
    found = _MILLISECONDS.fullmatch(str(payload.get("internalDate")))
    return found is not None and int(found[0]) < (moment - _EPOCH) // timedelta(milliseconds=1)


def has_body(payload: Mapping[str, Any]) -> bool:
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
        return isinstance(body, Mapping) and ("data" in body or not (body.get("size") or body.get("attachmentId")))
    return not kind.startswith("multipart/")


def from_raw(answer: dict[str, Any]) -> Mapping[str, Any]:
    """The same message as format `full` gives it; as it came where it cannot be read, which is told in its time."""
    try:
        return gmail.full(answer)
    except Exception as error:
        if is_out_of_time(error):
            raise
        return answer
