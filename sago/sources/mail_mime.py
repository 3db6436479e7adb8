"""A mail's bytes (RFC 5322, RFC 2045) as the tree of parts that Gmail's API gives; the malformed ones too.

Text parts are carried as UTF-8, whatever they were sent in; of everything else only name, kind and size.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.header
import email.message
import email.policy
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sago.errors import InvalidMessageError
from sago.sources.mail_text import HEADER_LIMIT, clean, decode_bytes

DEPTH = 30
"""Parts nested deeper than this are no real mail and are left out."""
BOUNDARIES = 20_000
"""Lines that begin with `--`: each may begin a part, and a part costs memory."""
FIELDS = 200_000
"""Lines that begin as a header does: each may be one, and a header costs memory."""
_ODD = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
"""What the standard library raises for a mail that it did not think of."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LEADING = b"\xef\xbb\xbf \t\r\n"
_KIND = re.compile(r"[\w.+-]+/[\w.+-]+")
_FIELD = re.compile(rb"[\r\n][!-9;-~]*:")
_BOUNDARY = re.compile(rb"^--([^\s][^\r\n]{0,199}?)[ \t]*\r?\n(?=content-[\w-]+[ \t]*:)", re.IGNORECASE | re.MULTILINE)


def parse(raw: bytes) -> email.message.Message:
    """The mail in the bytes; raises InvalidMessageError where there can be none, or its parts are too many."""
    if raw.startswith(_OLE):
        raise InvalidMessageError("an Outlook .msg, which is no mail as it was sent: save it as .eml")
    if raw.count(b"\n--") + raw.count(b"\r--") > BOUNDARIES:
        raise InvalidMessageError(f"the mail has over {BOUNDARIES} lines that may begin a part")
    if next(islice(_FIELD.finditer(raw), FIELDS, None), None):
        raise InvalidMessageError(f"the mail has over {FIELDS} lines that may be a header")
    try:
        return email.message_from_bytes(raw.lstrip(_LEADING), policy=email.policy.compat32)
    except RecursionError:
        raise InvalidMessageError("the mail's parts are nested too deep") from None
    except _ODD as error:
        raise InvalidMessageError(f"the mail cannot be taken apart ({type(error).__name__})") from error


def tree_of(mail: email.message.Message) -> dict[str, Any]:
    """The mail's parts as Gmail's `payload`; raises InvalidMessageError."""
    try:
        return _part(mail, "", DEPTH)
    except _ODD as error:
        raise InvalidMessageError(f"the mail cannot be taken apart ({type(error).__name__})") from error


def kind_of(said: str) -> str:
    """`text/plain`, in small letters; what has not that form is plain text (RFC 2045, 5.2)."""
    kind = said.strip().lower()
    return kind if _KIND.fullmatch(kind) else "text/plain"


def header(mail: email.message.Message, name: str) -> str:
    """A header as text with its surrogates (raw 8-bit bytes) read as UTF-8 or Latin-1; empty where it is absent."""
    return _text(mail.get(name, ""))


def headers(mail: email.message.Message, name: str) -> list[str]:
    """All headers of a name, in the mail's order."""
    return [_text(value) for value in mail.get_all(name, [])]


def _text(value: object) -> str:
    said = "".join(_chunks(value)) if isinstance(value, email.header.Header) else str(value)
    return clean(decode_bytes(said.encode("utf-8", "surrogateescape"), None) if not said.isascii() else said)


def _chunks(value: email.header.Header) -> Iterator[str]:
    """compat32 gives a Header where the bytes were not ASCII."""
    for part, charset in email.header.decode_header(value):
        yield decode_bytes(part, None if charset == "unknown-8bit" else charset) if isinstance(part, bytes) else part


