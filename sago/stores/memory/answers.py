"""The `Answers` port in memory."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sago.ports import Clock


class MemoryAnswers:
    """Answers of this process, as JSON."""

    def __init__(self, clock: Clock, ttl: timedelta) -> None:
        self._clock = clock
        self._ttl = ttl
        self._kept: dict[tuple[str, str], tuple[datetime, str]] = {}

    def get(self, company_id: str, digest: str) -> Any:
        until, text = self._kept.get((company_id, digest), (self._clock.now(), ""))
        return json.loads(text) if until > self._clock.now() else None

    def put(self, company_id: str, digest: str, answer: Any) -> None:
        self._kept[company_id, digest] = self._clock.now() + self._ttl, json.dumps(answer)

    def count(self, company_id: str) -> int:
        return sum(key[0] == company_id for key in self._kept)

    def forget(self, company_id: str) -> None:
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] != company_id}

    def close(self) -> None:
        """Nothing to let go."""
