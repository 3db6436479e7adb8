"""The bare loop comes to the same verdicts as the raw store, whatever comes twice or contradicts."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bench.store.bare_stores import verdicts
from sago.domain.messages import Message
from sago.stores.cassandra.rows import key_of
from sago.stores.memory.raw import MemoryRawStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MESSAGES = st.builds(
    lambda number, version, text: Message(
        id=f"slack:{number}", version=version, company_id="acme", source="slack", sender="ana", sent_at=NOW, text=text
    ),
    st.integers(0, 3),
    st.integers(0, 1),
    st.sampled_from(["yes", "no"]),
)


@given(before=st.lists(MESSAGES), batch=st.lists(MESSAGES))
def test_verdicts_are_those_of_the_store(before: list[Message], batch: list[Message]) -> None:
    store = MemoryRawStore()
    store.store(before, "before", NOW)
    owners = {key_of(each): each.content_sha() for each in store.read(sorted({each.ref for each in before}))}
    expected = store.store(batch, "batch", NOW)
    found = verdicts([(key_of(each), each.content_sha(), each) for each in batch], owners)
    assert (found.stored, found.duplicates) == (len(expected.stored), len(expected.duplicates))
    assert [each.ref for each in found.conflicts] == expected.conflicts
