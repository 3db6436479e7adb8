"""The `Replies` port in memory."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import uuid4

from sago.ports import MOST_REPLIES, Begun, Clock

UNDER_WAY, KEPT = timedelta(minutes=1), timedelta(hours=24)


class MemoryReplies:
    """Of this process; threads may share it."""

    def __init__(self, clock: Clock, most: int = MOST_REPLIES) -> None:
        self._clock = clock
        self._most = most
        self._kept: dict[tuple[str, str], tuple[datetime, Begun, str]] = {}
        self._lock = Lock()

    def begin(self, caller: str, name: str, digest: str) -> Begun:
        with self._lock:
            now = self._clock.now()
            if held := self._held(caller, name, now):
                first, answer = held
                return Begun(is_first=False, digest=first.digest, answer=json.loads(answer))
            begun = Begun(is_first=True, digest=digest, token=uuid4().hex)
            self._kept[caller, name] = now + UNDER_WAY, begun, "null"
            return begun

    def end(self, caller: str, name: str, begun: Begun, answer: Any) -> None:
        with self._lock:
            now = self._clock.now()
            if self._held(caller, name, now) not in (None, (begun, "null")):
                return
            self._kept.pop((caller, name), None)
            self._kept[caller, name] = now + KEPT, begun, json.dumps(answer)
            ended = [each for each, (_, _, kept) in self._kept.items() if each[0] == caller and kept != "null"]
            for each in ended[: -self._most]:
                del self._kept[each]

    def release(self, caller: str, name: str, begun: Begun) -> None:
        with self._lock:
            if self._held(caller, name, self._clock.now()) == (begun, "null"):
                del self._kept[caller, name]

    def _held(self, caller: str, name: str, now: datetime) -> tuple[Begun, str] | None:
        """Who has the name, and the answer."""
        until, begun, answer = self._kept.get((caller, name), (now, None, ""))
        return (begun, answer) if begun is not None and now < until else None

    def close(self) -> None:
        """There are no connections."""
