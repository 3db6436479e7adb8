"""Which of an event's quotes is shown: for a figure, for the event itself; and an observation's own."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.fuzz import token_set_ratio

from sago.domain.amounts import find_amounts
from sago.domain.events import Event, Evidence, MetricPoint, Observation


def stating(event: Event, value: float) -> Evidence:
    """The event's first quote that states the figure; its very first where none can be read to do so."""
    told = (proof for proof in event.evidence if any(a.value == value for a in find_amounts(proof.quote)))
    return next(told, event.evidence[0])


def stating_proof(point: MetricPoint, events: Sequence[Event]) -> tuple[Evidence, ...]:
    """The quote of the point's event that states the figure; nothing where the event is not among these."""
    return tuple(stating(event, point.value) for event in events if event.id == point.event_id)


def shown(event: Event) -> Evidence:
    """The quote that an event is shown with: what states its first figure, or else what says most of its title."""
    for metric in event.metrics:
        proof = stating(event, metric.value)
        if any(amount.value == metric.value for amount in find_amounts(proof.quote)):
            return proof
    return telling(event)


def telling(event: Event) -> Evidence:
    """The event's quote that says most of its title; of equals the first. An event may begin with a word beside it."""
    title = event.title.lower()
    return max(event.evidence, key=lambda proof: token_set_ratio(title, proof.quote.lower()))


def evidence_of(said: Observation) -> Evidence:
    """The observation's quote and its place."""
    return Evidence(message_id=said.message_id, quote=said.quote, start=said.start, end=said.end)
