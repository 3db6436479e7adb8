"""RFC 822 bytes as Gmail shows them in format `full`: by the standard library alone, with nothing of Sago's in it.

Texts come out of their transfer encoding, in UTF-8 whatever their Content-Type goes on saying, with CRLF line ends;
headers are decoded and on one line; attachments are named and put aside; a mail inside a mail is shown with its parts.
Form: developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#MessagePart
"""

import base64
import contextlib
import email
import email.errors
import email.header
import email.policy
import re
from email.message import Message
from typing import Any

ASIDE = 1_000_000
"""Bytes of a text above which it is put aside as an attachment is."""


def tree(raw: bytes, aside: int = ASIDE) -> dict[str, Any]:
    return _part(email.message_from_bytes(raw, policy=email.policy.compat32), "", aside)


def _part(part: Message, part_id: str, aside: int) -> dict[str, Any]:
    node: dict[str, Any] = {
        "partId": part_id,
        "mimeType": part.get_content_type(),
        "filename": _filename(part),
        "headers": [{"name": name, "value": _header(value)} for name, value in part.items()],
        "body": {"size": 0},
    }
    inner = part.get_payload()
    if part.is_multipart():
        node["parts"] = [_part(each, f"{part_id}.{n}".lstrip("."), aside) for n, each in enumerate(inner)]
        return node
    data = part.get_payload(decode=True) or b""
    if part.get_content_maintype() == "text" and not node["filename"]:
        data = _crlf(_utf8(data, _charset(part)))
        if len(data) <= aside:
            node["body"] = {"size": len(data), "data": base64.urlsafe_b64encode(data).decode()}
            return node
    node["body"] = {"size": len(data), "attachmentId": f"ANGjdJ-{part_id or 0}"}
    return node


def _filename(part: Message) -> str:
    name = part.get_filename()
    if name:
        return _header(name)
    return "noname" if part.get_content_disposition() == "attachment" else ""


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (LookupError, ValueError):
        return None


def _utf8(data: bytes, charset: str | None) -> str:
    for name in ("utf-8" if not _escapes(charset) else charset, charset, "utf-8", "latin-1"):
        try:
            return data.decode(name or "ascii")
        except (LookupError, UnicodeError):
            continue
    raise AssertionError("latin-1 reads all bytes")


def _escapes(charset: str | None) -> bool:
    """Whether bytes of it may look like UTF-8 and be none."""
    return bool(charset) and charset.lower().startswith(("iso-2022", "utf-7", "utf-16", "utf-32", "hz"))


def _crlf(text: str) -> bytes:
    return re.sub(r"\r\n|\r|\n", "\r\n", text).encode("utf-8", "replace")


def _header(value: object) -> str:
    """Decoded, on one line; bytes over 127 read as UTF-8, else Latin-1."""
    if isinstance(value, email.header.Header):
        value = b"".join(
            each if isinstance(each, bytes) else each.encode() for each, _ in email.header.decode_header(value)
        ).decode("utf-8", "surrogateescape")
    said = re.sub(r"\r?\n[ \t]*", " ", str(value))
    with contextlib.suppress(LookupError, ValueError, email.errors.MessageError):
        said = str(email.header.make_header(email.header.decode_header(said)))
    held = said.encode("utf-8", "surrogateescape")
    try:
        return held.decode()
    except UnicodeDecodeError:
        return held.decode("latin-1")
