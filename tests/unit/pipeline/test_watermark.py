"""The contiguous watermark, finished in any order, with gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.pipeline.watermark import Watermark

GAPS = st.lists(st.integers(0, 5), min_size=1, max_size=60)


def offsets_of(start: int, gaps: list[int]) -> list[int]:
    offsets = []
    for gap in gaps:
        start += gap
        offsets.append(start)
        start += 1
    return offsets


def test_nothing_read_is_nothing_to_commit() -> None:
    assert Watermark().committable() is None


def test_what_is_read_and_not_done_holds_it() -> None:
    mark = Watermark()
    for offset in (7, 8, 9):
        mark.track(offset)
    mark.done([8, 9])
    assert mark.committable() == 7
    mark.done([7])
    assert mark.committable() == 10


@given(st.integers(0, 1000), GAPS, st.randoms(use_true_random=False), st.data())
def test_it_is_the_oldest_undone_offset_in_any_order(start: int, gaps: list[int], random, data) -> None:  # type: ignore[no-untyped-def]
    offsets = offsets_of(start, gaps)
    mark, read, done = Watermark(), list[int](), set[int]()
    pending = list(offsets)
    while pending or len(done) < len(offsets):
        undone = [offset for offset in read if offset not in done]
        if pending and (not undone or data.draw(st.booleans())):
            read.append(pending.pop(0))
            mark.track(read[-1])
        else:
            chosen = random.sample(undone, random.randint(1, len(undone)))
            mark.done(chosen)
            done.update(chosen)
        undone = [offset for offset in read if offset not in done]
        assert mark.committable() == (min(undone) if undone else read[-1] + 1)


@given(GAPS)
def test_done_twice_changes_nothing(gaps: list[int]) -> None:
    offsets = offsets_of(0, gaps)
    mark = Watermark()
    for offset in offsets:
        mark.track(offset)
    mark.done(offsets[:1])
    before = mark.committable()
    mark.done(offsets[:1])
    assert mark.committable() == before
    mark.done(offsets)
    assert mark.committable() == offsets[-1] + 1


def test_offsets_only_rise() -> None:
    mark = Watermark()
    mark.track(5)
    with pytest.raises(ValueError, match="offset 5 follows 5"):
        mark.track(5)
    with pytest.raises(ValueError, match="was not read"):
        mark.done([6])
