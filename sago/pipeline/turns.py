"""What one reader's turn with a stream came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from sago.pipeline.taking import Taken


class End(StrEnum):
    """How a run ended."""

    READ = "read"
    """The window, whole."""
    UNFINISHED = "unfinished"
    """Its time was over; others have their turn."""
    WAITS = "waits"
    """A limit of ours."""
    FAILED = "failed"
    REFUSED = "refused"
    """The account, by its vendor."""
    LEFT = "left"
    """Another reads it, or nobody may any more."""


@dataclass
class Pulled:
    """What one run came to."""

    end: End = End.LEFT
    pages: int = 0
    taken: int = 0
    known: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    """By reason."""
    refused: int = 0
    """Dead letters."""
    error: str = ""

    def add(self, taken: Taken) -> None:
        """One page more."""
        self.pages += 1
        self.taken += len(taken.ids)
        self.known += taken.known
        self.ignored += taken.ignored
        self.refused += len(taken.refused)
