"""Letters that nobody let go in time: what is no news any more expires, and files without a letter go."""

from __future__ import annotations

from datetime import datetime, timedelta

from sago.domain.letters import SYSTEM, Letter, LetterState
from sago.outreach.permission import age_objection
from sago.outreach.standing import lay_out, open_letters, withdraw_denied
from sago.ports import Database, Drafts

LOOK_BACK = timedelta(days=30)
"""For so long the files of letters that ended are looked for."""


def tidy(as_of: datetime, *, database: Database, drafts: Drafts, now: datetime, fresh_for: timedelta) -> list[Letter]:
    """Expire drafts and approved letters whose newest fact is older than `fresh_for` as of a moment, supersede those
    that tell of events held no more, and take the files of all that fill no window away; which letters these were.

    A second call finds nothing to do; whatever a run that died has left behind, one in the next `LOOK_BACK` takes away.
    """
    with database.begin() as tx:
        letters = tx.outreach.letters()
        ended = tx.outreach.ended_letters(now - LOOK_BACK)
    changed = [
        letter
        for company_id in sorted({letter.company_id for letter in letters})
        for letter in _of_company(company_id, as_of, database, now, fresh_for)
    ]
    for letter in (*ended, *changed):
        lay_out(letter, database, drafts)
    return changed


def _of_company(
    company_id: str, as_of: datetime, database: Database, now: datetime, fresh_for: timedelta
) -> list[Letter]:
    with database.begin() as tx:
        tx.events.lock(company_id)
        changed = withdraw_denied(tx, company_id, now)
        for letter in open_letters(tx, company_id):
            if why := age_objection(tx, letter, as_of, fresh_for):
                tx.outreach.set_letter_state(letter.id, LetterState.EXPIRED, now, SYSTEM, why)
                changed.append(letter.model_copy(update={"state": LetterState.EXPIRED}))
        return changed
