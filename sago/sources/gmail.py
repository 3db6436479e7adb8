"""Gmail: messages in the shape of its API (`users.messages`, format `full`), made and read back.

`Message.text` of a mail is `Subject: …`, an empty line, and the body; without a subject only the body. The body is the
text/plain part, else the HTML as text; attachments are left out. A text goes through `to_payload` and `to_message` to
the letter: line ends are kept as they are.
Shape: developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import email.errors
import email.header
import email.utils
import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.sources.mail_text import decode_bytes, html_to_text

SOURCE = "gmail"
DEPTH = 30
"""Parts nested deeper than this are no real mail and are left out."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBJECT = re.compile(r"\ASubject: ([^\r\n]*)\n\n")
_SUBJECT_LIMIT = 2000


def to_payload(
    *, native_id: str, sender: str, sent_at: datetime, text: str, thread_id: str | None = None
) -> dict[str, Any]:
    """A message as `users.messages.get` would give it, of a row that came from a file."""
    subject, body = split_subject(text)
    headers = [("From", sender), ("Date", email.utils.format_datetime(sent_at))]
    if subject:
        headers.append(("Subject", encode_header(subject)))
    headers.append(("Content-Type", 'text/plain; charset="UTF-8"'))
    part = {
        "partId": "",
        "mimeType": "text/plain",
        "filename": "",
        "headers": [{"name": name, "value": value} for name, value in headers],
        "body": encode_body(body),
    }
    return envelope(native_id=native_id, thread_id=thread_id, sent_at=sent_at, snippet=body, payload=part)


def envelope(
    *, native_id: str, thread_id: str | None, sent_at: datetime, snippet: str, payload: dict[str, Any]
) -> dict[str, Any]:
    """The outer object around a MIME tree; Gmail's snippet is the body's beginning on one line, escaped for HTML."""
    return {
        "id": native_id,
        "threadId": thread_id or native_id,
        "labelIds": ["INBOX"],
        "snippet": html.escape(" ".join(snippet[:400].split())[:200]),
        "internalDate": str((sent_at - _EPOCH) // timedelta(milliseconds=1)),
        "payload": payload,
    }


def to_message(payload: Mapping[str, Any], company_id: str) -> Message:
    """The message in a payload; `sender` is the address of From, the name stays in `raw`.

    Raises InvalidMessageError where the id, the time or any text is missing.
    """
    tree = payload.get("payload")
    if not isinstance(tree, Mapping) or not isinstance(payload.get("id"), str):
        raise InvalidMessageError("not a Gmail message in format `full`: `id` or `payload` is missing")
    headers = headers_of(tree)
    subject = decode_header(headers.get("subject", ""))[:_SUBJECT_LIMIT]
    return Message.parse(
        {
            "id": f"{SOURCE}:{payload['id']}",
            "company_id": company_id,
            "source": SOURCE,
            "sender": address_of(headers.get("from", "")),
            "sent_at": _sent_at(payload),
            "thread_id": payload.get("threadId"),
            "subject": subject or None,
            "text": join_subject(subject, _body(tree)),
            "raw": dict(payload),
        }
    )


def split_subject(text: str) -> tuple[str, str]:
    """Subject and body of a text; no subject where taking it apart and joining it again would change a letter."""
    found = _SUBJECT.match(text)
    if found:
        subject, body = found[1], text[found.end() :]
        if decode_header(encode_header(subject))[:_SUBJECT_LIMIT] == subject and join_subject(subject, body) == text:
            return subject, body
    return "", text


def join_subject(subject: str, body: str) -> str:
    """The text of a mail, as the module says."""
    return f"Subject: {subject}\n\n{body}" if subject else body


def encode_header(value: str) -> str:
    """The value itself, or one RFC 2047 word where reading it back would take it for one."""
    if decode_header(value) == value:
        return value
    return f"=?utf-8?b?{base64.b64encode(value.encode()).decode()}?="


def decode_header(value: str) -> str:
    """A header on one line, its RFC 2047 words decoded; never raises."""
    if "=?" in value:
        with contextlib.suppress(LookupError, ValueError, binascii.Error, email.errors.MessageError):
            value = str(email.header.make_header(email.header.decode_header(value)))
    return _one_line(value)


def _one_line(value: str) -> str:
    return re.sub(r"[\r\n]+[ \t]*", " ", value).strip()


def encode_body(text: str) -> dict[str, Any]:
    """The body of a part: base64url with its padding, as Gmail gives it."""
    data = text.encode("utf-8")
    return {"size": len(data), "data": base64.urlsafe_b64encode(data).decode("ascii")}


def headers_of(part: Mapping[str, Any]) -> dict[str, str]:
    """The headers by name in lower case; of a repeated one the first counts."""
    found: dict[str, str] = {}
    headers = part.get("headers")
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, Mapping):
            found.setdefault(str(header.get("name", "")).lower(), str(header.get("value", "")))
    return found


def address_of(value: str) -> str:
    """The address in a From header; the whole header where there is none."""
    decoded = decode_header(value)
    address = email.utils.parseaddr(decoded)[1]
    return (address if "@" in address else decoded)[:512]


def _sent_at(payload: Mapping[str, Any]) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=int(payload["internalDate"]))
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise InvalidMessageError(
            "internalDate is missing or no time in ms", message_id=f"{SOURCE}:{payload['id']}", field="internalDate"
        ) from error


def _body(tree: Mapping[str, Any]) -> str:
    """All text/plain parts where one has a letter or there is no HTML, else all text/html parts as text."""
    leaves = list(_leaves(tree, DEPTH))
    plain = [text for kind, text in leaves if kind == "text/plain"]
    rich = [text for kind, text in leaves if kind == "text/html"]
    if not rich or any(text.strip() for text in plain):
        return "\n".join(plain)
    return "\n\n".join(filter(None, map(html_to_text, rich)))


def _leaves(part: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    parts = part.get("parts")
    if isinstance(parts, list) and parts:
        if depth:
            for inner in parts:
                if isinstance(inner, Mapping):
                    yield from _leaves(inner, depth - 1)
        return
    kind = str(part.get("mimeType", "")).lower()
    if kind in ("text/plain", "text/html") and not part.get("filename"):
        yield kind, _part_text(part)


def _part_text(part: Mapping[str, Any]) -> str:
    body = part.get("body")
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, str):
        return ""
    try:
        raw = base64.urlsafe_b64decode(data.rstrip("=") + "=" * (-len(data.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return ""
    found = re.search(r"charset\s*=\s*\"?([^\s\";]+)", headers_of(part).get("content-type", ""), re.IGNORECASE)
    return decode_bytes(raw, found[1] if found else None)
