"""What a letter rests on, and the one place where letters are laid out."""

from __future__ import annotations

from collections.abc import Sequence

from sago.domain.events import Event
from sago.domain.letters import Letter, LetterState
from sago.ports import Database, Drafts, Transaction


def no_longer_held(transaction: Transaction, letter: Letter) -> int:
    """How many of the letter's events are not active; a fold may have given one a new id, which is another event."""
    active = {event.id for event in transaction.events.find(letter.company_id)}
    return sum(event_id not in active for event_id in letter.event_ids)


def still_proven(transaction: Transaction, company_id: str, events: Sequence[Event]) -> bool:
    """Whether each of these events is active with every proof it had: an erasure may take one of several."""
    active = {event.id: event.evidence for event in transaction.events.find(company_id)}
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
