"""What stands in a mail's tree of parts, in the shape of Gmail's `payload`: its text, its attachments, its headers."""

from __future__ import annotations

import base64
import binascii
import email.utils
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sago.errors import InvalidMessageError
from sago.sources import mail_mime
from sago.sources.mail_html import html_to_text
from sago.sources.mail_mime import DEPTH
from sago.sources.mail_text import HEADER_LIMIT, clean, decode_bytes, decode_header, mailboxes

STUB = 0.2
"""A plain part with fewer than this share of the words of the HTML beside it only says that there is HTML."""
_MANY_WORDS = 40
LIMIT = 2 * 1024 * 1024
"""Characters of one part's text, quotes and markup included, pictures not."""
_PICTURE = re.compile(r"data:[\w.+-]{1,40}/[\w.+-]{1,40};base64,[A-Za-z0-9+/=\s]*")
_READ = frozenset(("text/plain", "text/html", "text/markdown", "text/enriched", "text/x-markdown"))
_MARKUP = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_BRACKETED = re.compile(r"<([^<>\s@]+@[^<>\s@]+)>")
_ENDS = r"\s<>,;:\"()\\"
_ADDRESS = rf"[^{_ENDS}@]+@[^{_ENDS}@]+"
_ANY = re.compile(rf"(?<![^{_ENDS}]){_ADDRESS}(?![^{_ENDS}])")
_LAST = re.compile(rf"<\s*({_ADDRESS})\s*>[^<>@]*\Z")
_WORD = re.compile(r"=\?[^?\s]*\?[bq]\?[^?]*\?=", re.IGNORECASE)
Part = Mapping[str, Any]


class Attachment(NamedTuple):
    """A part that is listed and not read: a file, a calendar entry, a mail inside the mail."""

    name: str
    kind: str
    size: int
    """In bytes, as the sender's program encoded it or less; 0 where it is not told."""


def body_of(tree: Part) -> str:
    """The mail's text: of alternatives the plain one, unless it says next to nothing; of others one below the other.

    Raises InvalidMessageError where it is longer than a person could write.
    """
    return _text(tree, DEPTH, is_root=True)


def attachments_of(tree: Part) -> list[Attachment]:
    """Everything in the mail that is not its text, in the mail's order."""
    return [
        Attachment(str(part.get("filename") or ""), kind_of(part), _size(part))
        for part in parts_of(tree)
        if part is not tree and not kind_of(part).startswith("multipart/") and not _is_text(part)
    ]


def is_aside(tree: Part) -> bool:
    """Whether a text of the mail is not in it, as Gmail does with a large one."""
    bodies = [part.get("body") for part in parts_of(tree) if _is_text(part, is_root=part is tree)]
    return any(isinstance(body, Mapping) and body.get("attachmentId") and not body.get("data") for body in bodies)


def kind_of(part: Part) -> str:
    """`text/plain`, in small letters."""
    return mail_mime.kind_of(str(part.get("mimeType")))


def kinds_of(tree: Part) -> set[str]:
    """The kinds of all parts outside of enclosed mails."""
    return {kind_of(part) for part in parts_of(tree)}


def parts_of(tree: Part, depth: int = DEPTH) -> Iterator[Part]:
    """The mail and its parts in their order; of an enclosed mail only that it is there."""
    yield tree
    if kind_of(tree) != "message/rfc822" and depth:
        for inner in _children(tree):
            yield from parts_of(inner, depth - 1)


def headers_of(part: Part) -> dict[str, str]:
    """The headers by name in lower case; of a repeated one the first counts."""
    found: dict[str, str] = {}
    for name, value in all_headers(part):
        found.setdefault(name, value)
    return found


def all_headers(part: Part) -> Iterator[tuple[str, str]]:
    """Name in lower case and value, in the mail's order."""
    headers = part.get("headers")
    for header in headers if isinstance(headers, list) else []:
        if isinstance(header, Mapping):
            yield str(header.get("name", "")).lower(), str(header.get("value", ""))


def senders_in(value: str) -> list[str]:
    """The address in a From, as it was sent or as Gmail decodes it: the last `<…>`, whatever the name before it spells
    out, else the only one; of several all of them, and whose word it is would be a guess. What an encoded word holds
    is a name, unless there is no other address."""
    line = _line(value)
    return _senders(_WORD.sub(" ", line)) or _senders(decode_header(line))


