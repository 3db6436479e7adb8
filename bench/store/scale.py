"""How much is measured: the whole, or a quick look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Counts of messages, companies and rounds; seconds."""

    rounds: int = 5
    messages: int = 20_000
    few: int = 2_000
    """Messages of a run with one task each."""
    merged: int = 20_000
    """Messages of a run to the last merge: several batches of each company."""
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    companies: tuple[int, ...] = (10, 100, 1_000, 10_000)
    seconds: float = 150.0
    """Of the paced feed, in as many windows as there are rounds."""
    look_every: float = 2.0
    """Between samples of memory."""


WHOLE = Scale()
QUICK = Scale(1, 3_000, 500, 12_000, (1_000, 3_000, 10_000), (10, 100, 1_000), 15.0, 0.2)
