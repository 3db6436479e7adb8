"""A person's decision about a letter or an event, kept with the name and the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from sago.domain.events import Event, Fold, Observation, Rejection
from sago.domain.letters import EVENT_REJECTED, Letter, LetterState
from sago.errors import UsageError
from sago.outreach.outbox import settle_mail
from sago.outreach.permission import ApprovalRules, needed
from sago.outreach.reading import last_change, locked_letter, require_as_seen, require_shared, the_letter
from sago.outreach.standing import lay_out, withdraw_unfounded
from sago.ports import Database, Drafts, Transaction

STRICT = ApprovalRules()
_INSTEAD_OF_UNDO = {
    LetterState.APPROVED: "; reject it instead, which is possible until it is queued",
    LetterState.REJECTED: "; the next letter of this watch comes with the next news",
}


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
    rules: ApprovalRules = STRICT,
    seen: Letter | None = None,
) -> Letter:
    """Approve or reject a letter; the audit log keeps who and why, and a rejected letter leaves the drafts. One that
    has been decided so already stays as it is: of several approvals at once one counts.

    An approval is announced first, so that it is known to whoever restores an older backup. Raises UsageError when
    there is no such letter, it is past that decision, something speaks against it, or it is not as it was `seen` any
    more, by default as this call found it; and what `announce` raises.
    """
    with database.begin() as tx:
        before = _open_to(tx, letter_id, state, at, rules)
    if before.state is state:
        return before
    if state is LetterState.APPROVED:
        announce(before, state, at)
    with locked_letter(database, before) as (tx, letter):
        if letter.state is state:
            return letter
        require_as_seen(tx, letter, seen or before)
        _open_to(tx, letter_id, state, at, rules)
        tx.outreach.set_letter_state(letter_id, state, at, who, why)
        decided = the_letter(tx, letter_id)
    lay_out(decided, database, drafts)
    return decided


def undo(
    letter_id: UUID, *, database: Database, drafts: Drafts, who: str, why: str, at: datetime, within: timedelta
) -> Letter:
    """Take a fresh approval or rejection back: the letter is a draft again. Raises UsageError where it is neither, or
    was decided longer ago than that; the text says what is possible instead."""
    with database.begin() as tx:
        before = the_letter(tx, letter_id)
    with locked_letter(database, before) as (tx, letter):
        if letter.state not in _INSTEAD_OF_UNDO:
            what = "a draft" if letter.state is LetterState.DRAFT else letter.state
            raise UsageError(f"letter {letter_id}: is {what}; there is nothing to undo: {letter.state.instead}")
        require_shared(tx, letter, at)
        made = last_change(tx, letter)
        if made is None or at - made.at > within:
            ago = f", {(at - made.at).total_seconds():.0f} s ago" if made else ""
            raise UsageError(
                f"letter {letter_id}: was {letter.state}{ago}; that can be undone for {within.total_seconds():.0f} s "
                f"(outreach.undo){_INSTEAD_OF_UNDO[letter.state]}"
            )
        tx.outreach.set_letter_state(letter_id, LetterState.DRAFT, at, who, why)
        undone = the_letter(tx, letter_id)
    lay_out(undone, database, drafts)
    return undone


def resolve(
    letter_id: UUID, was_sent: bool, *, database: Database, drafts: Drafts, who: str, why: str, at: datetime
) -> Letter:
    """A person's word about an `unknown` letter: `sent`, or else superseded, so that its window is free again; or that
    they sent an approved one themselves, from its file.

    With the last one everything may leave the house again. Raises UsageError where the letter is neither.
    """
    state = LetterState.SENT if was_sent else LetterState.SUPERSEDED
    with database.begin() as tx:
        before = the_letter(tx, letter_id)
    with locked_letter(database, before, with_mail=True) as (tx, letter):
        by_hand = was_sent and letter.state is LetterState.APPROVED
        if letter.state is not LetterState.UNKNOWN and not by_hand:
            raise UsageError(
                f"letter {letter_id}: is {letter.state}; only unknown letters are resolved, and approved ones that you "
                "sent yourself"
            )
        tx.outreach.set_letter_state(letter_id, state, at, who, why)
        settle_mail(tx, letter_id, why, was_sent=was_sent)
        if all(each.state is not LetterState.UNKNOWN for each in tx.outreach.letters()):
            tx.generation.release()
    resolved = letter.model_copy(update={"state": state})
    if not was_sent:
        lay_out(resolved, database, drafts)
    return resolved


def _open_to(tx: Transaction, letter_id: UUID, state: LetterState, at: datetime, rules: ApprovalRules) -> Letter:
    """The letter, where that can be decided about it or is decided already."""
    letter = the_letter(tx, letter_id)
    if letter.state is state:
        return letter
    if letter.state is LetterState.QUEUED:  # its mail has a say: it may be going out just now
        raise UsageError(f"letter {letter_id}: is queued and cannot become {state}: {letter.state.instead}")
    letter.state.require(state, letter_id)
    if state is LetterState.APPROVED and (against := needed(tx, letter, at, rules)):
        raise UsageError(f"letter {letter_id}: {'; '.join(against)}")
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
        withdrawn = withdraw_unfounded(transaction, company_id, at, rejection.rejected_by, EVENT_REJECTED)
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
