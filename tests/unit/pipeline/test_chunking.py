"""Chunks hold every message once, keep threads together where they fit, and do not depend on the order given."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.domain.messages import CompactMessage
from sago.pipeline.chunking import chunks

START = datetime(2025, 1, 1, tzinfo=UTC)


def message(number: int, thread: str | None = None) -> CompactMessage:
    sent_at = START + timedelta(minutes=number)
    return CompactMessage(
        id=f"slack:{number}", source="slack", sent_at=sent_at, sender="kim", thread_id=thread, text="x"
    )


def test_650_messages_without_threads_make_seven_chunks() -> None:
    cut = chunks([message(number) for number in range(650)], 100)
    assert [len(chunk) for chunk in cut] == [100, 100, 100, 100, 100, 100, 50]


def test_a_thread_is_not_cut_by_the_border_of_a_chunk() -> None:
    messages = [message(number) for number in range(8)] + [message(number, "t") for number in range(8, 12)]
    assert [[m.thread_id for m in chunk] for chunk in chunks(messages, 10)] == [[None] * 8, ["t"] * 4]


def test_a_thread_over_the_limit_is_cut() -> None:
    assert [len(chunk) for chunk in chunks([message(number, "t") for number in range(25)], 10)] == [10, 10, 5]


def test_a_limit_under_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        chunks([], 0)


MESSAGES = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from([None, None, "a", "b", "c"])),
    max_size=80,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [message(*pair) for pair in pairs])


@given(MESSAGES, st.integers(1, 30), st.randoms(use_true_random=False))
def test_every_message_once_in_any_order(messages, limit, random) -> None:  # type: ignore[no-untyped-def]
    cut = chunks(messages, limit)
    assert Counter(m.id for chunk in cut for m in chunk) == Counter(m.id for m in messages)
    assert all(0 < len(chunk) <= limit for chunk in cut)
    shuffled = list(messages)
    random.shuffle(shuffled)
    assert chunks(shuffled, limit) == cut


@given(MESSAGES, st.integers(5, 30))
def test_a_thread_that_fits_is_in_one_chunk(messages, limit) -> None:  # type: ignore[no-untyped-def]
    for thread in ("a", "b", "c"):
        holders = [chunk for chunk in chunks(messages, limit) if any(m.thread_id == thread for m in chunk)]
        if sum(m.thread_id == thread for m in messages) <= limit:
            assert len(holders) <= 1
