"""The `Replies` port in memory."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from sago.ports import Begun, Clock

UNDER_WAY, KEPT = timedelta(minutes=1), timedelta(hours=24)


class MemoryReplies:
    """Of this process; threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, str, str]] = {}
        self._lock = Lock()

    def begin(self, name: str, digest: str) -> Begun:
        with self._lock:
            now = self._clock.now()
            until, before, answer = self._kept.get(name, (now, "", "null"))
            if now < until:
                return Begun(is_first=False, digest=before, answer=json.loads(answer))
            self._kept[name] = now + UNDER_WAY, digest, "null"
            return Begun(is_first=True, digest=digest)

    def end(self, name: str, digest: str, answer: Any) -> None:
        with self._lock:
            self._kept[name] = self._clock.now() + KEPT, digest, json.dumps(answer)

    def release(self, name: str) -> None:
        with self._lock:
            self._kept.pop(name, None)

    def close(self) -> None:
        """There are no connections."""
