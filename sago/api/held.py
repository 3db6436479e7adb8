"""Bodies of requests that nobody has verified yet: so much memory for all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sago.api.problems import RETRY_AFTER, ProblemError

MOST = 32_000_000
"""Bytes at once, those within `SMALL` not counted."""
SMALL = 64_000
"""Bytes of each body that are never refused: deliveries have a few kB and get past whoever fills the rest."""


class Held:
    """Of one event loop."""

    def __init__(self, most: int = MOST) -> None:
        self._left = most

    @contextmanager
    def body(self) -> Iterator[Callable[[int], None]]:
        """Tells how many bytes have come so far of a body, which is let go at the end; raises a problem with status 503
        where no more can be held."""
        mine = 0

        def grow(size: int) -> None:
            nonlocal mine
            more = max(size - SMALL, 0) - mine
            if more > self._left:
                # The rest of it may still come, and would be taken for the next request.
                headers = {"Retry-After": str(RETRY_AFTER), "Connection": "close"}
                raise ProblemError(503, "too many large requests at once: send it again", headers=headers)
            self._left -= more
            mine += more

        try:
            yield grow
        finally:
            self._left += mine
