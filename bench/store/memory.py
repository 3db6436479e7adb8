"""Memory of processes over time, and whether it is flat."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from bench.store.background import beside
from bench.store.rig import LostError
from sago.embedded.processes import Child

MEGABYTE = 2**20
LEEWAY = 1.10
"""What is within 10% is flat."""
SEEN = 0.95
"""The share of the time that must have been looked at."""
LATE = 1.0
"""Seconds that a look may take."""


@dataclass
class Series:
    """Samples by name, one of each a sample; `at` in seconds from the beginning."""

    at: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, at: float, sample: dict[str, float]) -> None:
        self.at.append(at)
        for name, value in sample.items():
            self.values.setdefault(name, []).append(value)

    def check(self, every: float, seconds: float) -> None:
        """Raises LostError where for more than 5% of the time nobody looked, though it was time to."""
        gaps = [after - before for before, after in pairwise([0.0, *self.at, seconds])]
        unseen = sum(max(0.0, gap - 2 * every - LATE) for gap in gaps)
        if unseen > (1 - SEEN) * seconds:
            raise LostError(f"for {unseen:.0f} of {seconds:.0f} seconds no sample was taken")

    def fifths(self, name: str) -> list[float]:
        """Medians of the five fifths of the time; the first is the warm-up. Needs five samples."""
        values = self.values[name]
        cuts = [len(values) * n // 5 for n in range(6)]
        return [statistics.median(values[start:end]) for start, end in pairwise(cuts)]

    def growth(self, name: str) -> float:
        """The last fifth against the second: 1.0 where nothing changed."""
        fifths = self.fifths(name)
        return fifths[4] / fifths[1] if fifths[1] else float(fifths[4] > 0) + 1.0

    def table(self, what: str, names: Sequence[str], digits: int = 0) -> list[str]:
        """Markdown: the five fifths of each."""
        head = f"| {what} | warm-up | 2nd fifth | 3rd | 4th | last | last : 2nd |"
        rows = [
            f"| {name} | {' | '.join(f'{each:,.{digits}f}' for each in self.fifths(name))} | {self.growth(name):.2f} |"
            for name in names
        ]
        return [head, "|---|" + "---:|" * 6, *rows]


def flat(series: Series, names: Sequence[str]) -> bool:
    """Whether none of these grew by more than 10% after the warm-up."""
    return all(series.growth(name) <= LEEWAY for name in names)


def memory_of(children: dict[str, Child]) -> dict[str, float]:
    """Megabytes (proportional set size) of each, its pool children included."""
    return {name: child.memory() / MEGABYTE for name, child in children.items()}


@contextmanager
def sampled(series: Series, every: float, look: Callable[[], dict[str, float]]) -> Iterator[Series]:
    """Look now and then in a thread for the time of the block; the series is complete after it.

    On leaving the block what `look` raised is raised, and LostError where less than 95% of the time was seen.
    """
    began = time.monotonic()

    def run(stop: threading.Event) -> None:
        while not stop.wait(every):
            series.add(time.monotonic() - began, look())

    with beside("bench-samples", run):
        yield series
        seconds = time.monotonic() - began
    series.check(every, seconds)
