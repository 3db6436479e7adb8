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

    def note(self, connection_id: UUID, moments: Mapping[str, Collection[datetime]]) -> None:
        if connection_id not in self._state.connections:
            return
        for container, said in moments.items():
            for at in said:
                place = connection_id, container, at.date()
                self._state.heard[place] = max(at, self._state.heard.get(place, at))

    def forget(self, connection_id: UUID) -> None:
        self._state.heard = {place: at for place, at in self._state.heard.items() if place[0] != connection_id}

    def all(self) -> list[Heard]:
        found = []
        for (connection_id, container), rows in groupby(sorted(self._state.heard.items()), key=lambda row: row[0][:2]):
            newest = {day: at for (_, _, day), at in rows}
            days = frozenset(each for each in newest if each > max(newest) - BASELINE)
            found.append(Heard(connection_id, container, days, min(newest), max(newest.values())))
        return found
