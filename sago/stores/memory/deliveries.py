"""The `DeliveryCounts` of one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from threading import Lock

from sago.domain.deliveries import Counted


class MemoryDeliveryCounts:
    """Thread-safe."""

    def __init__(self) -> None:
        self._counts: Counter[Counted] = Counter()
        self._lock = Lock()

    def add(self, counts: Mapping[Counted, int]) -> None:
        with self._lock:
            self._counts.update(counts)

    def totals(self) -> Counter[Counted] | None:
        with self._lock:
            return self._counts.copy()

    def close(self) -> None:
        """There are no connections."""
