"""RFC 822 mails as they lie in files, made into Gmail's shape and read from there; the malformed ones too.

The native id is the Message-ID, or `sha256-…` of the bytes where there is none. The thread is the first of References,
else In-Reply-To, else the mail itself. Text parts are carried as UTF-8 with LF line ends, attachments by name only.
"""

from __future__ import annotations

import email
import email.header
import email.message
import email.policy
import email.utils
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.sources import gmail
from sago.sources.mail_text import decode_bytes
from sago.sources.registry import ReadRequest
from sago.sources.rows import BadRow, Row, check, topic_of

ID_LIMIT = 500
_ID = re.compile(r"<([^<>\s]+)>")
_KEPT = {"content-type", "content-disposition", "from", "to", "cc", "date", "subject", "message-id"} | {
    "in-reply-to",
    "references",
    "list-id",
    "list-unsubscribe",
    "auto-submitted",
    "precedence",
}


def rows(raw: bytes, request: ReadRequest, file_sha256: str, line: int) -> Iterator[Row]:
    """The one message in `raw`, or the reason why it is none; never raises."""
    try:
        message = to_message(raw, request.company_id)
        check(message, request.now)
    except InvalidMessageError as error:
        yield BadRow(line, error.reason, raw, file_sha256, topic_of(gmail.SOURCE), request.company_id, error.message_id)
    else:
        yield message


def to_message(raw: bytes, company_id: str) -> Message:
    """The message in a mail's bytes; raises InvalidMessageError."""
    return gmail.to_message(to_payload(raw), company_id)


def to_payload(raw: bytes) -> dict[str, Any]:
    """The mail as Gmail's API would give it; raises InvalidMessageError where it has no usable Date."""
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    native_id = _message_id(mail) or f"sha256-{hashlib.sha256(raw).hexdigest()[:32]}"
    sent_at = _date(mail, native_id)
    tree = _part(mail, "", gmail.DEPTH)
    return gmail.envelope(
        native_id=native_id, thread_id=_thread(mail) or native_id, sent_at=sent_at, snippet="", payload=tree
    )


def tree(raw: bytes) -> dict[str, Any]:
    """The mail's parts alone, as Gmail's API would give them; never raises."""
    return _part(email.message_from_bytes(raw, policy=email.policy.compat32), "", gmail.DEPTH)


def header(mail: email.message.Message, name: str) -> str:
    """A header as text with its surrogates (raw 8-bit bytes) read as UTF-8 or Latin-1; empty where it is absent."""
    return _text(mail.get(name, ""))


def _text(value: object) -> str:
    said = "".join(_chunks(value)) if isinstance(value, email.header.Header) else str(value)
    return decode_bytes(said.encode("utf-8", "surrogateescape"), None) if not said.isascii() else said


def _chunks(value: email.header.Header) -> Iterator[str]:
    """compat32 gives a Header where the bytes were not ASCII."""
    for part, charset in email.header.decode_header(value):
        yield decode_bytes(part, None if charset == "unknown-8bit" else charset) if isinstance(part, bytes) else part


def _message_id(mail: email.message.Message) -> str | None:
    said = header(mail, "Message-ID").strip()
    found = _ID.search(said)
    native_id = found[1] if found else "".join(said.split())
    return native_id.replace("\x00", "") if 0 < len(native_id) <= ID_LIMIT else None


def _thread(mail: email.message.Message) -> str | None:
    for name in ("References", "In-Reply-To"):
        found = _ID.search(header(mail, name))
        if found and len(found[1]) <= ID_LIMIT:
            return found[1]
    return None


def _date(mail: email.message.Message, native_id: str) -> datetime:
    said = header(mail, "Date").strip()
    if not said:
        raise InvalidMessageError("the mail has no Date", message_id=f"{gmail.SOURCE}:{native_id}")
    try:
        moment = email.utils.parsedate_to_datetime(said)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise InvalidMessageError(f"Date {said[:60]!r} is no time", message_id=f"{gmail.SOURCE}:{native_id}") from error


def _part(part: email.message.Message, part_id: str, depth: int) -> dict[str, Any]:
    """A part in Gmail's shape; parts nested deeper than `depth` are left out."""
    kind = part.get_content_type()
    node: dict[str, Any] = {
        "partId": part_id,
        "mimeType": kind,
        "filename": _filename(part),
        "headers": [{"name": name, "value": _text(value)} for name, value in part.items() if name.lower() in _KEPT],
        "body": {"size": 0},
    }
    inner = part.get_payload() if part.is_multipart() else None
    if isinstance(inner, list):
        # A mail inside a mail is old news of another: forwarded as an attachment, it stays out.
        taken = inner if depth and kind != "message/rfc822" else []
        node["parts"] = [
            _part(child, f"{part_id}.{number}".lstrip("."), depth - 1)
            for number, child in enumerate(taken)
            if isinstance(child, email.message.Message)
        ]
    elif kind in ("text/plain", "text/html") and not node["filename"]:
        node["headers"] = [item for item in node["headers"] if item["name"].lower() != "content-type"]
        node["headers"].append({"name": "Content-Type", "value": f'{kind}; charset="UTF-8"'})
        node["body"] = gmail.encode_body(_letters(part))
    return node


def _filename(part: email.message.Message) -> str:
    """The name of an attachment; `attachment` for one that has no name."""
    try:
        name = part.get_filename() or ""
        disposition = part.get_content_disposition()
    except (LookupError, ValueError, TypeError):
        return "attachment"
    return _text(name) or ("attachment" if disposition == "attachment" else "")


def _letters(part: email.message.Message) -> str:
    """The text of a part, its transfer encoding undone, with LF line ends."""
    data = part.get_payload(decode=True)
    try:
        charset = part.get_content_charset()
    except (LookupError, ValueError, TypeError):
        charset = None
    text = decode_bytes(data, charset) if isinstance(data, bytes) else ""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
