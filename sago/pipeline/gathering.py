"""Many who each hand in a little: who comes while messages are on their way goes with the next, all of them at once.

So a burst of deliveries costs two ways to the raw store, not one for each; and the log falls quiet in between, which
is what the bridge waits for (`bridge.quiet`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future

from sago.domain.messages import Message
from sago.errors import TransientError
from sago.pipeline.reception import Reception


class Gathering:
    """A `Reception` for many. Thread-safe; whoever waits is answered within `reception.within`, once more that where
    others were on their way before."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._lock = threading.Lock()
        self._under_way = threading.Lock()
        self._next = _Group()

    def take(self, messages: Sequence[Message]) -> list[Message]:
        """As that of `Reception`; those given out in one group share its fate."""
        with self._lock:
            group = self._next
            leads = not group.messages
            group.messages += messages
        if leads:
            self._lead(group)
        conflicts = {id(message) for message in group.conflicts.result()}
        return [message for message in messages if id(message) in conflicts]

    def _lead(self, group: _Group) -> None:
        """Whoever came first brings all of them, those that came while it waited for its turn too."""
        is_turn = self._under_way.acquire(timeout=self._reception.within)
        with self._lock:
            self._next = _Group()
        try:
            if not is_turn:
                raise TransientError("messages handed in before are still waiting to become safe")
            group.conflicts.set_result(self._reception.take(group.messages))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
            group.conflicts.set_exception(error)
        finally:
            if is_turn:
                self._under_way.release()


class _Group:
    """Messages that go together, and those among them that conflict."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.conflicts: Future[list[Message]] = Future()
