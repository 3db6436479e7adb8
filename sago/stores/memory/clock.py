"""A clock that tests turn by hand."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta


class ManualClock:
    """The `Clock` that stands still until somebody sleeps or calls `advance`."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._passed = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._start + self._passed

    def monotonic(self) -> float:
        return self._passed.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Advance at once; nobody waits."""
        self.advance(timedelta(seconds=max(seconds, 0.0)))

    def advance(self, by: timedelta) -> None:
        """Let time pass; it never goes back."""
        if by < timedelta():
            raise ValueError(f"time cannot go back by {by}")
        with self._lock:
            self._passed += by
