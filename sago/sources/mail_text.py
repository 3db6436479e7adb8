"""Letters out of a mail's bytes: character sets that lie, HTML, and the words that are the writer's own."""

from __future__ import annotations

import re

import inscriptis
import quotequail

_ESCAPING = ("iso-2022", "utf-7", "utf-16", "utf-32", "hz")
"""Character sets whose bytes may also be valid UTF-8 that says something else."""

_QUOTED_LINE = re.compile(r"^[ \t]*>.*$\n?", re.M)
_AFTERWORD = re.compile(
    r"^[ \t]*(?:-- ?$|sent from my |-{3,}\s*(?:forwarded|original) message|begin forwarded message|_{10,}"
    r"|(?:on|am|le|el|op|il) .{4,160}(?:wrote|schrieb|écrit|escribió|schreef|scritto).{0,80}:\s*$)",
    re.I | re.M,
)


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


def own_words(text: str) -> str:
    """A mail's text without what it quotes or passes on of others, and without what stands below `-- ` (RFC 3676, 4.3).

    quotequail knows how mail programs of many languages begin a quote; what stands behind one is left out whole.
    """
    is_own, head = quotequail.quote(text)[0] if text.strip() else (True, text)
    own = head if is_own else text
    if begins := _AFTERWORD.search(own):
        own = own[: begins.start()]
    return _QUOTED_LINE.sub("", own).strip()
