"""Messages as lines of a prompt, packed so that each request stays within its budget of tokens.

Tokens are estimated, never asked for over the network: one for three bytes of UTF-8, where the vendor speaks of about
four characters of English (https://ai.google.dev/gemini-api/docs/tokens).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC

from sago import telemetry
from sago.domain.messages import CompactMessage

BYTES_A_TOKEN = 3
CONTEXT_SHARE = 8
"""Context takes at most this part of the budget: one eighth."""
CONTEXT_TEXT = 1500
"""Characters of one message of context."""
_log = telemetry.logger(__name__)


def tokens(text: str) -> int:
    """A careful estimate, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)


def readable(messages: Iterable[CompactMessage]) -> list[CompactMessage]:
    """The newest version of each message, oldest message first; deletions and blanks left out."""
    newest: dict[str, CompactMessage] = {}
    for message in sorted(messages, key=lambda m: m.version):
        newest[message.id] = message
    return sorted((m for m in newest.values() if m.text.strip()), key=lambda m: (m.sent_at, m.id))


def context_lines(context: Sequence[CompactMessage], budget: int) -> list[str]:
    """Lines without a number, oldest first: the newest messages that fit into the context's share."""
    room = budget // CONTEXT_SHARE
    lines: list[str] = []
    for message in reversed(readable(context)):
        line = _line(message, message.text[:CONTEXT_TEXT])
        room -= tokens(line)
        if room < 0:
            break
        lines.append(line)
    return lines[::-1]


def parts(messages: Sequence[CompactMessage], room: int) -> Iterator[list[CompactMessage]]:
    """The messages in order, in as few parts as keep each within `room` tokens; a longer message stands alone."""
    part: list[CompactMessage] = []
    used = 0
    for message in messages:
        needed = tokens(_line(message, message.text, len(messages)))
        if part and used + needed > room:
            yield part
            part, used = [], 0
        part.append(message)
        used += needed
    if part:
        yield part


def numbered_lines(messages: Sequence[CompactMessage], room: int) -> list[str]:
    """One line a message, numbered from 1. A text too long for `room` is cut, and the log tells how much was left
    out: what stands there cannot be found."""
    return [_fitted(message, number, room) for number, message in enumerate(messages, start=1)]


def _fitted(message: CompactMessage, number: int, room: int) -> str:
    text = _cut(message.text, room, lambda text: tokens(_line(message, text, number)))
    if text != message.text:
        _log.warning("message cut", message_id=message.id, characters=len(message.text), kept=len(text))
    return _line(message, text, number)


def _cut(text: str, room: int, size: Callable[[str], int]) -> str:
    """The longest beginning that fits, near enough; a cut takes at least a hundredth each time."""
    while text and (needed := size(text)) > room:
        text = text[: min(len(text) * room // needed, len(text) * 99 // 100)]
    return text


def _line(message: CompactMessage, text: str, number: int | None = None) -> str:
    """JSON on one line: nothing in a text can end it."""
    fields: dict[str, object] = {} if number is None else {"n": number}
    fields |= {"at": message.sent_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"), "from": message.sender}
    if message.thread_id:
        fields["thread"] = message.thread_id
    return json.dumps(fields | {"text": text}, ensure_ascii=False)
