"""The quote that states a figure."""

from __future__ import annotations

from collections.abc import Sequence

from sago.domain.amounts import find_amounts
from sago.domain.events import Event, Evidence, MetricPoint


def stating_proof(point: MetricPoint, events: Sequence[Event]) -> tuple[Evidence, ...]:
    """The first quote of the point's event that states the figure; its very first where none can be read."""
    event = next((event for event in events if event.id == point.event_id), None)
    if event is None:
        return ()
    stating = [e for e in event.evidence if any(a.value == point.value for a in find_amounts(e.quote))]
    return (stating[0] if stating else event.evidence[0],)
