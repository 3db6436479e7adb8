"""The port of what people were told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from sago.domain.notices import Notice, Told


class NoticeStore(Protocol):
    """`notices` and `told`: what each person was told of their watches; addresses are compared as `address_of` writes
    them."""

    def lock(self, email: str) -> None:
        """Keep others from making this person's notices until the transaction ends."""

    def add(self, notice: Notice) -> bool:
        """Insert, with the keys of what it tells; False, and no change, where the person has that day's of the
        firm already."""

    def replace(self, notice: Notice) -> None:
        """Give a notice other items, and with them the keys of what it tells."""

    def take_words(self, event_ids: Collection[UUID], letter_ids: Collection[UUID]) -> int:
        """Take out of all notices what they say of these events and letters; of how many. What was told stays told."""

    def get(self, notice_id: UUID) -> Notice | None:
        """The notice, or None."""

    def of(self, email: str) -> list[Notice]:
        """All of a person's, oldest day first."""

    def told(self, email: str) -> set[Told]:
        """The keys of all that a person was ever told."""
