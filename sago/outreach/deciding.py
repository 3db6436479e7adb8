"""A person's decision about a letter, kept with the name and the reason."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sago.domain.outreach import Letter, LetterState
from sago.errors import UsageError
from sago.ports import Database, Drafts

_FROM = {LetterState.APPROVED: {LetterState.DRAFT}, LetterState.REJECTED: {LetterState.DRAFT, LetterState.APPROVED}}
"""A decision → the states it can be taken in."""


def decide(
    letter_id: UUID, state: LetterState, *, database: Database, drafts: Drafts, who: str, why: str, at: datetime
) -> Letter:
    """Approve or reject a letter; the audit log keeps who and why, and a rejected letter leaves the drafts.

    Raises UsageError when there is no such letter, or it is past that decision.
    """
    with database.begin() as transaction:
        letter = next((each for each in transaction.outreach.letters(live=False) if each.id == letter_id), None)
        if letter is None:
            raise UsageError(f"letter {letter_id}: there is none; see `sago outreach list`")
        if letter.state not in _FROM[state]:
            raise UsageError(f"letter {letter_id}: is {letter.state} and cannot become {state}")
        transaction.outreach.set_letter_state(letter_id, state, at, who, why)
    decided = letter.model_copy(update={"state": state})
    drafts.put(decided)
    return decided
