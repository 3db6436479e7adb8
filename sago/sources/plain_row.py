"""A plain row: the columns of our CSV, made into a message as its source would have sent it.

`id`, `timestamp` and `content` are needed. The sender of a chat is `chat_sender`, else `email_sender`, of a mail the
other way round, else `sender` in either. The row's id is the native id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.sources import gmail, slack
from sago.sources.timestamps import parse_timestamp

SENDERS = {
    slack.SOURCE: ("chat_sender", "email_sender", "sender"),
    gmail.SOURCE: ("email_sender", "chat_sender", "sender"),
}


def to_message(row: Mapping[str, str], source: str, company_id: str) -> Message:
    """The message in a row whose values are text; `source` is slack or gmail. Raises InvalidMessageError."""
    if not row.get("id"):
        raise InvalidMessageError("id is empty", field="id")
    sent_at = parse_timestamp(row.get("timestamp", ""))
    given: dict[str, Any] = {
        "native_id": row["id"],
        "sender": next((row[name] for name in SENDERS[source] if row.get(name)), ""),
        "sent_at": sent_at,
        "text": row.get("content", ""),
        "thread_id": row.get("thread_id") or None,
    }
    if source == slack.SOURCE:
        return slack.to_message(slack.to_payload(**given), company_id)
    return gmail.to_message(gmail.to_payload(**given), company_id)
