"""What a letter rests on, what is withdrawn when that goes, and the one place where letters are laid out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sago.domain.events import Event
from sago.domain.letters import SYSTEM, Letter, LetterState
from sago.ports import Database, Drafts, Transaction

TAKEN_BACK = (LetterState.DRAFT, LetterState.APPROVED)
"""What is withdrawn at once; a queued letter is looked at again by whoever claims its mail."""


def told_events(transaction: Transaction, letter: Letter) -> dict[UUID, Event]:
    """The letter's events as they are held now, by the id under which it tells them.

    A fold may have given one a new id: to a draft, which can be renewed, that is another event; what a person has
    approved still stands.
    """
    is_draft = letter.state is LetterState.DRAFT
    found = {event_id: transaction.events.get(event_id) for event_id in letter.event_ids}
    return {
        event_id: event
        for event_id, event in found.items()
        if event and event.is_active and (event.id == event_id or not is_draft)
    }


def no_longer_held(transaction: Transaction, letter: Letter) -> int:
    """How many of the letter's events are held no more."""
    return len(set(letter.event_ids) - told_events(transaction, letter).keys())


def still_proven(seen: Sequence[Event], events: Sequence[Event]) -> bool:
    """Whether each of these events is seen with every proof it had: an erasure may take one of several, and the end of
    a share all."""
    active = {event.id: event.evidence for event in seen}
    return all(proof in active.get(event.id, ()) for event in events for proof in event.evidence)


def lay_out(letter: Letter, database: Database, drafts: Drafts) -> str:
    """Lay out what stands in the letter's window by now, or take the file away where nothing is left to be sent; where
    it lies.

    Called after each change of a letter: whatever was decided or erased since has its say, and nobody writes between.
    """
    with database.begin() as tx:
        tx.events.lock(letter.company_id)
        live = tx.outreach.live_letter(letter.watch_id, letter.window)
        is_left = live is not None and live.state is not LetterState.SENT
        return drafts.put(live if live and is_left else letter.model_copy(update={"state": LetterState.SUPERSEDED}))


def withdraw_unfounded(transaction: Transaction, company_id: str, at: datetime, who: str, why: str) -> list[Letter]:
    """Supersede the company's drafts and approved letters that tell of an event held no more; `lay_out` each after
    commit. The caller holds the company's lock."""
    gone = [letter for letter in open_letters(transaction, company_id) if no_longer_held(transaction, letter)]
    return supersede(transaction, gone, at, who, why)


def withdraw_denied(transaction: Transaction, company_id: str, at: datetime) -> list[Letter]:
    """`withdraw_unfounded` after messages were read: one of them denied, corrected or deleted what a letter tells."""
    why = "what it tells was denied, corrected or deleted"
    return withdraw_unfounded(transaction, company_id, at, SYSTEM, why)


def supersede(transaction: Transaction, letters: Sequence[Letter], at: datetime, who: str, why: str) -> list[Letter]:
    """As they are then."""
    for letter in letters:
        transaction.outreach.set_letter_state(letter.id, LetterState.SUPERSEDED, at, who, why)
    return [letter.model_copy(update={"state": LetterState.SUPERSEDED}) for letter in letters]


def open_letters(transaction: Transaction, company_id: str) -> list[Letter]:
    """The company's drafts and approved letters, locked, so that nobody decides about one meanwhile."""
    letters = [letter for letter in transaction.outreach.letters(company_id) if letter.state in TAKEN_BACK]
    locked = [transaction.outreach.letter(letter.id) for letter in letters]
    return [letter for letter in locked if letter and letter.state in TAKEN_BACK]
