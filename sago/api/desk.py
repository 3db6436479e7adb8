"""Work whose caller waits for seconds only: each in a thread of its own, so many at once, answered whoever hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sago.errors import TransientError
from sago.resilience.questions import Questions

Answer = TypeVar("Answer")
MOST = 256
"""Threads at once. They wait for servers most of the time; while all of them wait, nobody else is let in."""


class Desk:
    """Of one event loop."""

    def __init__(self, most: int = MOST) -> None:
        self._questions = Questions("desk")
        self._free = asyncio.Semaphore(most)

    async def answer(self, question: Callable[[], Answer], within: float) -> Answer:
        """What `question` returns or raises; TransientError where that takes longer than `within` seconds. It goes on
        then, and what it does is done."""
        try:
            async with asyncio.timeout(within):
                await self._free.acquire()
                asked = asyncio.wrap_future(self._questions.ask(object(), question))
                asked.add_done_callback(self._end)
                answer: Answer = await asyncio.shield(asked)
                return answer
        except TimeoutError:
            raise TransientError(f"no answer within {within:.1f} s") from None

    def _end(self, asked: asyncio.Future[Answer]) -> None:
        """Nobody may be there any more to hear of an error: it has been counted."""
        self._free.release()
        if not asked.cancelled():
            asked.exception()
