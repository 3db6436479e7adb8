"""Messages of many requests on their way to the log together: what came while a call was under way goes with the next.

A call to Kafka takes milliseconds, most of which it waits, and one is made at a time: so each request waits for two of
them at most, however many there are, and a burst costs few calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from starlette.concurrency import run_in_threadpool

from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.pipeline.reception import Reception

Answer = TypeVar("Answer")
SMALL = 8_000
"""Bytes of a body that are read at once: a thread costs more, and others wait for less than it."""
EVERY = 0.01
"""Seconds from one call to the next where many come: each costs as much for one message as for ten."""
FEW = 2
"""Requests of one call that are not many: nobody is waited for after it."""
MOST = 1_000
"""Messages of one call, where they are not all of one request."""


async def small(size: int, work: Callable[[], Answer]) -> Answer:
    """What `work` on so many bytes returns or raises, in a thread where it takes its time."""
    return work() if size <= SMALL else await run_in_threadpool(work)


class _Waiting(NamedTuple):
    messages: Sequence[Message]
    fate: asyncio.Future[list[Message]]


class Handing:
    """Of one event loop."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._waiting: list[_Waiting] = []
        self._under_way: asyncio.Task[None] | None = None

    async def take(self, messages: Sequence[Message]) -> list[Message]:
        """As `Reception.take`, which is called in a thread. A log that is waited for until all is stored is called
        by each request alone: there a call takes seconds."""
        if self._reception.until_stored:
            return await run_in_threadpool(self._reception.take, messages)
        mine = _Waiting(messages, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._bring())
        return await mine.fate

    async def _bring(self) -> None:
        """Bring all who wait, until nobody does."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began = loop.time()
                group = self._next_group()
                await self._bring_group(group)
                if len(group) > FEW and self._waiting:
                    await asyncio.sleep(began + EVERY - loop.time())
        finally:
            self._under_way = None

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        count = 0
        while self._waiting and (not group or count + len(self._waiting[0].messages) <= MOST):
            group.append(self._waiting.pop(0))
            count += len(group[-1].messages)
        return group

    async def _bring_group(self, group: Sequence[_Waiting]) -> None:
        together = [message for each in group for message in each.messages]
        try:
            await run_in_threadpool(self._reception.take, together)
        except InvalidMessageError as error:
            if len(group) == 1:
                _end(group[0], error)
                return
            for each in group:  # whose it is nobody can tell, and again has no further effect
                await self._bring_group([each])
        except Exception as error:  # noqa: BLE001 - whoever waits for it is told
            for each in group:
                _end(each, error)
        else:
            for each in group:
                _end(each)


def _end(waiting: _Waiting, error: Exception | None = None) -> None:
    """Tell a request, if it is still there."""
    if waiting.fate.done():
        return
    if error is not None:
        waiting.fate.set_exception(error)
    else:
        waiting.fate.set_result([])
