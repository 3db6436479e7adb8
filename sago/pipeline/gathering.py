"""Many who hand in a little each: who comes while messages are on their way goes with the next, all of them at once.

So a burst of deliveries costs two ways to the raw store, not one for each; and the log falls quiet in between, which
is what the bridge waits for (`bridge.quiet`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from sago.errors import TransientError

Thing = TypeVar("Thing")
Fate = TypeVar("Fate")


class Gathering(Generic[Thing, Fate]):
    """Calls `work`, which gives a fate for each thing, in their order, for many at once. Thread-safe; whose turn does
    not come `within` seconds is told."""

    def __init__(self, work: Callable[[Sequence[Thing]], Sequence[Fate]], within: float) -> None:
        self._work = work
        self._within = within
        self._lock = threading.Lock()
        self._under_way = threading.Lock()
        self._next: _Group[Thing, Fate] = _Group()

    def __call__(self, things: Sequence[Thing]) -> Sequence[Fate]:
        """As `work`; those that go together share an error of it."""
        with self._lock:
            group, first = self._next, len(self._next.things)
            group.things += things
        if not first:
            self._lead(group)
        return group.fates.result()[first : first + len(things)]

    def _lead(self, group: _Group[Thing, Fate]) -> None:
        """Whoever came first brings all of them, those that came while it waited for its turn too."""
        is_turn = self._under_way.acquire(timeout=self._within)
        with self._lock:
            self._next = _Group()
        try:
            if not is_turn:
                raise TransientError("messages handed in before are still waiting to become safe")
            group.fates.set_result(self._work(group.things))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
            group.fates.set_exception(error)
        finally:
            if is_turn:
                self._under_way.release()


class _Group(Generic[Thing, Fate]):
    """Things that go together, and what became of them."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.fates: Future[Sequence[Fate]] = Future()
