"""Messages of many requests go to the log together, and each request hears of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from sago.api.handing import MOST, Handing
from sago.domain.messages import Message
from sago.errors import InvalidMessageError, TransientError
from tests.unit.pipeline.bridge_world import message as chat


class Desk:
    """A `Reception` that notes what it is called with, and fails as it is told."""

    until_stored = False

    def __init__(self, *errors: Exception | None) -> None:
        self.calls: list[list[str]] = []
        self.errors = list(errors)
        self.refused = ""
        self.together = 0
        self._at_once = threading.Semaphore(1)

    def take(self, messages: Sequence[Message]) -> list[Message]:
        if not self._at_once.acquire(blocking=False):
            self.together += 1
            return []
        try:
            self.calls.append([message.id for message in messages])
            if self.refused in self.calls[-1]:
                raise InvalidMessageError("Kafka takes no record of that size")
            if self.errors and (error := self.errors.pop(0)) is not None:
                raise error
            return []
        finally:
            self._at_once.release()


def hand_in(desk: Desk, *requests: Sequence[Message]) -> list[Any]:
    """All at once; what each request hears."""

    async def run() -> list[Any]:
        handing = Handing(desk)  # type: ignore[arg-type]
        return await asyncio.gather(*(handing.take(each) for each in requests), return_exceptions=True)

    return asyncio.run(run())


def test_who_comes_while_a_call_is_under_way_goes_with_the_next() -> None:
    desk = Desk()
    assert hand_in(desk, *([chat(n)] for n in range(50))) == [[]] * 50
    assert [name for call in desk.calls for name in call] == [chat(n).id for n in range(50)]
    assert len(desk.calls) <= 2
    assert desk.together == 0, "one call at a time"


def test_a_call_holds_so_many_and_a_request_is_never_cut() -> None:
    desk = Desk()
    requests = [[chat(n * 1_000 + m) for m in range(size)] for n, size in enumerate((1, 600, 600, 1_000, 3))]
    assert hand_in(desk, *requests) == [[]] * 5
    assert [len(call) for call in desk.calls] == [601, 600, 1_000, 3]
    assert max(len(call) for call in desk.calls) <= MOST


def test_a_server_that_does_not_answer_is_told_to_all_and_the_next_are_brought() -> None:
    desk = Desk(TransientError("no answer"))

    async def run() -> list[Any]:
        handing = Handing(desk)  # type: ignore[arg-type]
        first = await asyncio.gather(*(handing.take([chat(n)]) for n in range(3)), return_exceptions=True)
        return [*first, await handing.take([chat(9)])]

    heard = asyncio.run(run())
    assert [str(each) for each in heard[:3]] == ["no answer"] * 3
    assert heard[3] == []


def test_a_message_that_cannot_be_taken_refuses_no_other_request() -> None:
    desk = Desk()
    desk.refused = chat(2).id
    heard = hand_in(desk, *([chat(n)] for n in range(4)))
    assert [isinstance(each, InvalidMessageError) for each in heard] == [False, False, True, False]
    assert [[chat(n).id] for n in range(4)] == desk.calls[-4:]


def test_an_error_nobody_foresaw_is_told_and_ends_nothing() -> None:
    desk = Desk(ValueError("a mistake"))
    (heard,) = hand_in(desk, [chat(1)])
    assert isinstance(heard, ValueError)


def test_who_has_gone_holds_up_nobody() -> None:
    desk = Desk()

    async def run() -> list[Message]:
        handing = Handing(desk)  # type: ignore[arg-type]
        gone = asyncio.create_task(handing.take([chat(1)]))
        stays = asyncio.create_task(handing.take([chat(2)]))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await stays

    assert asyncio.run(run()) == []
