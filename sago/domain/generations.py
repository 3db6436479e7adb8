"""The generation: a number in Postgres and a copy outside, by which a restored backup is told."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sago.domain.companies import Person
from sago.domain.letters import Letter, LetterDraft, LetterState

STEPS = (LetterState.DRAFT, LetterState.APPROVED, LetterState.QUEUED, LetterState.SENT)
"""The way of a letter out of the house."""
LOST_DRAFT = LetterDraft(
    subject="(a letter lost with the database)",
    body="This letter was approved after the backup that Postgres was restored from. Its text is gone; "
    "a copy may lie in the folder of the letters, or among the sent ones of your mail program.",
)


class Generation(NamedTuple):
    """What Postgres knows. `held`: after a restore, letters are `unknown` until a person says what became of them."""

    number: int = 0
    advanced_at: datetime | None = None
    held: bool = False


class Announced(NamedTuple):
    """A letter about to be let go, as it is noted outside Postgres: no text of it."""

    generation: int
    letter_id: UUID
    state: LetterState
    firm_id: str
    watch_id: UUID
    company_id: str
    window: str
    event_ids: tuple[UUID, ...]
    at: datetime

    @classmethod
    def of(cls, letter: Letter, state: LetterState, generation: int, at: datetime) -> Announced:
        """The note about a letter that is about to reach `state`."""
        names = (letter.firm_id, letter.watch_id, letter.company_id, letter.window, letter.event_ids)
        return cls(generation, letter.id, state, *names, at)

    def may_follow(self, state: LetterState) -> bool:
        """Whether a letter that Postgres has in `state` may have gone further since."""
        return state in STEPS[: STEPS.index(self.state)]

    def lost_letter(self) -> Letter:
        """A draft in the place of a letter that Postgres does not know."""
        return Letter(
            id=self.letter_id,
            firm_id=self.firm_id,
            watch_id=self.watch_id,
            company_id=self.company_id,
            window=self.window,
            sender=Person(name="(lost)"),
            recipient=None,
            draft=LOST_DRAFT,
            event_ids=self.event_ids,
            composed_by="(lost)",
            created_at=self.at,
        )
