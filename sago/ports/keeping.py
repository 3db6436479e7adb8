"""The ports of what a restored backup of Postgres must not undo: erasures, the generation, and their mirror outside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from sago.domain.erasures import Erasure
from sago.domain.generations import Announced, Generation
from sago.domain.letters import Letter


class Taken(NamedTuple):
    """What was taken out of Postgres, and the events that quoted it."""

    observations: int
    dead_letters: int
    event_ids: tuple[UUID, ...]


class ErasureStore(Protocol):
    """`erasures`, and the words that Postgres holds of people: observations, chunk results, dead letters, events,
    letters."""

    def add(self, erasure: Erasure) -> bool:
        """Keep an erasure; False, and no change, when its id is known."""

    def of(self, company_ids: Collection[str] | None = None) -> list[Erasure]:
        """Erasures of these companies, or all; oldest first."""

    def mark_applied(self, erasure_id: UUID, at: datetime) -> None:
        """Note that the erasure was applied."""

    def take_words(self, erasure: Erasure, message_ids: Collection[str]) -> Taken:
        """Delete the observations of these messages and of the erased sender, take them out of chunk results, and
        empty the values of their dead letters; the company's reasons in batches, chunks and compositions go too, as any
        may quote them. The caller holds the company's fold and folds anew."""

    def take_events(self, company_id: str, event_ids: Collection[UUID]) -> None:
        """Delete those of these events that are not active any more, with their aliases."""

    def take_letter(self, letter: Letter) -> None:
        """Replace the letter's text and its receipts."""


class GenerationStore(Protocol):
    """The generation as Postgres knows it: 0 before it was first advanced."""

    def get(self) -> Generation:
        """The number, when it was advanced, and whether letters are held."""

    def advance(self, at: datetime) -> int:
        """Add one; the new number."""

    def accept(self, number: int, at: datetime, *, held: bool) -> None:
        """Take over the number outside after a restore; a lower one than is known changes only `held`."""

    def release(self) -> None:
        """Letters are held no more."""


class Mirror(Protocol):
    """What is kept a second time outside Postgres. It needs no backup together with Postgres: it must not have one."""

    def generation(self) -> int:
        """The highest number ever raised to; 0 where there is none."""

    def raise_generation(self, number: int) -> None:
        """Keep the number, unless a higher one is kept."""

    def announce(self, letter: Announced) -> None:
        """Note durably that a letter is about to be let go."""

    def announced(self, after: int) -> list[Announced]:
        """The notes of generations above `after`, in order."""

    def add_erasures(self, erasures: Sequence[Erasure]) -> None:
        """Keep erasures, without `applied_at`."""

    def erasures(self) -> list[Erasure]:
        """All of them, oldest first; none is applied as far as the mirror knows."""
