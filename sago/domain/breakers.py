"""A breaker that lets nothing through: what is told of it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class OpenBreaker(NamedTuple):
    """Another side that is not asked. From `until` on one call may try it; only its success closes the breaker."""

    name: str
    """Provider and model, such as `gemini/gemini-3.1-pro-preview`."""
    since: datetime
    until: datetime
    reason: str
    """Why the last call failed, in one line."""
