"""The `Replies` port in memory."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from sago.ports import MOST_REPLIES, Begun, Clock

UNDER_WAY, KEPT = timedelta(minutes=1), timedelta(hours=24)


class MemoryReplies:
    """Of this process; threads may share it."""

    def __init__(self, clock: Clock, most: int = MOST_REPLIES) -> None:
        self._clock = clock
        self._most = most
        self._kept: dict[tuple[str, str], tuple[datetime, str, str]] = {}
        self._lock = Lock()

    def begin(self, caller: str, name: str, digest: str) -> Begun:
        with self._lock:
            now = self._clock.now()
            until, before, answer = self._kept.get((caller, name), (now, "", "null"))
            if now < until:
                return Begun(is_first=False, digest=before, answer=json.loads(answer))
            self._kept[caller, name] = now + UNDER_WAY, digest, "null"
            return Begun(is_first=True, digest=digest)

    def end(self, caller: str, name: str, digest: str, answer: Any) -> None:
        with self._lock:
            self._kept.pop((caller, name), None)
            self._kept[caller, name] = self._clock.now() + KEPT, digest, json.dumps(answer)
            ended = [each for each, (_, _, kept) in self._kept.items() if each[0] == caller and kept != "null"]
            for each in ended[: -self._most]:
                del self._kept[each]

    def release(self, caller: str, name: str) -> None:
        with self._lock:
            self._kept.pop((caller, name), None)

    def close(self) -> None:
        """There are no connections."""
