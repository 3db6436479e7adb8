"""What is on its way from the log to the raw store, in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sago.ports.connections import UNDER_WAY_FOR
from sago.stores.memory.state import State


class MemoryUnderWay:
    """The `UnderWayStore` over a working copy."""

    def __init__(self, state: State) -> None:
        self._state = state

    def note(self, messages: Collection[tuple[str, str]], now: datetime) -> None:
        self.end([message for message, at in self._state.under_way.items() if at < now - UNDER_WAY_FOR])
        for message in messages:
            self._state.under_way.setdefault(message, now)

    def companies(self, message_ids: Collection[str], among: Collection[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for company_id, message_id in sorted(self._state.under_way):
            if message_id in message_ids and company_id in among:
                found.setdefault(message_id, []).append(company_id)
        return found

    def end(self, messages: Collection[tuple[str, str]]) -> None:
        for message in messages:
            self._state.under_way.pop(message, None)
