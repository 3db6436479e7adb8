"""Which event takes the place of one that vanished."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from sago.domain.events import Event, EventType, Evidence, Severity
from sago.stores.lineage import successors


def event(name: str, *proofs: str, kind: EventType = EventType.FUNDING) -> Event:
    return Event(
        id=uuid5(NAMESPACE_URL, name),
        company_id="acme",
        event_type=kind,
        title=f"Event {name}",
        severity=Severity.LOW,
        evidence=tuple(Evidence(message_id=proof, quote="q", start=0, end=1) for proof in proofs),
        occurred_at=datetime(2026, 3, 2, tzinfo=UTC),
    )


def test_the_event_that_holds_every_proof_succeeds() -> None:
    old, new = event("old", "m2"), event("new", "m1", "m2")
    assert successors([old], [event("unrelated", "m3"), new]) == {old.id: new.id}


def test_the_closest_of_several_succeeds_whatever_their_order() -> None:
    old, near, far = event("old", "m1"), event("near", "m1", "m2"), event("far", "m1", "m2", "m3")
    assert successors([old], [far, near]) == successors([old], [near, far]) == {old.id: near.id}


def test_another_type_or_a_missing_proof_is_no_successor() -> None:
    old = event("old", "m1", "m2")
    assert successors([old], [event("less", "m1"), event("other", "m1", "m2", kind=EventType.HIRING)]) == {}


def test_events_that_merged_share_a_successor() -> None:
    one, two, both = event("one", "m1"), event("two", "m2"), event("both", "m1", "m2")
    assert successors([one, two], [both]) == {one.id: both.id, two.id: both.id}
