"""Waiting for a turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sago.errors import HeldBackError
from sago.ports import Clock, Vendor

AT_LEAST = 0.1
"""Seconds of one wait."""


@dataclass(frozen=True)
class Patient:
    """A `Vendor` that waits where our own limit is reached, for `longest` seconds at once and not beyond `until`: what
    takes several calls would begin anew otherwise, and spend the limit on the same calls."""

    vendor: Vendor
    clock: Clock
    longest: float
    until: float
    """By the monotonic clock."""

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        """As the port says."""
        while True:
            try:
                return self.vendor.get(path, params, limit=limit)
            except HeldBackError as error:
                wait = max(error.retry_after.total_seconds() if error.retry_after else 0.0, AT_LEAST)
                if wait > self.longest or self.clock.monotonic() + wait > self.until:
                    raise
                self.clock.sleep(wait)
