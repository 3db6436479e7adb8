"""Up to where a partition is durable, whatever order its records are finished in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Watermark:
    """The contiguous watermark of one partition: every record before it is done. Pure; amortised O(1) a record.

    Offsets come in ascending order but need not be adjacent: compaction and transaction markers leave gaps.
    """

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._done: set[int] = set()
        self._next: int | None = None

    def track(self, offset: int) -> None:
        """A record has been read and waits to be done; ValueError when it does not follow the last one."""
        if self._next is not None and offset < self._next:
            raise ValueError(f"offset {offset} follows {self._next - 1}")
        self._waiting.append(offset)
        self._next = offset + 1

    def done(self, offsets: Iterable[int]) -> None:
        """These are durable; ValueError for one that was never tracked."""
        for offset in offsets:
            if self._next is None or offset >= self._next:
                raise ValueError(f"offset {offset} was not read")
            self._done.add(offset)
        while self._waiting and self._waiting[0] in self._done:
            self._done.remove(self._waiting.popleft())
        if not self._waiting:
            self._done.clear()

    def committable(self) -> int | None:
        """The offset to go on from after a crash: the oldest that is not done, else the one after the last read.

        None before anything was read.
        """
        return self._waiting[0] if self._waiting else self._next
