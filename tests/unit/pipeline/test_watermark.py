"""The contiguous watermark, finished in any order, with gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sago.pipeline.watermark import Watermark

GAPS = st.lists(st.integers(0, 5), min_size=1, max_size=20)


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


@given(st.integers(0, 1000), GAPS, st.data())
def test_it_is_the_oldest_undone_offset_in_any_order_however_often_done(
    start: int, gaps: list[int], data: st.DataObject
) -> None:
    offsets = offsets_of(start, gaps)
    mark, read, done = Watermark(), list[int](), set[int]()
    while len(done) < len(offsets):
        if len(read) < len(offsets) and (done.issuperset(read) or data.draw(st.booleans())):
            read.append(offsets[len(read)])
            mark.track(read[-1])
        else:
            chosen = data.draw(st.lists(st.sampled_from(read), min_size=1, max_size=9))
            mark.done(chosen)
            done.update(chosen)
        assert mark.committable() == min(set(read) - done, default=read[-1] + 1)
    assert mark.committable() == offsets[-1] + 1


def test_offsets_only_rise() -> None:
    mark = Watermark()
    mark.track(5)
    with pytest.raises(ValueError, match="offset 5 follows 5"):
        mark.track(5)
    with pytest.raises(ValueError, match="was not read"):
        mark.done([6])
