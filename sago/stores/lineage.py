"""Which event took the place of one that vanished: shared by every store that keeps events."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sago.domain.events import Event


def successors(vanished: Iterable[Event], present: Iterable[Event]) -> dict[UUID, UUID]:
    """Old id → new id, for each vanished event whose proofs all stand in a present event of its type.

    Of several the one with the fewest proofs succeeds, then the one with the lowest id.
    """
    candidates = sorted(present, key=lambda event: (len(event.evidence), str(event.id)))
    found: dict[UUID, UUID] = {}
    for old in vanished:
        for new in candidates:
            if new.event_type is old.event_type and _proofs(old) <= _proofs(new):
                found[old.id] = new.id
                break
    return found


def _proofs(event: Event) -> set[str]:
    return {proof.message_id for proof in event.evidence}
