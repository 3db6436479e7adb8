"""Letters out of a mail's bytes: character sets that lie, and HTML."""

from __future__ import annotations

import re

import inscriptis

_ESCAPING = ("iso-2022", "utf-7", "utf-16", "utf-32", "hz")
"""Character sets whose bytes may also be valid UTF-8 that says something else."""


def decode_bytes(data: bytes, charset: str | None) -> str:
    """The text of `data`: UTF-8 where it is that, else the declared character set, else Latin-1; never raises.

    UTF-8 is tried first because Gmail hands out UTF-8 whatever the header says.
    """
    declared = (charset or "").lower()
    order = (declared, "utf-8") if declared.startswith(_ESCAPING) else ("utf-8", declared)
    for name in order:
        try:
            return data.decode(name or "ascii")
        except (LookupError, UnicodeError):
            continue
    return data.decode("latin-1")


def html_to_text(markup: str) -> str:
    """HTML laid out as text; where the parser gives up (it does on very deep nesting), the markup without its tags."""
    try:
        text = str(inscriptis.get_text(markup)).strip()
    except (ValueError, RecursionError):
        text = ""
    return text or re.sub(r"<[^>]*>|<!--.*?-->", " ", markup, flags=re.DOTALL).strip()
