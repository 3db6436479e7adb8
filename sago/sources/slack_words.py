"""What the writer of a Slack message says: the same whether the message comes by event, by `conversations.history` or
from an export.

A person's `text` is the whole of it: Slack makes it from what they typed. An app's `text` may be no more than what a
notification shows, so the fuller of `text` and `blocks` is taken. Attachments that an app wrote itself, and tables a
person pasted, follow. What others said is not the writer's: shared and quoted messages (`is_share`, `is_msg_unfurl`)
and previews of links are left out. Files are listed in `raw`, not read, and their names are no words of the message:
Slack gives them later, and takes them away again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sago.sources.block_kit import items, text_of
from sago.sources.slack_text import shown

PLACEHOLDERS = frozenset(
    {
        "This content can't be displayed.",
        "This message contains interactive elements.",
        "[no preview available]",
    }
)
"""What Slack writes where an app gave it no text."""
_QUOTED = (
    *("is_share", "is_msg_unfurl", "is_reply_unfurl", "is_thread_root_unfurl", "is_app_unfurl"),
    *("from_url", "original_url", "app_unfurl_url"),
)
"""Marks of an attachment that Slack or an app made of a link."""
_OTHERS = _QUOTED[:4]
"""Of one that quotes another message."""
_IDS = (*_OTHERS, "id", "ts", "channel_id", "channel_team", "author_id", "from_url")


def words_of(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The text; blank where the writer said nothing."""
    body = _body(message, names)
    more = (_attachment(each, names) for each in items(message.get("attachments")) if not _is_quoted(each))
    return "\n".join(part for part in (body, *(each for each in more if each not in body)) if part.strip())


def has_words(message: Mapping[str, Any]) -> bool:
    """Whether the writer said anything."""
    return bool(_written(message).strip() or words_of(message, {}))


def why_wordless(message: Mapping[str, Any]) -> str:
    """Why a message has no text, in a few words."""
    if items(message.get("files")):
        return "files without a word"
    if any(_is_quoted(each) for each in items(message.get("attachments"))):
        return "another's message or a link, without a word of the sender's"
    return "text is empty"


def without_quotes(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message, with the ids alone of what others said, maybe in a channel that is not shared."""
    attachments = message.get("attachments")
    if not isinstance(attachments, list):
        return dict(message)
    return {**message, "attachments": [_pared(each) for each in attachments]}


def _pared(attachment: Any) -> Any:
    if not isinstance(attachment, Mapping) or not any(attachment.get(mark) for mark in _OTHERS):
        return attachment
    return {key: value for key, value in attachment.items() if key in _IDS and isinstance(value, str | int)}


def _body(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    text = shown(_written(message), names)
    blocks = items(message.get("blocks"))
    typed = not message.get("bot_id") and all(block.get("type") == "rich_text" for block in blocks)
    if not blocks or (typed and text.strip()):
        return text
    built = text_of(blocks, names)
    return built if _weight(built) > _weight(text) else text


def _written(message: Mapping[str, Any]) -> str:
    text = message.get("text")
    return text if isinstance(text, str) and text.strip() not in PLACEHOLDERS else ""


def _weight(text: str) -> int:
    """Letters and digits."""
    return sum(map(str.isalnum, text))


def _is_quoted(attachment: Mapping[str, Any]) -> bool:
    return any(attachment.get(mark) for mark in _QUOTED)


def _attachment(attachment: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments"""
    said = "\n".join(line for line in _lines(attachment, names) if line.strip())
    fallback = attachment.get("fallback")
    if said or not isinstance(fallback, str) or fallback.strip() in PLACEHOLDERS:
        return said
    return shown(fallback, names)


def _lines(attachment: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    yield text_of([attachment.get("pretext")], names)
    if attachment.get("blocks"):
        yield text_of(attachment["blocks"], names)
        return
    yield text_of([attachment.get("title"), attachment.get("text")], names)
    for field in items(attachment.get("fields")):
        said = [text_of([field.get(key)], names) for key in ("title", "value")]
        yield ": ".join(part for part in said if part)
