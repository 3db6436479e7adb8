"""A founder shares less than before: what was told of more does not go out, and its words are not kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sago.domain.companies import Share
from sago.domain.erasures import IS_HERE, LESS, NO_WORDS, emptied
from sago.domain.letters import Letter, LetterState
from sago.domain.messages import source_of
from sago.outreach.sharing import as_shared
from sago.ports import Drafts, Note, Transaction, recalled


def give(tx: Transaction, share: Share, who: str, now: datetime) -> None:
    """Keep the share. Where it shows less than the one before, verdicts go, and letters that rest on more lose their
    words; those that have not left are superseded, and their mails cancelled. `clear` after commit."""
    tx.events.lock(share.company_id)
    before = tx.shares.get(share.firm_id, share.company_id)
    tx.shares.put(share)
    if before is None or share.shows_all_of(before):
        return
    tx.verdicts.forget(share.firm_id, share.company_id)
    told = [letter for letter in _letters(tx, share) if letter.draft != NO_WORDS]
    cited = {event_id for letter in told for event_id in _cited(letter)}
    more = {event_id for event_id in cited if _reads_otherwise(tx, event_id, before, share)}
    ids = [letter.id for letter in told if _cited(letter) & more or _quotes_more(letter, share)]
    begun = recalled(tx.mails, ids, LESS)
    for letter in filter(None, map(tx.outreach.letter, ids)):
        if letter.state in IS_HERE and letter.id not in begun:
            tx.outreach.set_letter_state(letter.id, LetterState.SUPERSEDED, now, who, LESS)
        sha256 = letter.draft.sha256
        tx.erasures.note(Note(now, who, "letter.erased", str(letter.id), share.firm_id, share.company_id, LESS, sha256))
        tx.erasures.take_letter(emptied(letter))


def clear(tx: Transaction, share: Share, drafts: Drafts) -> None:
    """Take away what lies of letters without words, also of those that a run left behind which died before it got
    here. Where another fills the window its file lies there."""
    tx.events.lock(share.company_id)
    letters = _letters(tx, share)
    filled = {(each.watch_id, each.window) for each in letters if each.state.is_live and each.draft != NO_WORDS}
    for letter in letters:
        if letter.draft == NO_WORDS and (letter.watch_id, letter.window) not in filled:
            drafts.forget(letter)


def _letters(tx: Transaction, share: Share) -> list[Letter]:
    letters = tx.outreach.letters(share.company_id, live=False)
    return [letter for letter in letters if letter.firm_id == share.firm_id]


def _cited(letter: Letter) -> set[UUID]:
    return {*letter.event_ids, *(receipt.event_id for receipt in letter.receipts if receipt.event_id)}


def _reads_otherwise(tx: Transaction, event_id: UUID, before: Share, share: Share) -> bool:
    """Whether the share does not show the event as it was shown before; of one that is gone nobody can say."""
    event = tx.events.get(event_id)
    shown = as_shared(share, [event]) if event and event.is_active else []
    return not (event and shown and shown == as_shared(before, [event]))


def _quotes_more(letter: Letter, share: Share) -> bool:
    """Whether it rests on a message of a source that is not shared, though its events do no more."""
    return any(each.message_id and not share.covers(source_of(each.message_id)) for each in letter.receipts)
