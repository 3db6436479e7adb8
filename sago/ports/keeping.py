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


class Derived(NamedTuple):
    """What was taken of a firm: verdicts, notices with items of it, and mails that were cancelled before they left;
    and letters whose mail has begun to leave, or left."""

    verdicts: int = 0
    notices: int = 0
    mails: int = 0
    begun: frozenset[UUID] = frozenset()


class Note(NamedTuple):
    """One line of the audit log. `why` holds no words of a message; `sha256` is of what was taken away."""

    at: datetime
    who: str
    action: str
    subject: str
    firm_id: str | None
    company_id: str | None
    why: str
    sha256: str = ""


SHARE_ERASED = "share.erased"
"""The action of the note, on `firm/company`, that all that came of an ended share was taken."""


class ErasureStore(Protocol):
    """`erasures`, and the words that Postgres holds of people: observations, chunk results, dead letters, events,
    letters."""

    def add(self, erasure: Erasure) -> bool:
        """Keep an erasure; False, and no change, when its id is known."""

    def of(self, company_ids: Collection[str] | None = None) -> list[Erasure]:
        """Erasures of these companies, or all; oldest first."""

    def mark_applied(self, erasure_id: UUID, at: datetime) -> None:
        """Note that the erasure was applied."""

    def take_words(self, erasure: Erasure, message_ids: Collection[str], unassigned: Collection[str] = ()) -> Taken:
        """Delete the observations of these messages and of the erased sender, take them out of chunk results, and
        empty the values of their dead letters, also of nobody's whose origin begins with one of `unassigned`; the
        company's reasons in batches, chunks, compositions and mails go too, as any may quote them, and so do its
        verdicts of earlier days, but not for a source that nobody shares. The caller holds the company's fold and
        folds anew."""

    def take_events(self, company_id: str, event_ids: Collection[UUID]) -> None:
        """Delete those of these events that are not active any more, with their aliases."""

    def take_letter(self, letter: Letter) -> None:
        """Replace the letter's text and receipts."""

    def take_derived(self, firm_id: str, company_id: str) -> Derived:
        """Delete what a firm's watches of the company were told and judged: verdicts, items of notices, what was told,
        reasons of compositions and mails; letters and notices left with nothing to tell that have not left are
        cancelled, whoever holds them. A founder's voice goes too."""

    def left_of_firm(self, firm_id: str, company_id: str) -> dict[str, int]:
        """By its place, how many rows still hold words that came of the company's messages for the firm. What has none
        is left out."""

    def quoting(self, company_id: str, sources: Collection[str]) -> int:
        """How many letters about the company, of whatever firm, quote these sources."""

    def left_of_company(
        self, company_id: str, sources: Collection[str] | None = None, unassigned: Collection[str] = ()
    ) -> dict[str, int]:
        """The same of what the company said itself, of these sources or all, whoever saw it; with dead letters that are
        not given to a company and whose origin begins with one of `unassigned`."""

    def sources(self, company_id: str) -> set[str]:
        """The sources whose words are held of the company: in observations and in dead letters."""

    def note(self, entry: Note) -> None:
        """Write the audit log."""


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
