"""Who did something, and why, in words that a firm may read: account names of the house's machines, what its people
typed there and mail addresses stay with the house."""

from __future__ import annotations

import re

from sago.domain.companies import DEFAULT_FIRM
from sago.domain.erasures import CITES, ENDED, LESS
from sago.domain.letters import EVENT_REJECTED, SYSTEM
from sago.domain.mails import without_addresses
from sago.ports import AuditLine

THE_HOUSE = "the house"
_KEY = "key:"
_MADE_HERE = frozenset({"letter.erased", "share.granted", "watch.added", "watch.removed"})
"""Actions whose reason Sago words, whoever acted."""
_WORDED_HERE = frozenset({CITES, ENDED, EVENT_REJECTED, LESS})
_ACCOUNT = re.compile(r"\bcli:[^\s,;]+")
_WANTS_NO_MAIL = re.compile(r"(gets no mail): .*", re.S)
"""Who said so, and how, is told of a person and not of a letter."""


def told_who(who: str, firm_id: str) -> str:
    """A key by its prefix, Sago by its name, and everybody else as the house; the house's own firm reads who it was."""
    return who if firm_id == DEFAULT_FIRM or who == SYSTEM or who.startswith(_KEY) else THE_HOUSE


def told(text: str, firm_id: str) -> str:
    """A line that Sago worded."""
    if firm_id != DEFAULT_FIRM:
        text = _WANTS_NO_MAIL.sub(r"\1 any more", _ACCOUNT.sub(THE_HOUSE, text))
    return without_addresses(text)


def told_line(line: AuditLine, firm_id: str) -> AuditLine:
    """A line of the log. Where a person of the house typed its reason, that is empty."""
    texts = {name: without_addresses(text) if isinstance(text, str) else text for name, text in line.detail.items()}
    if not line.who.startswith(_KEY):
        why = str(line.detail.get("why", ""))
        is_typed = firm_id != DEFAULT_FIRM and line.who != SYSTEM
        texts["why"] = _of_the_house(line.action, why) if is_typed else told(why, firm_id)
    return line._replace(who=told_who(line.who, firm_id), detail=texts)


def _of_the_house(action: str, why: str) -> str:
    if action == "key.created":  # a key's name is the house's; after it stands what the key opens
        return why.rpartition(": ")[2]
    return why if action in _MADE_HERE or why in _WORDED_HERE else ""
