"""On which days messages were said, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sago.domain.connections import Heard
from sago.domain.rhythm import BASELINE
from sago.stores.memory.state import State


class MemoryHeard:
    """The `HeardStore` over a working copy."""

    def __init__(self, state: State) -> None:
        self._state = state

    def note(self, connection_id: UUID, company_id: str, moments: Mapping[str, Collection[datetime]]) -> None:
        if connection_id not in self._state.connections:
            return
        for container, said in moments.items():
            for at in said:
                place = connection_id, company_id, container, at.date()
                self._state.heard[place] = max(at, self._state.heard.get(place, at))

    def forget(self, connection_id: UUID, company_id: str | None = None) -> None:
        for place in list(self._state.heard):
            if place[0] == connection_id and company_id in (None, place[1]):
                del self._state.heard[place]

    def all(self) -> list[Heard]:
        found = []
        by_place = sorted(((place[0], place[2]), place[3], at) for place, at in self._state.heard.items())
        for (connection_id, container), rows in groupby(by_place, key=lambda row: row[0]):
            newest = {day: at for _, day, at in rows}
            days = frozenset(each for each in newest if each > max(newest) - BASELINE)
            found.append(Heard(connection_id, container, days, min(newest), max(newest.values())))
        return found
