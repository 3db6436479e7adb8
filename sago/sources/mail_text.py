"""Letters out of a mail's bytes, whatever the mail says of them; nothing here raises."""

from __future__ import annotations

import binascii
import contextlib
import email.errors
import email.header
import email.utils
import re

_ESCAPING = ("iso-2022", "utf-7", "unicode-1-1-utf-7", "utf-16", "utf-32", "hz")
"""Character sets whose bytes may also be valid UTF-8 that says something else."""
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "iso-8859-1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "windows-874": "cp874",
    "unicode-1-1-utf-7": "utf-7",
}
"""What mail programs write, and the larger set they mean (WHATWG, encoding.spec.whatwg.org)."""
_NO_CHARSET = re.compile(r"unicode.?escape|raw|punycode|idna|undefined|mbcs|oem", re.IGNORECASE)
"""Codecs of Python that are no character set of a mail."""
HEADER_LIMIT = 16 * 1024
"""Characters of a header that are read."""
_MOST_NESTED = 200
"""Comments and groups of one header: the standard library reads each inside the one before."""


def decode_bytes(data: bytes, charset: str | None) -> str:
    """The text of `data`: UTF-8 where it is that, else the declared character set, else Windows' Latin one.

    UTF-8 is tried first, unless the declared one has bytes that may be UTF-8 and say something else.
    """
    declared = (charset or "").strip().lower()
    declared = "" if _NO_CHARSET.search(declared) else _WIDER.get(declared, declared)
    order = (declared, "utf-8") if declared.startswith(_ESCAPING) else ("utf-8", declared)
    for name in (*order, "cp1252"):
        try:
            return data.decode(name or "ascii")
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")


def clean(text: str) -> str:
    """Text as a message may hold it: LF at the ends of lines, no NUL, no half of a character."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def decode_header(value: str) -> str:
    """A header on one line, its RFC 2047 words decoded; never raises."""
    if "=?" in value:
        with contextlib.suppress(LookupError, ValueError, binascii.Error, email.errors.MessageError):
            value = str(email.header.make_header(email.header.decode_header(value)))
    return _one_line(value)


def mailboxes(header: str) -> list[tuple[str, str]]:
    """Display name and address of each mailbox in a header (RFC 5322, 3.4); none where it is nested as no program
    writes it. Never raises."""
    line = " ".join(header[:HEADER_LIMIT].replace("\x00", "").split())
    if line.count("(") + line.count(":") > _MOST_NESTED:
        return []
    try:
        return email.utils.getaddresses([line])
    except Exception:  # noqa: BLE001 - whoever writes us a mail chooses what stands in it
        return []


def _one_line(value: str) -> str:
    return re.sub(r"[\r\n]+[ \t]*", " ", value).strip()
