"""A person's decision about a letter or an event, kept with the name and the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from sago.domain.events import Event, Fold, Observation, Rejection
from sago.domain.letters import Letter, LetterState
from sago.errors import UsageError
from sago.outreach.outbox import settle_mail
from sago.outreach.standing import lay_out, no_longer_held
from sago.ports import Database, Drafts, Transaction

_FROM = {LetterState.APPROVED: {LetterState.DRAFT}, LetterState.REJECTED: {LetterState.DRAFT, LetterState.APPROVED}}
"""A decision → the states it can be taken in."""


class Announce(Protocol):
    """Notes outside Postgres that a letter is about to reach a state; raises RestoredError where it must not."""

    def __call__(self, letter: Letter, state: LetterState, now: datetime) -> None: ...


def decide(
    letter_id: UUID,
    state: LetterState,
    *,
    database: Database,
    drafts: Drafts,
    announce: Announce,
    who: str,
    why: str,
    at: datetime,
) -> Letter:
    """Approve or reject a letter; the audit log keeps who and why, and a rejected letter leaves the drafts.

    An approval is announced first, so that it is known to whoever restores an older backup. Raises UsageError when
    there is no such letter, it is past that decision, or what it tells is held no more, and what `announce` raises.
    """
    if state is LetterState.APPROVED:
        with database.begin() as transaction:
            letter = _open_to(transaction, letter_id, state)
        announce(letter, state, at)
    with database.begin() as transaction:
        letter = _open_to(transaction, letter_id, state)
        transaction.outreach.set_letter_state(letter_id, state, at, who, why)
    decided = letter.model_copy(update={"state": state})
    lay_out(decided, database, drafts)
    return decided


def resolve(
    letter_id: UUID, was_sent: bool, *, database: Database, drafts: Drafts, who: str, why: str, at: datetime
) -> Letter:
    """A person's word about an `unknown` letter: `sent`, or else superseded, so that its window is free again.

    With the last one everything may leave the house again. Raises UsageError where the letter is not unknown.
    """
    state = LetterState.SENT if was_sent else LetterState.SUPERSEDED
    with database.begin() as transaction:
        letter = _letter(transaction, letter_id)
        if letter.state is not LetterState.UNKNOWN:
            raise UsageError(f"letter {letter_id}: is {letter.state}; only unknown letters are resolved")
        transaction.outreach.set_letter_state(letter_id, state, at, who, why)
        settle_mail(transaction, letter_id, why, was_sent=was_sent)
        if all(each.state is not LetterState.UNKNOWN for each in transaction.outreach.letters()):
            transaction.generation.release()
    resolved = letter.model_copy(update={"state": state})
    if not was_sent:
        lay_out(resolved, database, drafts)
    return resolved


def _letter(transaction: Transaction, letter_id: UUID) -> Letter:
    letter = transaction.outreach.letter(letter_id)
    if letter is None:
        raise UsageError(f"letter {letter_id}: there is none; see `sago outreach list`")
    return letter


def _open_to(transaction: Transaction, letter_id: UUID, state: LetterState) -> Letter:
    """The letter, where that can be decided about it."""
    letter = _letter(transaction, letter_id)
    if letter.state is LetterState.UNKNOWN:
        raise UsageError(f"letter {letter_id}: is unknown; say what became of it: `sago outreach resolve`")
    if letter.state not in _FROM[state]:
        raise UsageError(f"letter {letter_id}: is {letter.state} and cannot become {state}")
    if state is LetterState.APPROVED and (gone := no_longer_held(transaction, letter)):
        raise UsageError(
            f"letter {letter_id}: rests on {gone} of {len(letter.event_ids)} events that are no longer held; "
            "reject it, or let `outreach.schedule` renew it"
        )
    return letter


def reject_event(
    rejection: Rejection, *, database: Database, drafts: Drafts, refold: Callable[[Transaction, str, datetime], None]
) -> list[Letter]:
    """A person's word that an event is wrong: events are folded without it, and drafts that tell of it are withdrawn;
    which these were."""
    company_id, at = rejection.company_id, rejection.rejected_at
    with database.begin() as transaction:
        transaction.events.lock(company_id)
        transaction.events.reject(rejection)
        refold(transaction, company_id, at)
        why = f"rejected event: {rejection.because}"
        withdrawn = withdraw_unfounded(transaction, company_id, at, rejection.rejected_by, why)
    for letter in withdrawn:
        lay_out(letter, database, drafts)
    return withdrawn


class Restored(NamedTuple):
    """What was said against an event and is taken back, and the event, where the messages still tell it."""

    rejections: list[Rejection]
    event: Event | None


def restore_event(
    company_id: str,
    event_id: UUID,
    *,
    database: Database,
    fold: Callable[[str, Sequence[Observation], Sequence[Rejection]], Fold],
    who: str,
    why: str,
    at: datetime,
) -> Restored:
    """Take back every rejection of the event with this id, also those that name another id which it once had; each is
    kept with who did so, when and why. Raises UsageError where there is none."""
    with database.begin() as transaction:
        transaction.events.lock(company_id)
        whole = fold(company_id, transaction.events.current(company_id), [])
        own = whole.event_of.get(event_id, event_id)
        words = transaction.events.rejections(company_id)
        ids = {word.event_id for word in words if whole.event_of.get(word.event_id, word.event_id) == own}
        taken_back = transaction.events.restore(company_id, ids, at, who, why)
        if not taken_back:
            raise UsageError(f"event {event_id}: it is not rejected; see `sago events rejected`")
        left = whole.without(word for word in words if word.event_id not in ids)
        transaction.events.replace(company_id, left, at)
    return Restored(taken_back, next((event for event in left.events if event.id == own), None))


def withdraw_unfounded(transaction: Transaction, company_id: str, at: datetime, who: str, why: str) -> list[Letter]:
    """Supersede the company's drafts that tell of an event no longer active; `lay_out` each after commit."""
    gone = [letter for letter in drafts_of(transaction, company_id) if no_longer_held(transaction, letter)]
    for letter in gone:
        transaction.outreach.set_letter_state(letter.id, LetterState.SUPERSEDED, at, who, why)
    return [letter.model_copy(update={"state": LetterState.SUPERSEDED}) for letter in gone]


def drafts_of(transaction: Transaction, company_id: str) -> list[Letter]:
    """The company's drafts, locked, so that none is approved before it is superseded."""
    locked = [transaction.outreach.letter(letter.id) for letter in transaction.outreach.letters(company_id)]
    return [letter for letter in locked if letter and letter.state is LetterState.DRAFT]
