"""Labelled events as the labelling guide writes them: one JSON object a line."""

from __future__ import annotations

import codecs
import difflib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sago.domain.events import EventType, Metric, Severity
from sago.errors import UsageError


class Words(BaseModel):
    """The words of one message that tell an event, to the letter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    quote: str = Field(min_length=1)


class Label(BaseModel):
    """One thing that happened to one company; `message_ids` are all messages that state or support it, `evidence`
    their words, where somebody marked them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    company_id: str = Field(min_length=1)
    event_type: EventType
    severity: Severity
    title: str = Field(min_length=5, max_length=200)
    message_ids: tuple[str, ...] = Field(min_length=1)
    metrics: tuple[Metric, ...] = ()
    evidence: tuple[Words, ...] = ()


_FORM = 'a label is one JSON object a line, as {"company_id": "acme", "event_type": "funding", …}'
_MENDED = {
    "missing": "is missing; add it",
    "string_type": "is no text; put it in quotation marks",
    "string_too_short": "is too short; its length is {min_length} at least",
    "string_too_long": "is too long; its length is {max_length} at most",
    "tuple_type": "is no list; write it in square brackets",
    "too_short": "is empty; name at least one",
    "float_type": "is no number; write it as in 450000 or 4.5, the unit beside it in its own field",
    "model_type": "is no object; write it in braces",
}
"""What pydantic found wrong, in plain words and with how to mend it."""
_MENDED |= dict.fromkeys(("float_parsing", "finite_number"), _MENDED["float_type"])
_CHOICES: dict[str, type[EventType | Severity]] = {"event_type": EventType, "severity": Severity}
_MODELS: dict[str, type[BaseModel]] = {"metrics": Metric, "evidence": Words}


def read_labels(path: Path) -> list[Label]:
    """The labels of a file, in its order. Raises UsageError that names file, line and field, and how to mend it."""
    try:
        lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines()
    except FileNotFoundError:
        raise UsageError(f"{path}: cannot be read, there is no such file; name the file of labels") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name the file of labels") from error
    return [_label(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _label(path: Path, number: int, line: bytes) -> Label:
    try:
        return Label.model_validate_json(line.decode())
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}:{number}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    except ValidationError as error:
        found = error.errors(include_url=False)
        # a misspelt name is also a missing one: the misspelling says more
        first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
        raise UsageError(f"{path}:{number}: {_explained(first)}") from error


def _explained(error: Mapping[str, Any]) -> str:
    """`metrics 2, value: is no number; …`."""
    kind, place, told = error["type"], error["loc"], error.get("ctx", {})
    if kind == "json_invalid":
        column = re.search(r"column (\d+)", str(told.get("error", "")))
        return f"is no JSON{f' from column {column[1]} on' if column else ''}; {_FORM}"
    if not place:
        return f"is no JSON object; {_FORM}"
    name = str(place[-1])
    if kind == "enum":
        known = [str(each) for each in _CHOICES[name]]
        what = f"is {json.dumps(error['input'])[:60]}; {_meant(str(error['input']), known, 'possible are')}"
    elif kind == "extra_forbidden":
        fields = list(_MODELS.get(str(place[0]), Label).model_fields)
        what = f"there is no such field; {_meant(name, fields, 'there are')}"
    else:
        what = _MENDED.get(kind, "is not what a label has there; compare it with another").format_map(told)
    return f"{_field(place)}: {what}"


def _field(place: tuple[int | str, ...]) -> str:
    """`("metrics", 1, "value")` → `metrics 2, value`."""
    parts = [f" {part + 1}" if isinstance(part, int) else f", {part}" for part in place]
    return "".join(parts).removeprefix(", ")


def _meant(wrong: str, known: Sequence[str], otherwise: str) -> str:
    near = difflib.get_close_matches(wrong.lower(), known, n=1)
    return f"did you mean {near[0]}?" if near else f"{otherwise} {', '.join(known)}"
