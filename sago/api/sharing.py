"""Questions anybody may ask, which take seconds while a server is silent: each costs one thread, not one an asker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

Answer = TypeVar("Answer")


class Shared:
    """Runs a question in a thread; whoever asks the same before it is answered gets that answer. Of one event loop."""

    def __init__(self) -> None:
        self._running: dict[Callable[[], Any], asyncio.Task[Any]] = {}

    async def answer(self, question: Callable[[], Answer]) -> Answer:
        """The answer, or the error the question ends with."""
        task = self._running.get(question)
        if task is None or task.done():
            task = self._running[question] = asyncio.create_task(asyncio.to_thread(question))
        # The first asker's going away must not take the answer from the others.
        answer: Answer = await asyncio.shield(task)
        return answer


async def shared_of(request: Request) -> Shared:
    """That of the application."""
    shared: Shared = request.app.state.shared
    return shared


Asked = Annotated[Shared, Depends(shared_of)]
