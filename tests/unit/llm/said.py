"""Messages and requests for the tests of providers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding
from sago.domain.messages import CompactMessage
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