def _part(part: email.message.Message, part_id: str, depth: int) -> dict[str, Any]:
    """A part in Gmail's shape; parts nested deeper than `depth` are left out."""
    kind = kind_of(part.get_content_type())
    inner = part.get_payload() if part.is_multipart() else None
    if inner is None and kind.startswith("multipart/"):
        part, kind, inner = _unbound(part)
    node: dict[str, Any] = {
        "partId": part_id,
        "mimeType": kind,
        "filename": _filename(part),
        "headers": [{"name": name, "value": _text(value)[:HEADER_LIMIT]} for name, value in part.items()],
        "body": {"size": 0},
    }
    if isinstance(inner, list):
        taken = [child for child in inner if isinstance(child, email.message.Message)] if depth else []
        node["parts"] = [_part(child, f"{part_id}.{n}".lstrip("."), depth - 1) for n, child in enumerate(taken)]
    elif kind.startswith("text/") and part.get_content_disposition() != "attachment":
        node["headers"] = [item for item in node["headers"] if item["name"].lower() != "content-type"]
        node["headers"].append({"name": "Content-Type", "value": _utf8_type(part, kind)})
        node["body"] = _encoded(_letters(part))
    else:
        node["body"] = {"size": len(_bytes(part))}
    return node


def _unbound(part: email.message.Message) -> tuple[email.message.Message, str, Any]:
    """A multipart whose boundary is not named, or never comes: by the boundary that does come, else as one text."""
    body = part.get_payload()
    raw = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else b""
    if found := _BOUNDARY.search(raw):
        sent = b'Content-Type: multipart/mixed; boundary="' + found[1].replace(b'"', b"") + b'"\n\n' + raw
        again = email.message_from_bytes(sent, policy=email.policy.compat32)
        if again.is_multipart():
            return part, part.get_content_type(), again.get_payload()
    return part, "text/html" if raw.lstrip()[:1] == b"<" else "text/plain", None


def _utf8_type(part: email.message.Message, kind: str) -> str:
    """The kind, and the parameters that say what the text is."""
    said = [f'{name}="{value}"' for name in ("format", "method") if (value := _parameter(part, name))]
    return "; ".join([kind, 'charset="UTF-8"', *said])


def _parameter(part: email.message.Message, name: str) -> str:
    try:
        value = part.get_param(name)
    except _ODD:
        return ""
    return re.sub(r"[^\w.-]", "", value) if isinstance(value, str) else ""


def _filename(part: email.message.Message) -> str:
    """The name of an attachment (RFC 2231, RFC 2047); `attachment` for one that has no name."""
    try:
        name = part.get_filename() or ""
        disposition = part.get_content_disposition()
    except _ODD:
        return "attachment"
    said = _decoded(_text(name)) if "=?" in name else _text(name)
    return " ".join(said.split())[:255] or ("attachment" if disposition == "attachment" else "")


def _decoded(value: str) -> str:
    try:
        return clean(str(email.header.make_header(email.header.decode_header(value))))
    except (*_ODD, email.errors.MessageError):
        return value


def _letters(part: email.message.Message) -> str:
    """The text of a part, its transfer encoding undone, with LF line ends."""
    try:
        charset = part.get_content_charset()
    except _ODD:
        charset = None
    return clean(decode_bytes(_bytes(part), charset))


def _bytes(part: email.message.Message) -> bytes:
    """The part's content; of broken base64 what there is."""
    try:
        coded, data = part.get_payload(), part.get_payload(decode=True)
    except _ODD:  # its Content-Type is read on the way, and may be anything
        del part["Content-Type"]
        coded, data = part.get_payload(), part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return b""
    is_coded = str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64"
    if is_coded and isinstance(coded, str) and data == "".join(coded.split()).encode("utf-8", "surrogateescape"):
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        letters = letters[: len(letters) - (len(letters) % 4 == 1)]
        with_padding = letters + b"=" * (-len(letters) % 4)
        try:
            return base64.b64decode(with_padding)
        except binascii.Error:
            return data
    return data


def _encoded(text: str) -> dict[str, Any]:
    """The body of a part: base64url with its padding, as Gmail gives it."""
    data = text.encode("utf-8")
    return {"size": len(data), "data": base64.urlsafe_b64encode(data).decode("ascii")}
