"""Labelled events as the labelling guide writes them: one JSON object a line."""

from __future__ import annotations

from pathlib import Path

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


def read_labels(path: Path) -> list[Label]:
    """The labels of a file, in its order. Raises UsageError that names file, line and field."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    return [_label(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _label(path: Path, number: int, line: str) -> Label:
    try:
        return Label.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        where = f" ({field})" if field else ""
        raise UsageError(f"{path}:{number}: no label{where}: {first['msg']}") from error
