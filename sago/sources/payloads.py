"""One message as a program hands it in: its source's own payload, or a plain row in the columns of our CSV."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sago.domain.json_words import in_json
from sago.domain.messages import COMPANY_ID, COMPANY_ID_IN_WORDS, Message
from sago.errors import InvalidMessageError
from sago.sources import plain_row
from sago.sources.registry import PAYLOADS, payload_reader
from sago.sources.rows import check

PLAIN_MARKS = frozenset({"content", "timestamp"})
"""A row has one of these; no payload of a source has either."""
PLAIN_NAMES = {"sent_at": "timestamp", "text": "content"}
COLUMNS = ("id", "timestamp", "content", "chat_sender", "email_sender", "sender", "thread_id")
IS_CHAT = {"slack": True, "gmail": False}
SHOWN = 60
"""Characters of a wrong value that an error repeats."""


def to_message(source: str, data: Mapping[str, Any], company_id: str, now: datetime) -> Message:
    """The message, as Kafka would take it. Raises InvalidMessageError; its `field` is a path into `data`."""
    try:
        message = _plain(source, data, company_id) if is_plain(data) else _native(source, data, company_id)
        check(message, now)
    except InvalidMessageError as error:
        names = PLAIN_NAMES if is_plain(data) else PAYLOADS[source].names
        field = names.get(error.field or "", error.field)
        reason = re.sub("^sent_at ", f"{field} ", error.reason)
        raise InvalidMessageError(reason, message_id=error.message_id, field=field) from error
    return message


def is_plain(data: Mapping[str, Any]) -> bool:
    """Whether it is a row in the columns of our CSV, and not a source's own payload."""
    return not PLAIN_MARKS.isdisjoint(data)


def check_source(source: object) -> str:
    """The name of a source whose payloads can be read; raises InvalidMessageError."""
    if isinstance(source, str) and source in PAYLOADS:
        return source
    near = difflib.get_close_matches(str(source).lower(), PAYLOADS, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    known = " or ".join(sorted(PAYLOADS))
    raise InvalidMessageError(f"{shown(source)} is no source: say {known}{hint}", field="source_name")


def check_company(company_id: object) -> str:
    """A company's id in its form; raises InvalidMessageError."""
    if isinstance(company_id, str) and re.fullmatch(COMPANY_ID, company_id, re.ASCII):
        return company_id
    raise InvalidMessageError(
        f"{shown(company_id)} is no company id: {COMPANY_ID_IN_WORDS}",
        field="company_id",
    )


def shown(value: object) -> str:
    """A value as an error repeats it: on one line, and not all of it."""
    text = in_json(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _native(source: str, data: Mapping[str, Any], company_id: str) -> Message:
    if PAYLOADS[source].mark not in data:
        raise InvalidMessageError(f"neither a message as {source} sends it nor a row with id, timestamp, content")
    return payload_reader(source).to_message(data, company_id)


def _plain(source: str, data: Mapping[str, Any], company_id: str) -> Message:
    _check_kind(source, data.get("is_chat"))
    row = {name: _text(name, data[name]) for name in COLUMNS if data.get(name) is not None}
    return plain_row.to_message(row, source, company_id)


def _check_kind(source: str, is_chat: object) -> None:
    """A row that says what it is must say the same as its source."""
    said = str(is_chat).strip().casefold()
    if is_chat is not None and said not in (("true", "1", "yes") if IS_CHAT[source] else ("false", "0", "no")):
        raise InvalidMessageError(f"{shown(is_chat)} does not fit source_name {source}", field="is_chat")


def _text(name: str, value: object) -> str:
    """Text, or a number where a column may hold one; blanks around it count in `content` alone."""
    if isinstance(value, str):
        return value if name == "content" else value.strip()
    if name in ("id", "timestamp", "thread_id") and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InvalidMessageError(f"must be text, not {shown(value)}", field=name)
