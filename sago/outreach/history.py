"""What one person was told, and when: read from their notices and from the keys of all that was ever told them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Self
from uuid import UUID

from sago.domain.notices import Item, Notice, Told, ToldEvent, event_key

_EVENT = "event:"


class _Telling(NamedTuple):
    item: Item
    at: datetime


def event_ids(told: Iterable[Told]) -> frozenset[UUID]:
    """Events among what was told, by the ids they were told under."""
    return frozenset(
        UUID(each.what.removeprefix(_EVENT).split("#")[0]) for each in told if each.what.startswith(_EVENT)
    )


@dataclass(frozen=True)
class History:
    """What a person was told. The keys outlast the notices' words, which an erasure may take."""

    tellings: Sequence[_Telling]
    told: frozenset[Told]
    ids: Mapping[UUID, UUID]
    """An event's id as it was told → its id now, where another proof changed it."""

    @classmethod
    def of(cls, notices: Iterable[Notice], told: Collection[Told], ids: Mapping[UUID, UUID]) -> Self:
        """From all notices of one person, in any order."""
        ordered = sorted(notices, key=lambda notice: (notice.day, notice.created_at))
        return cls([_Telling(item, each.created_at) for each in ordered for item in each.items], frozenset(told), ids)

    def last(self, watch_id: UUID) -> Item | None:
        """The last telling of how the watch stands."""
        return telling.item if (telling := self._last(watch_id)) else None

    def when(self, watch_id: UUID) -> datetime | None:
        """The time of the last telling of how the watch stands."""
        return telling.at if (telling := self._last(watch_id)) else None

    def _last(self, watch_id: UUID) -> _Telling | None:
        mine = [each for each in self.tellings if each.item.watch_id == watch_id and each.item.outcome]
        return mine[-1] if mine else None

    def has(self, watch_id: UUID, what: str) -> bool:
        """Whether this was told of the watch."""
        return Told(watch_id, what) in self.told

    def knows(self, watch_id: UUID) -> bool:
        """Whether anything was ever told of the watch."""
        return any(each.watch_id == watch_id for each in self.told)

    def next(self, watch_id: UUID, what: str) -> str:
        """The key of the next telling: `what` the first time, then `what#2`, for what went back and forth."""
        count = 1
        key = what
        while self.has(watch_id, key):
            count += 1
            key = f"{what}#{count}"
        return key

    @cached_property
    def events(self) -> frozenset[UUID]:
        """Events that were told, whichever watch of the person's it was for, by their ids of today."""
        return frozenset(self.ids.get(each, each) for each in event_ids(self.told))

    def events_of(self, watch_id: UUID) -> dict[UUID, ToldEvent]:
        """Each event told of the watch as it was last told, by its id of today. What merely stands beside something
        else was not told."""
        mine = [item for item, _ in self.tellings if item.watch_id == watch_id]
        told = [event for item in mine for event in _events(item) if _tells(item, event)]
        return {self.ids.get(event.event_id, event.event_id): event for event in told}


def _tells(item: Item, event: ToldEvent) -> bool:
    return event_key(event.event_id) in {what.split("#")[0] for what in item.tells}


def _events(item: Item) -> Iterable[ToldEvent]:
    yield from item.events
    yield from item.against
    yield from (condition.event for condition in item.conditions if condition.event)
