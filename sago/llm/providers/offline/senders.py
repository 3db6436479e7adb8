"""Which organisation a mail from outside speaks for, and whom it says it signed."""

from __future__ import annotations

import re

from sago.domain.messages import CompactMessage
from sago.llm.providers.offline import subjects
from sago.llm.providers.offline.reading import LONGEST

_SUFFIXES = frozenset(
    {"com", "co", "org", "net", "uk", "us", "example", "mail", "www", "eu", "de", "nl", "fr", "kr", "io", "ai",
     "nhs", "gov"}
)  # fmt: skip
_PERSONAL = re.compile(r"@(?:gmail|googlemail|outlook|hotmail|yahoo|icloud|proton|gmx|web)\.", re.I)
_WE = re.compile(r"\bwe(?:['’]ve| have)?(?: just| also| now)?\s$", re.I)


def signed_by_them(text: str, span: tuple[int, int], exclude: frozenset[str]) -> str | None:
    """Whom a writer says they signed, `We signed ACME`: that is no customer who writes."""
    if not _WE.search(text[: span[0]]):
        return None
    return next((name for place, name in subjects.names(text, exclude) if place == span[1] + 1), None)


def organisation(message: CompactMessage, exclude: frozenset[str]) -> str | None:
    """Who writes: the domain of the address, as the mail itself spells it; nothing for a private mailbox."""
    domain = message.sender.rpartition("@")[2].strip("> ").lower()
    labels = [label for label in domain.split(".") if label not in _SUFFIXES]
    if not labels or _PERSONAL.search(f"@{domain}"):
        return None
    label = re.sub(r"[^a-z0-9]", "", labels[-1])
    for _, name in subjects.names(message.text[:LONGEST], exclude):
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        if len(plain) > 3 and (label.startswith(plain) or plain.startswith(label)):
            return name
    return labels[-1] if len(label) > 2 else None
