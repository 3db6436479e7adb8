"""Work whose caller waits for seconds only: each in a thread of its own, so many at once, answered whoever hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Literal, TypeVar
from weakref import WeakValueDictionary

from fastapi import Request

from sago.api.problems import RETRY_AFTER, ProblemError
from sago.errors import TransientError
from sago.resilience.questions import Questions

Answer = TypeVar("Answer")
MOST = 256
"""Threads at once. They wait for servers most of the time; while all of them wait, nobody else is let in."""
QUEUE, PATIENCE = 16, 5.0
"""Requests of one caller that wait for their turn, and seconds that each of them does."""


class Desk:
    """Of one event loop. Does `most` at once."""

    def __init__(self, most: int = MOST) -> None:
        self._questions = Questions("desk")
        self._free = asyncio.Semaphore(most)

    async def answer(self, question: Callable[[], Answer], within: float, *turns: asyncio.Semaphore) -> Answer:
        """What `question` returns or raises; TransientError where that takes longer than `within` seconds, the waiting
        for `turns` with it. It goes on then, and what it does is done."""
        try:
            async with asyncio.timeout(within):
                with ExitStack() as taken:
                    for turn in (*turns, self._free):
                        await turn.acquire()
                        taken.callback(turn.release)
                    asked = asyncio.wrap_future(self._questions.ask(object(), question))
                    asked.add_done_callback(partial(_end, taken.pop_all()))
                answer: Answer = await asyncio.shield(asked)
                return answer
        except TimeoutError:
            raise TransientError(f"no answer within {within:.1f} s") from None


class LongDesk:
    """A desk for what takes long: within `within` seconds, and of one caller `each` at once. Whoever asks for more
    waits for their own turn, before they stand in anybody's way."""

    def __init__(self, most: int, each: int, within: float) -> None:
        self._desk = Desk(most)
        self._each = each
        self._within = within
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()

    async def answer(self, question: Callable[[], Answer], who: str) -> Answer:
        """As a desk does; raises a problem with status 429 where `who` has too much under way."""
        turn = self._turns.setdefault(who, _Turn(self._each))
        return await self._desk.answer(question, self._within, turn)


async def read_long(request: Request, who: str, question: Callable[[], Answer]) -> Answer:
    """What takes longer than a page of rows: at the desk for it, so that nobody's pages wait."""
    desk: LongDesk = request.app.state.readings
    return await desk.answer(question, who)


async def end_long(request: Request, who: str, question: Callable[[], Answer]) -> Answer:
    """What ends a share, or proves its end: at the desk for it."""
    desk: LongDesk = request.app.state.endings
    return await desk.answer(question, who)


def _end(taken: ExitStack, asked: asyncio.Future[Answer]) -> None:
    """Nobody may be there any more to hear of an error: it has been counted."""
    taken.close()
    if not asked.cancelled():
        asked.exception()


class _Turn(asyncio.Semaphore):
    """What one caller may have under way at once; there as long as anything is."""

    def __init__(self, each: int) -> None:
        super().__init__(each)
        self._each = each
        self._waiting = 0

    async def acquire(self) -> Literal[True]:
        if self._waiting >= QUEUE:
            raise self._full()
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                return await super().acquire()
        except TimeoutError:
            raise self._full() from None
        finally:
            self._waiting -= 1

    def _full(self) -> ProblemError:
        said = f"{self._each} requests of this kind are under way for you, and more wait: ask one after the other"
        return ProblemError(429, said, headers={"Retry-After": str(RETRY_AFTER)})
