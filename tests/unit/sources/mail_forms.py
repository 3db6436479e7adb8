"""One mail in each of the forms it may come in; Gmail's are made here apart from Sago's own reading of MIME."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from email.header import decode_header
from email.message import Message as Mail
from pathlib import Path
from typing import Any

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.sources import gmail, mail_file
from sago.sources.files import read_path
from sago.sources.registry import ReadRequest
from sago.sources.rows import BadRow

NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
INTERNAL_DATE = "1772442251000"
Fate = Message | str
"""A message, or `ignored: …`, or `refused: …`."""
HEAD = b"From: Kim <kim@acme.example>\nDate: Mon, 02 Mar 2026 09:04:11 +0000\nMessage-ID: <1@acme.example>\n"
WORDS = "We signed this morning."
PLAIN = b"Content-Type: text/plain\n\n" + WORDS.encode()


def mail(body: bytes = WORDS.encode(), *headers: bytes) -> bytes:
    return HEAD + b"".join(line + b"\n" for line in headers) + b"\n" + body


def parts(*inner: bytes, kind: bytes = b"mixed", boundary: bytes = b"b") -> bytes:
    """A multipart; each part with its headers and its blank line."""
    mark = b"\n--" + boundary
    return mail(
        mark + b"\n" + (mark + b"\n").join(inner) + mark + b"--\n",
        b'Content-Type: multipart/%s; boundary="%s"' % (kind, boundary),
    )


def as_eml(raw: bytes) -> Fate:
    ignored: Counter[str] = Counter()
    rows = list(mail_file.rows(raw, ReadRequest(Path("x.eml"), "acme", {}, NOW, ignored), "0" * 64, 1))
    return fate(rows[0] if rows else None, ignored)


def as_mbox(raws: Iterable[bytes], path: Path) -> tuple[list[Message | BadRow], Counter[str]]:
    """All of them in one file, quoted as mboxrd says."""
    with path.open("wb") as file:
        for raw in raws:
            file.write(b"From sender@example.com Mon Mar  2 09:04:11 2026\n")
            body = re.sub(rb"\A\s*From [^\n]*\n", b"", raw)
            file.write(re.sub(rb"(?m)^(>*From )", rb">\1", body).rstrip(b"\n") + b"\n\n")
    ignored: Counter[str] = Counter()
    return list(read_path(path, company_id="acme", mapping={}, now=NOW, ignored=ignored)), ignored


def as_gmail(payload: dict[str, Any]) -> Fate:
    try:
        reason = gmail.ignored(payload)
        return f"ignored: {reason}" if reason else gmail.to_message(payload, "acme")
    except InvalidMessageError as error:
        return f"refused: {error.reason}"


def fate(row: Message | BadRow | None, ignored: Counter[str]) -> Fate:
    if row is None:
        (reason,) = ignored
        return f"ignored: {reason}"
    return f"refused: {row.reason}" if isinstance(row, BadRow) else row


def gmail_raw(raw: bytes) -> dict[str, Any]:
    return {**envelope(), "raw": base64.urlsafe_b64encode(raw).decode().rstrip("=")}


def gmail_full(raw: bytes) -> dict[str, Any]:
    mail = email.message_from_bytes(raw.lstrip(b"\xef\xbb\xbf \t\r\n"), policy=email.policy.compat32)
    return {**envelope(), "payload": part(mail, "")}


def envelope() -> dict[str, Any]:
    return {
        "id": "19caf00d17b2a001",
        "threadId": "19caf00d17b2a000",
        "labelIds": ["INBOX", "UNREAD", "Label_7"],
        "internalDate": INTERNAL_DATE,
    }


def part(mail: Mail, part_id: str) -> dict[str, Any]:
    """As the API gives it: all headers, the transfer encoding undone, text in UTF-8, files by their id, the parts of an
    enclosed mail below it."""
    inner = mail.get_payload() if mail.is_multipart() else []
    name = str(mail.get_filename() or "")
    node: dict[str, Any] = {
        "partId": part_id,
        "mimeType": mail.get_content_type(),
        "filename": name or ("noname" if mail.get_content_type() == "message/rfc822" else ""),
        "headers": [{"name": key, "value": shown(value)} for key, value in mail.items()],
        "body": {"size": 0},
    }
    if inner:
        node["parts"] = [part(child, f"{part_id}.{n}".lstrip(".")) for n, child in enumerate(inner)]
        return node
    data = mail.get_payload(decode=True) or b""
    is_text = mail.get_content_maintype() in ("text", "multipart")
    if is_text and not name and mail.get_content_disposition() != "attachment":
        data = in_utf8(data, str(mail.get_content_charset() or ""))
        node["body"] = {"size": len(data), "data": base64.urlsafe_b64encode(data).decode()}
    else:
        node["body"] = {"size": len(data), "attachmentId": "ANGjdJ8"}
    return node


def shown(value: object) -> str:
    said = str(value)
    if not said.isascii() or not isinstance(value, str):
        parts = decode_header(value) if not isinstance(value, str) else [(said, None)]
        joined = b"".join(
            each if isinstance(each, bytes) else each.encode("utf-8", "surrogateescape") for each, _ in parts
        )
        try:
            return joined.decode("utf-8")
        except UnicodeError:
            return joined.decode("cp1252", "replace")
    return said


def in_utf8(data: bytes, charset: str) -> bytes:
    for name in ("utf-8", charset or "utf-8", "cp1252"):
        try:
            return data.decode(name).encode()
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1").encode()
