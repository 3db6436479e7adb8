"""Many who hand in a little each: two ways to the raw store for all of them, each told of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from sago.domain.messages import Message
from sago.errors import TransientError
from sago.pipeline.gathering import Gathering
from tests.unit.pipeline.bridge_world import message


class Slow:
    """A reception that takes as long as it is told, and finds conflicts in what is named so."""

    within = 0.3

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.go, self.began = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.at_once = 0

    def take(self, messages: Sequence[Message]) -> list[Message]:
        self.at_once += 1
        assert self.at_once == 1, "one group at a time"
        self.calls.append([each.native_id for each in messages])
        self.began.set()
        self.go.wait(5)
        self.at_once -= 1
        if self.error:
            raise self.error
        return [each for each in messages if each.native_id.startswith("bad")]


@pytest.fixture
def slow() -> Slow:
    return Slow()


def test_who_comes_while_others_are_on_their_way_goes_with_the_next_and_hears_of_its_own(slow: Slow) -> None:
    gathering = Gathering(slow)  # type: ignore[arg-type]
    slow.within = 5
    with ThreadPoolExecutor(41) as pool:
        first = pool.submit(gathering.take, [message("first")])
        assert slow.began.wait(5)
        names = [f"{'bad' if number % 4 == 0 else 'good'}-{number}" for number in range(40)]
        others = [pool.submit(gathering.take, [message(name), message(f"{name}-b")]) for name in names]
        while len(gathering._next.messages) < 80:
            time.sleep(0.01)
        slow.go.set()
        assert first.result() == []
        for name, other in zip(names, others, strict=True):
            bad = [name, f"{name}-b"] if name.startswith("bad") else []
            assert [each.native_id for each in other.result()] == bad
    assert slow.calls[0] == ["first"]
    assert len(slow.calls) == 2
    assert sorted(slow.calls[1]) == sorted([*names, *(f"{name}-b" for name in names)])


def test_an_error_is_everybodys_of_the_group_and_of_no_other(slow: Slow) -> None:
    gathering = Gathering(slow)  # type: ignore[arg-type]
    slow.go.set()
    slow.error = TransientError("down")
    with pytest.raises(TransientError, match="down"):
        gathering.take([message("1")])
    slow.error = None
    assert gathering.take([message("2")]) == []


def test_whose_turn_does_not_come_in_time_is_told_and_the_next_goes_on(slow: Slow) -> None:
    gathering = Gathering(slow)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gathering.take, [message("1")])
        assert slow.began.wait(5)
        with pytest.raises(TransientError, match="still waiting"):
            gathering.take([message("2")])
        slow.go.set()
        assert first.result() == []
    assert gathering.take([message("3")]) == []
    assert slow.calls == [["1"], ["3"]]
