"""Plain text out of Slack's Block Kit and attachments, for messages whose `text` is empty.

Shapes: docs.slack.dev/reference/block-kit/blocks and …/rich-text-block. Unknown blocks give no text and never raise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

DEPTH = 12
"""Nesting beyond this is no real message and is left out."""


def text_of(payload: Mapping[str, Any], users: Mapping[str, str]) -> str:
    """The text of `blocks`, else of `attachments`; empty where there is none."""
    lines = [line for block in _items(payload.get("blocks")) for line in _block_lines(block, users)]
    if not lines:
        lines = [line for item in _items(payload.get("attachments")) for line in _attachment_lines(item, users)]
    return "\n".join(line for line in lines if line)


def _block_lines(block: Mapping[str, Any], users: Mapping[str, str]) -> Iterator[str]:
    if block.get("type") == "rich_text":
        for element in _items(block.get("elements")):
            yield _rich(element, users, DEPTH)
        return
    yield _object_text(block.get("text"))
    for part in (*_items(block.get("fields")), *_items(block.get("elements"))):
        yield _object_text(part)
    yield _object_text(block.get("title"))


def _attachment_lines(attachment: Mapping[str, Any], users: Mapping[str, str]) -> Iterator[str]:
    inner = text_of({"blocks": attachment.get("blocks")}, users)
    if inner:
        yield inner
        return
    said = [attachment.get(key) for key in ("pretext", "title", "text")]
    texts = [text for text in said if isinstance(text, str) and text]
    yield "\n".join(texts) if texts else str(attachment.get("fallback") or "")


def _object_text(value: Any) -> str:
    """The text of a composition object: {"type": "plain_text" | "mrkdwn", "text": …}, or a bare string."""
    if isinstance(value, Mapping):
        value = value.get("text")
        if isinstance(value, Mapping):
            value = value.get("text")
    return value if isinstance(value, str) else ""


def _rich(element: Mapping[str, Any], users: Mapping[str, str], depth: int) -> str:
    """A rich text element and what it holds; list items stand on lines of their own."""
    kind = element.get("type")
    if isinstance(element.get("elements"), list):
        if depth == 0:
            return ""
        parts = [_rich(inner, users, depth - 1) for inner in _items(element["elements"])]
        return "\n".join(f"• {part}" for part in parts) if kind == "rich_text_list" else "".join(parts)
    if kind == "user":
        user = str(element.get("user_id", ""))
        return f"@{users.get(user, user)}"
    if kind == "link":
        return str(element.get("text") or element.get("url") or "")
    named = {"channel": ("#", "channel_id"), "broadcast": ("@", "range"), "usergroup": ("@", "usergroup_id")}
    if kind in named:
        prefix, key = named[kind]
        return f"{prefix}{element.get(key, '')}"
    if kind == "emoji":
        return _emoji(element)
    return str(element.get("text") or "")


def _emoji(element: Mapping[str, Any]) -> str:
    """The character that Slack names in hex (`1f44d-1f3fb`), else `:name:`."""
    try:
        return "".join(chr(int(code, 16)) for code in str(element["unicode"]).split("-"))
    except (KeyError, ValueError, OverflowError):
        return f":{element.get('name', '')}:"


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
