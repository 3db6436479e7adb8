"""Waiting for a turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        return self._asked(lambda: self.vendor.get(path, params, limit=limit))

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:
        """As the port says."""
        return self._asked(lambda: self.vendor.post(path, body, limit=limit))

    def _asked(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        while True:
            try:
                return ask()
            except HeldBackError as error:
                wait = max(error.retry_after.total_seconds() if error.retry_after else 0.0, AT_LEAST)
                if wait > self.longest or self.clock.monotonic() + wait > self.until:
                    raise
                self.clock.sleep(wait)