def _senders(line: str) -> list[str]:
    last = _LAST.search(line)
    return [last[1]] if last else _each(line)


def is_doubtful(value: str) -> bool:
    """Whether a decoded From holds more than one address, so that it takes the one that was sent to tell them apart."""
    return len(_each(_line(value).lower())) > 1


def name_in(value: str) -> str:
    """The display name in a From, decoded; empty where it spells out an address."""
    line = decode_header(_line(value))
    last = _LAST.search(line)
    mailbox = next((name for name, _ in mailboxes(line)), "")
    name = email.utils.unquote(line[: last.start()].strip()) if last else mailbox
    return "" if "@" in name else name


def _each(line: str) -> list[str]:
    return list(dict.fromkeys(_ANY.findall(line)))


def _line(value: str) -> str:
    return " ".join(value[:HEADER_LIMIT].replace("\x00", "").split())


def addresses_in(value: str) -> list[str]:
    """The addresses in To or Cc."""
    line = _line(value)
    found = [address for _, address in mailboxes(line) if address.strip("@").count("@") == 1]
    return found or _BRACKETED.findall(line)


def _children(part: Part) -> list[Part]:
    parts = part.get("parts")
    return [inner for inner in parts if isinstance(inner, Mapping)] if isinstance(parts, list) else []


def _text(part: Part, depth: int, *, is_root: bool = False) -> str:
    kind, children = kind_of(part), _children(part)
    if kind.startswith("message/") or not depth:
        return ""
    if children:
        texts = [(_kind_of_text(child), _text(child, depth - 1)) for child in children]
        return _chosen(texts) if kind == "multipart/alternative" else "\n".join(text for _, text in texts if text)
    if kind.startswith("multipart/") and (data := _data(part)):
        again = mail_mime.parse(b"Content-Type: multipart/mixed\n\n" + data)
        return _text(mail_mime.tree_of(again), depth - 1, is_root=True)
    return _leaf(part) if _is_text(part, is_root=is_root) else ""


def _kind_of_text(part: Part) -> str:
    """Of the first text in it: HTML with its pictures (`multipart/related`) is HTML."""
    return next((kind_of(each) for each in parts_of(part) if _is_text(each)), kind_of(part))


def _chosen(texts: list[tuple[str, str]]) -> str:
    """Of alternatives; in the order the standard wants the last is the richest."""
    plain = next((text for kind, text in texts if kind != "text/html" and text.strip()), "")
    rich = next((text for kind, text in reversed(texts) if kind == "text/html" and text.strip()), "")
    is_stub = len(rich.split()) >= _MANY_WORDS and len(plain.split()) < STUB * len(rich.split())
    return rich if is_stub else plain or rich


def _is_text(part: Part, *, is_root: bool = False) -> bool:
    if kind_of(part) not in _READ or _children(part):
        return False
    disposition = headers_of(part).get("content-disposition", "").lower()
    return not disposition.startswith("attachment") and (is_root or not part.get("filename"))


def _data(part: Part) -> bytes:
    body = part.get("body")
    data = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(data, str):
        return b""
    try:
        letters = re.sub(r"[^A-Za-z0-9_-]", "", data.replace("+", "-").replace("/", "_"))
        return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
    except (binascii.Error, ValueError):
        return b""


def _leaf(part: Part) -> str:
    text = _letters(part)
    if kind_of(part) == "text/html":
        text = _PICTURE.sub("", text)
    if len(text) > LIMIT:
        raise InvalidMessageError(f"the mail's text is over {LIMIT // 1024 // 1024} MB")
    if kind_of(part) == "text/html":
        return html_to_text(clean(text))
    return _MARKUP.sub("", text) if kind_of(part) == "text/enriched" else text


def _letters(part: Part) -> str:
    """Gmail hands out UTF-8 whatever the header goes on saying; the declared one is for payloads of others."""
    data = _data(part)
    try:
        return data.decode()
    except UnicodeDecodeError:
        found = _CHARSET.search(headers_of(part).get("content-type", ""))
        return decode_bytes(data, found[1] if found else None)


def _size(part: Part) -> int:
    body = part.get("body")
    size = body.get("size") if isinstance(body, Mapping) else 0
    return size if isinstance(size, int) and size >= 0 else 0
