"""Many who hand in a little each: two ways to the raw store for all of them, each told of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from sago.errors import TransientError
from sago.pipeline.gathering import Gathering


class Slow:
    """Work that takes as long as it is told."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.go, self.began = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.at_once = 0

    def __call__(self, names: Sequence[str]) -> list[str]:
        self.at_once += 1
        assert self.at_once == 1, "one group at a time"
        self.calls.append(list(names))
        self.began.set()
        self.go.wait(60)
        self.at_once -= 1
        if self.error:
            raise self.error
        return [name.upper() for name in names]


@pytest.fixture
def slow() -> Slow:
    return Slow()


def test_who_comes_while_others_are_on_their_way_goes_with_the_next_and_hears_of_its_own(slow: Slow) -> None:
    gathering = Gathering(slow, 60)
    with ThreadPoolExecutor(41) as pool:
        first = pool.submit(gathering, ["first"])
        assert slow.began.wait(5)
        others = [pool.submit(gathering, [f"n{number}"] * (number % 3 + 1)) for number in range(40)]
        while len(gathering._next.things) < sum(number % 3 + 1 for number in range(40)):
            time.sleep(0.01)
        slow.go.set()
        assert first.result() == ["FIRST"]
        for number, other in enumerate(others):
            assert other.result() == [f"N{number}"] * (number % 3 + 1)
    assert slow.calls[0] == ["first"]
    assert len(slow.calls) == 2


def test_an_error_is_everybodys_of_the_group_and_of_no_other(slow: Slow) -> None:
    gathering = Gathering(slow, 5)
    slow.go.set()
    slow.error = TransientError("down")
    with pytest.raises(TransientError, match="down"):
        gathering(["1"])
    slow.error = None
    assert gathering(["2"]) == ["2"]


def test_whose_turn_does_not_come_in_time_is_told_and_the_next_goes_on(slow: Slow) -> None:
    gathering = Gathering(slow, 0.3)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gathering, ["1"])
        assert slow.began.wait(5)
        with pytest.raises(TransientError, match="still waiting"):
            gathering(["2"])
        slow.go.set()
        assert first.result() == ["1"]
    assert gathering(["3"]) == ["3"]
    assert slow.calls == [["1"], ["3"]]
