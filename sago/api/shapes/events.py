"""Events, their proofs, and the messages around these."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.events import EventType, Severity
from sago.domain.readings import MessageState, ReadEvent, SeenMessage, SeenProof

EVENT: dict[str, Any] = {
    "id": "0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11",
    "company_id": "scaleflow",
    "event_type": "revenue_milestone",
    "title": "ARR is $2.1M",
    "description": "",
    "impact": "",
    "metrics": [{"name": "arr", "value": 2100000.0, "unit": "USD"}],
    "timeline": "2026-02-24: ARR is $2.1M",
    "severity": "high",
    "stakeholders": [],
    "evidence": [{"message_id": "slack:C024BE91L:1771952651.000200", "quote": "we just passed $2.1M ARR"}],
    "occurred_at": "2026-02-24T17:04:11Z",
}


class MetricShown(BaseModel):
    """A figure of an event."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["arr"])
    value: float = Field(examples=[2100000.0])
    unit: str = Field(
        description="A currency (ISO 4217; `XXX` where nobody wrote which), `percent`, `count`, `x`, a unit of time, "
        "or the English name of another.",
        examples=["USD"],
    )


class ProofShown(BaseModel):
    """Words that prove an event."""

    model_config = ConfigDict(from_attributes=True)

    message_id: str
    quote: str = Field(description="To the letter; where figures are shared in bands, with these in brackets.")


class EventShown(BaseModel):
    """An event as the founder's share shows it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EVENT]})

    id: UUID
    company_id: str
    event_type: EventType = Field(description="`GET /api/v1/event-types` says what each means.")
    title: str
    description: str
    impact: str
    metrics: list[MetricShown] = Field(description="Empty where no exact figure is shared.")
    timeline: str = Field(description="Each telling on a line, with its day.")
    severity: Severity
    stakeholders: list[str]
    evidence: list[ProofShown] = Field(description="The proofs of shared sources, as they were said.")
    occurred_at: datetime = Field(description="When the first proof was said.")


class Contradicting(BaseModel):
    """Another event that states another figure of one metric for the same month."""

    event_id: UUID
    text: str = Field(examples=["$2.1M ARR here, $2.3M ARR there, both for February 2026"])


class EventRead(EventShown):
    """An event, and what speaks against it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EVENT | {"contradicts": []}]})

    contradicts: list[Contradicting] = Field(
        [], description="Which of them is right a person must say. Empty where no exact figure is shared."
    )

    @classmethod
    def of(cls, read: ReadEvent) -> Self:
        """Of what the use case returns."""
        against = [Contradicting(event_id=each.other.event_id, text=each.text) for each in read.against]
        return cls.model_validate(read.event).model_copy(update={"contradicts": against})


class MessageShown(BaseModel):
    """A message as it is now."""

    id: str = Field(examples=["slack:C024BE91L:1771952651.000200"])
    state: MessageState = Field(
        description="`edited`: the newest version is shown; `deleted` or `erased`: nothing of it is left to show."
    )
    sender: str | None = Field(description="Null where the message is gone.", examples=["Dana"])
    sent_at: datetime
    changed_at: datetime | None = Field(description="When it was last edited, or deleted.")
    text: str | None = Field(description="Null where the message is gone.")
    is_cut: bool = Field(description="Whether only the beginning of the text is shown.")

    @classmethod
    def of(cls, seen: SeenMessage) -> Self:
        """Of what the use case returns."""
        return cls.model_validate(seen._asdict())


class Span(BaseModel):
    """Where the quote stands in its message: from `start` up to, not including, `end`, in Unicode code points."""

    start: int
    end: int


class EvidenceShown(BaseModel):
    """A proof with its message and what was said around it."""

    message_id: str
    quote: str | None = Field(description="Null where its message was deleted or erased.")
    withheld: str | None = Field(description="Why the message is not shown; null where it is.")
    message: MessageShown | None
    span: Span | None = Field(description="Of the quote in the message's text; null where it stands there no more.")
    before: list[MessageShown] = Field(description="Said before it in the same thread, else channel; oldest first.")
    after: list[MessageShown] = Field(description="Said after it there; oldest first.")

    @classmethod
    def of(cls, seen: SeenProof) -> Self:
        """Of what the use case returns."""
        span = Span(start=seen.proof.start, end=seen.proof.end) if seen.is_standing else None
        return cls(
            message_id=seen.proof.message_id,
            quote=seen.quote,
            withheld=seen.withheld,
            message=MessageShown.of(seen.message) if seen.message else None,
            span=span,
            before=[MessageShown.of(each) for each in seen.before],
            after=[MessageShown.of(each) for each in seen.after],
        )


class TypeShown(BaseModel):
    """A type of event."""

    type: EventType
    label: str = Field(examples=["Revenue"])
    meaning: str = Field(examples=["MRR, ARR, bookings, NRR, profitability reached"])
    weight: float = Field(description="What it counts in a letter, 0 to 1.", examples=[1.0])
