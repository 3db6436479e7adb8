"""Which of an event's quotes is shown: for a figure, for the event itself; and an observation's own."""

from __future__ import annotations

from rapidfuzz.fuzz import token_set_ratio

from sago.domain.amounts import find_amounts
from sago.domain.events import Event, Evidence, Observation


def stating(event: Event, value: float) -> Evidence:
    """The event's first quote that states the figure; its very first where none can be read to do so."""
    told = (proof for proof in event.evidence if any(a.value == value for a in find_amounts(proof.quote)))
    return next(told, event.evidence[0])


def telling(event: Event) -> Evidence:
    """The event's quote that says most of its title; of equals the first. An event may begin with a word beside it."""
    title = event.title.lower()
    return max(event.evidence, key=lambda proof: token_set_ratio(title, proof.quote.lower()))


def evidence_of(said: Observation) -> Evidence:
    """The observation's quote and its place."""
    return Evidence(message_id=said.message_id, quote=said.quote, start=said.start, end=said.end)
