"""What a model is asked to answer with: pydantic models, the JSON schemas made from them, and their domain meaning.

The schema is sent with the question; the answer is held against the same models again, for a schema is a wish. A
finding that breaks it is dropped and counted, the rest goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sago.domain.events import EventType, Finding, Metric, Severity, Status
from sago.domain.messages import CompactMessage
from sago.domain.metrics import canonical
from sago.errors import UnusableAnswerError

TITLE_LIMIT = 200


class FoundMetric(BaseModel):
    """A figure that stands in the quote."""

    name: str
    value: float
    unit: str


class Found(BaseModel):
    """One fact that a message states."""

    model_config = ConfigDict(str_strip_whitespace=False)

    message: int = Field(description="The message's n")
    quote: str = Field(description="Copied character by character from the message's text")
    event_type: EventType
    status: Status
    severity: Severity
    title: str
    subject: str = ""
    metrics: list[FoundMetric] = []
    stakeholders: list[str] = []
    corrects: bool = False

    @field_validator("metrics", mode="before")
    @classmethod
    def _without_broken_ones(cls, metrics: object) -> object:
        return [each for each in metrics if _is_metric(each)] if isinstance(metrics, list) else []


class FindingsAnswer(BaseModel):
    """All facts of the messages; an empty list where there are none."""

    findings: list[Found]


class WrittenHighlight(BaseModel):
    """One event told in a line."""

    event: int = Field(description="The event's n")
    heading: str
    text: str


class LetterAnswer(BaseModel):
    """A letter without greeting and signature."""

    subject: str
    opening: str
    highlights: list[WrittenHighlight]
    other_side: str
    ask: str


class ProposedCondition(BaseModel):
    """One condition in the condition language, and the words it answers."""

    condition: str
    because: str = Field(description="Copied character by character from the reason")


class ProposalAnswer(BaseModel):
    """What a reason would be answered by."""

    conditions: list[ProposedCondition]
    unclear: list[str] = Field(description="Passages that give no condition, copied character by character")


def findings(value: Any, messages: Sequence[CompactMessage], dropped: Counter[str]) -> list[Finding]:
    """The findings of an answer about `messages`, which are numbered from 1; reasons of the others in `dropped`.

    Raises UnusableAnswerError for a value that is no list of findings at all.
    """
    items = value.get("findings") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise UnusableAnswerError("the answer holds no list of findings")
    read = (_finding(item, messages, dropped) for item in items)
    return [finding for finding in read if finding is not None]


def _finding(item: Any, messages: Sequence[CompactMessage], dropped: Counter[str]) -> Finding | None:
    try:
        found = Found.model_validate(item)
        if not 1 <= found.message <= len(messages):
            dropped["names no message"] += 1
            return None
        message = messages[found.message - 1]
        return Finding(
            message_id=message.id,
            quote=found.quote,
            title=found.title.strip()[:TITLE_LIMIT],
            subject=found.subject.strip()[:TITLE_LIMIT] or None,
            metrics=tuple(Metric(name=canonical(m.name) or m.name, value=m.value, unit=m.unit) for m in found.metrics),
            stakeholders=tuple(name.strip() for name in found.stakeholders if name.strip()),
            **found.model_dump(include={"event_type", "status", "severity", "corrects"}),
        )
    except ValidationError as error:
        dropped[f"{error.errors(include_url=False)[0]['loc'][-1] if isinstance(item, dict) else 'item'} is wrong"] += 1
        return None


def _is_metric(value: object) -> bool:
    try:
        read = FoundMetric.model_validate(value)
        Metric(name=read.name, value=read.value, unit=read.unit)
    except ValidationError:
        return False
    return True
