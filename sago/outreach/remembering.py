"""What was worked out of a text, remembered for one firm: shared by all it would tell a firm, by how long its own page
takes, what others have read."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

Result = TypeVar("Result")
KEPT, FIRMS = 4_096, 16
"""Texts that a process remembers for each firm, and of so many firms."""


def remembered(work: Callable[..., Result]) -> Callable[[str], Callable[..., Result]]:
    """By the firm's id: `work`, which does nothing twice for that firm."""

    @lru_cache(maxsize=FIRMS)
    def of(_: str) -> Callable[..., Result]:
        return lru_cache(maxsize=KEPT)(work)

    return of
