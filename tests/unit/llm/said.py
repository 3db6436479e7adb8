"""Messages and requests for the tests of providers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sago.domain.batches import ExtractionRequest
from sago.domain.events import EventType, Finding
from sago.domain.messages import CompactMessage
from sago.llm.providers.offline.reading import Reading
from sago.llm.providers.offline.weighing import Likely
from sago.ports import Model

START = datetime(2025, 10, 6, 9, tzinfo=UTC)


def chat(number: int, text: str, sender: str = "kim", minutes: int | None = None) -> CompactMessage:
    sent_at = START + timedelta(minutes=number if minutes is None else minutes)
    return CompactMessage(id=f"slack:{number}", source="slack", sent_at=sent_at, sender=sender, text=text)


def mail(number: int, text: str, sender: str = "kim@acme.example") -> CompactMessage:
    sent_at = START + timedelta(minutes=number)
    return CompactMessage(id=f"gmail:{number}", source="gmail", sent_at=sent_at, sender=sender, text=text)


def extract(model: Model, *messages: CompactMessage, context: tuple[CompactMessage, ...] = ()) -> list[Finding]:
    return model.extract(ExtractionRequest(company_id="acme", company_name="Acme", messages=messages, context=context))


class Convinced:
    """A second reader that takes every statement for one type of event."""

    def __init__(self, event_type: EventType) -> None:
        self._likely = {each: 0.9999 if each is event_type else 0.01 for each in EventType}

    def opinions(self, readings: Sequence[Reading], of: Collection[str]) -> Mapping[str, Sequence[Likely]]:
        return {
            reading.message.id: [self._likely] * len(reading.statements)
            for reading in readings
            if reading.message.id in of
        }
