"""Plain text out of Slack's Block Kit (docs.slack.dev/reference/block-kit: blocks, elements, composition objects).

What a reader of the message sees as words is taken. Buttons, menus and fields to fill in are left out, with what was
chosen or filled in; so are the names of files and calls. Of a block or element that is not known the parts that are
known are taken. Never raises, whatever the JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sago.sources.slack_text import day_of, mention, plain, shown

DEPTH = 12
"""Nesting beyond this is no real message and is left out."""
_INDENT = "    "
_DEEPEST = 8
"""Levels of a list that are indented."""
_LEFT_OUT = frozenset(
    {"actions", "auth_provider", "call", "context_actions", "divider", "file"}
    | {"button", "checkboxes", "datepicker", "datetimepicker", "email_text_input", "feedback_buttons", "file_input"}
    | {"icon_button", "number_input", "overflow", "plain_text_input", "radio_buttons", "rich_text_input", "timepicker"}
    | {"url_text_input", "workflow_button"}
)
_PARTS = (
    *("subtitle", "text", "fields", "body", "label", "hint", "description", "caption"),
    *("elements", "child_blocks", "tasks", "details", "output", "sources", "accessory"),
)
"""Of a block or element under its title, in the order of reading."""
_MENTIONS = {
    "user": ("@", "user_id"),
    "canvas_user_mention": ("@", "user_id"),
    "usergroup": ("@", "usergroup_id"),
    "team": ("@", "team_id"),
    "broadcast": ("@", "range"),
    "channel": ("#", "channel_id"),
}


def text_of(blocks: object, names: Mapping[str, str]) -> str:
    """The text of a message's `blocks`, a line for each part; empty where there is none."""
    return "\n".join(line for line in _said(blocks, names, DEPTH) if line.strip())


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _said(value: object, names: Mapping[str, str], depth: int) -> Iterator[str]:
    """Of a string, a text object, a block or element, or a list of such."""
    if isinstance(value, str):
        yield shown(value, names)
    elif depth == 0:
        return
    elif isinstance(value, list):
        for each in value:
            yield from _said(each, names, depth - 1)
    elif isinstance(value, Mapping):
        yield from _of_kind(value, names, depth - 1)


def _of_kind(block: Mapping[str, Any], names: Mapping[str, str], depth: int) -> Iterator[str]:
    kind = str(block.get("type"))
    if kind in _LEFT_OUT or kind.endswith("_select"):
        return
    if kind == "rich_text":
        for element in items(block.get("elements")):
            yield _rich(element, names, depth).strip("\n")
    elif kind in ("plain_text", "markdown", "raw_text"):
        yield plain(_string(block.get("text")))
    elif kind in ("table", "data_table"):
        yield _string(block.get("caption"))
        yield from _table(block.get("rows"), names, depth)
    elif kind == "data_visualization":
        yield _string(block.get("title"))
        yield from _chart(block.get("chart"))
    else:
        yield from _parts(block, names, depth)


def _parts(block: Mapping[str, Any], names: Mapping[str, str], depth: int) -> Iterator[str]:
    title = "rich_text_title" if block.get("rich_text_title") else "title"
    for key in (title, *_PARTS):
        yield from _said(block.get(key), names, depth)
    if _string(block.get("alt_text")) != _string(block.get("title")):
        yield _string(block.get("alt_text"))


def _table(rows: object, names: Mapping[str, str], depth: int) -> Iterator[str]:
    """A line for each row."""
    for row in rows if isinstance(rows, list) else []:
        cells = row if isinstance(row, list) else []
        yield " | ".join(_cell(cell, names, depth) for cell in cells)


def _cell(cell: object, names: Mapping[str, str], depth: int) -> str:
    said = " ".join(line for line in _said(cell, names, depth) if line.strip())
    return said or (_figure(cell.get("value")) if isinstance(cell, Mapping) else "")


def _chart(chart: object) -> Iterator[str]:
    """A line for each slice of a pie, and for each series with its points."""
    found = chart if isinstance(chart, Mapping) else {}
    for part in items(found.get("segments")):
        yield f"{_string(part.get('label'))}: {_figure(part.get('value'))}"
    for series in items(found.get("series")):
        points = (f"{_string(point.get('label'))} {_figure(point.get('value'))}" for point in items(series.get("data")))
        yield f"{_string(series.get('name'))}: {', '.join(points)}"


def _rich(element: Mapping[str, Any], names: Mapping[str, str], depth: int) -> str:
    """A rich text element and what it holds; list items and quoted lines stand on lines of their own."""
    if not isinstance(element.get("elements"), list):
        return _inline(element, names)
    if depth <= 0:
        return ""
    kind = element.get("type")
    parts = [_rich(inner, names, depth - 1) for inner in items(element["elements"])]
    if kind == "rich_text_list":
        return "\n".join(_listed(element, parts))
    text = "".join(parts)
    return "\n".join(f"> {line}" for line in text.split("\n")) if kind == "rich_text_quote" else text


def _listed(element: Mapping[str, Any], parts: list[str]) -> Iterator[str]:
    indent, offset = (_whole(element.get(key)) for key in ("indent", "offset"))
    pad = _INDENT * min(max(indent, 0), _DEEPEST)
    for number, part in enumerate(parts, offset + 1):
        yield f"{pad}{f'{number}.' if element.get('style') == 'ordered' else '•'} {part}"


def _inline(element: Mapping[str, Any], names: Mapping[str, str]) -> str:
    kind = str(element.get("type"))
    if kind in _MENTIONS:
        sign, key = _MENTIONS[kind]
        return mention(sign, _string(element.get(key)), names)
    if kind == "emoji":
        return _emoji(element)
    if kind == "date":
        return _string(element.get("fallback")) or day_of(_figure(element.get("timestamp")))
    if kind == "color":
        return _string(element.get("value"))
    return _string(element.get("text")) or _string(element.get("url"))


def _emoji(element: Mapping[str, Any]) -> str:
    """The character that Slack names in hex (`1f44d-1f3fb`), else `:name:`."""
    try:
        character = "".join(chr(int(code, 16)) for code in _string(element.get("unicode")).split("-"))
        character.encode()
    except (ValueError, OverflowError):  # a lone surrogate too
        character = ""
    return character if character and "\x00" not in character else f":{_string(element.get('name'))}:"


def _string(value: object) -> str:
    """A string, that of a text object, else nothing."""
    if isinstance(value, Mapping):
        value = value.get("text")
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and abs(value) < 10**12 else 0


def _figure(value: object) -> str:
    return str(value) if isinstance(value, int | float | str) else ""
