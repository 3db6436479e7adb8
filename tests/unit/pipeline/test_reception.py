"""How much may be on its way at once."""

from __future__ import annotations

import threading

import pytest

from sago.errors import TransientError
from sago.pipeline.reception import Room


def test_what_does_not_fit_waits_and_is_refused_in_time() -> None:
    room = Room(10)
    with room.taken(6, 0):
        with room.taken(4, 0), pytest.raises(TransientError, match="still waiting"), room.taken(1, 0.01):
            pytest.fail("no room")
        with room.taken(4, 0):
            pass


def test_what_is_larger_than_the_room_has_it_alone() -> None:
    room = Room(10)
    with room.taken(99, 0), pytest.raises(TransientError), room.taken(1, 0.01):
        pytest.fail("no room")
    with room.taken(99, 0):
        pass


def test_who_waits_goes_on_when_there_is_room_again_even_after_an_error() -> None:
    room = Room(10)
    entered = threading.Event()

    def enter() -> None:
        with room.taken(10, 5):
            entered.set()

    waiting = threading.Thread(target=enter)

    def fail() -> None:
        with room.taken(10, 0):
            waiting.start()
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    waiting.join(5)
    assert entered.is_set()
