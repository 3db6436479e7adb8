"""Questions to servers, each in a thread of its own, so that one that is silent holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any


class Questions:
    """Those that are under way. Thread-safe.

    No pool: Python waits for a pool's threads at the end of the process, however silent the server.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Future[Any]] = {}

    def ask(self, key: Hashable, question: Callable[[], object]) -> Future[Any]:
        """The answer to come, or what the question raised. One that is under way is not asked a second time: whoever
        asks again waits with it."""
        with self._lock:
            future = self._under_way.get(key)
            if future is None:
                future = Future()
                threading.Thread(target=self._put, args=(key, future, question), name=self._name, daemon=True).start()
                self._under_way[key] = future
            return future

    def _put(self, key: Hashable, future: Future[Any], question: Callable[[], object]) -> None:
        answer, raised = None, None
        try:
            answer = question()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer is told
            raised = error
        with self._lock:
            del self._under_way[key]
        if raised is None:
            future.set_result(answer)
        else:
            future.set_exception(raised)
