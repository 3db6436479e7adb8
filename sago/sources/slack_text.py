"""Slack's `mrkdwn` as people see it: mentions, links and dates written out, its three entities read
(docs.slack.dev/messaging/formatting-message-text). Marks such as `*bold*` and `:emoji:` stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_ENTITY = re.compile(r"&(amp|lt|gt);")
_CONTROL = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_BROADCASTS = frozenset({"here", "channel", "everyone"})


def escape(text: str) -> str:
    """The text with Slack's three entities in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> str:
    """A `plain_text`: its entities read, nothing else of it has a meaning."""
    return _ENTITY.sub(lambda found: _CHARACTERS[found[1]], text)


def shown(text: str, names: Mapping[str, str]) -> str:
    """Control sequences as a person sees them, then the entities; a bare `<` is always Slack's own."""
    return plain(_CONTROL.sub(lambda found: _sequence(found, names), text))


def mention(sign: str, native_id: str, names: Mapping[str, str], label: str = "") -> str:
    """`@Orla`, `#docks`: by `names`, else as the message says it, else the id."""
    return sign + (names.get(native_id) or label.removeprefix(sign) or native_id)


def day_of(seconds: str) -> str:
    """The UTC day of a Unix time, as YYYY-MM-DD; what is no such time comes back as it is."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return seconds


def _sequence(found: re.Match[str], names: Mapping[str, str]) -> str:
    sign, target, label = found[1], found[2], found[3] or ""
    if sign in ("@", "#"):
        return mention(sign, target, names, label)
    if sign == "!":
        return _special(target, label, names)
    return label or target.removeprefix("mailto:").removeprefix("tel:")


def _special(target: str, label: str, names: Mapping[str, str]) -> str:
    kind, _, rest = target.partition("^")
    if kind in _BROADCASTS:
        return f"@{kind}"
    if kind == "subteam":
        return mention("@", rest, names, label)
    if kind == "date":
        return label or day_of(rest.partition("^")[0])
    return label or f"@{kind}"
