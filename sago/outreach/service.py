"""Outreach as the tasks and commands call it: who is due, the letter, the verdicts, and a person's decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sago.domain.outreach import Letter, LetterState, Verdict
from sago.errors import UsageError
from sago.outreach.composing import compose_letter
from sago.outreach.scheduling import due_watches, verdicts
from sago.ports import Database, Drafts, Model

_FROM = {LetterState.APPROVED: {LetterState.DRAFT}, LetterState.REJECTED: {LetterState.DRAFT, LetterState.APPROVED}}
"""A person's decision → the states it can be taken in."""


@dataclass(frozen=True)
class Outreach:
    """The use cases over one set of ports. `setback_days`: how long a high setback speaks against writing."""

    database: Database
    model: Model
    drafts: Drafts
    setback_days: int
    highlights: int = 5

    def due(self, as_of: datetime) -> list[UUID]:
        """Watches of which something may be written."""
        return due_watches(self.database, as_of)

    def compose(self, watch_id: UUID, as_of: datetime, now: datetime | None = None) -> Letter | None:
        """The watch's letter, or None where there is nothing new to say; `now` dates it, `as_of` where left out."""
        return compose_letter(
            watch_id,
            as_of,
            database=self.database,
            model=self.model,
            drafts=self.drafts,
            now=now or as_of,
            setback_days=self.setback_days,
            highlights=self.highlights,
        )

    def verdicts(self, as_of: datetime) -> list[Verdict]:
        """What every active watch says."""
        return verdicts(self.database, as_of, self.setback_days)

    def decide(self, letter_id: UUID, state: LetterState, *, who: str, why: str, at: datetime) -> Letter:
        """Approve or reject a letter in a person's name; a rejected one leaves the drafts folder.

        Raises UsageError when there is no such letter, or it is past that decision.
        """
        with self.database.begin() as transaction:
            letter = next((each for each in transaction.outreach.letters(live=False) if each.id == letter_id), None)
            if letter is None:
                raise UsageError(f"letter {letter_id}: there is none; see `sago outreach list`")
            if letter.state not in _FROM[state]:
                raise UsageError(f"letter {letter_id}: is {letter.state} and cannot become {state}")
            transaction.outreach.set_letter_state(letter_id, state, at, who, why)
        decided = letter.model_copy(update={"state": state})
        self.drafts.put(decided)
        return decided
