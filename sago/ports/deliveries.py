"""Counts of what vendors deliver: figures, of which nothing depends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from sago.domain.deliveries import Counted


class DeliveryCounts(Protocol):
    """Counted over all processes."""

    def add(self, counts: Mapping[Counted, int]) -> None:
        """Count. Neither waits nor raises: what cannot be written now is written later, or lost with the process."""

    def totals(self) -> Counter[Counted] | None:
        """All that was counted; None where nobody answers. Never raises."""
