"""Nothing beside a measurement fails unseen: not a thread, a pace that is not kept or a time nobody looked at."""

from __future__ import annotations

import threading

import pytest

from bench.store.background import beside
from bench.store.feed import Feed
from bench.store.memory import Series, sampled
from bench.store.rig import LostError
from bench.store.rounds import rotated


def test_an_error_is_raised_on_leaving_the_block() -> None:
    failed = threading.Event()

    def work(stop: threading.Event) -> None:
        failed.set()
        raise BufferError

    reached = False
    with pytest.raises(BufferError), beside("test", work):
        reached = failed.wait(5.0)
    assert reached


def test_an_error_after_the_end_is_raised_too() -> None:
    def work(stop: threading.Event) -> None:
        stop.wait(5.0)
        raise LostError("not flushed")

    with pytest.raises(LostError, match="not flushed"), beside("test", work):
        pass


def test_the_blocks_own_error_goes_first() -> None:
    def work(stop: threading.Event) -> None:
        stop.wait(5.0)
        raise BufferError

    with pytest.raises(KeyError), beside("test", work):
        raise KeyError


def test_a_look_that_fails_ends_the_measurement() -> None:
    looked = threading.Event()

    def look() -> dict[str, float]:
        looked.set()
        raise ConnectionError

    with pytest.raises(ConnectionError), sampled(Series(), 0.001, look):
        assert looked.wait(5.0)


@pytest.mark.parametrize("sent", [0, 979])
def test_a_feed_below_its_pace_is_an_error(sent: int) -> None:
    Feed(980).check(1000.0)
    with pytest.raises(LostError, match=f"{sent} messages were fed of 1,000"):
        Feed(sent).check(1000.0)


def test_samples_must_cover_the_time() -> None:
    whole = [2.0 * n for n in range(1, 50)]
    Series(whole).check(2.0, 100.0)
    for holed in (whole[:40], whole[:10] + whole[30:], []):
        with pytest.raises(LostError, match="no sample was taken"):
            Series(holed).check(2.0, 100.0)


def test_each_begins_a_round() -> None:
    names = ["ours", "bare", "single"]
    assert [rotated(names, turn)[0] for turn in range(4)] == ["ours", "bare", "single", "ours"]
    assert all(sorted(rotated(names, turn)) == sorted(names) for turn in range(4))
