"""A letter as a decision about it finds it: locked behind its company, and as it was when somebody looked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sago.domain.erasures import NO_WORDS
from sago.domain.letters import Letter, LetterChange
from sago.domain.mails import mail_id
from sago.errors import UsageError
from sago.outreach.sharing import has_ended
from sago.ports import Database, Transaction


def the_letter(tx: Transaction, letter_id: UUID) -> Letter:
    """Locked until the transaction ends; raises UsageError where there is none."""
    letter = tx.outreach.letter(letter_id)
    if letter is None:
        raise UsageError(f"letter {letter_id}: there is none; see `sago outreach list`")
    return letter


@contextmanager
def locked_letter(
    database: Database, letter: Letter, *, with_mail: bool = False
) -> Iterator[tuple[Transaction, Letter]]:
    """A transaction that holds the company's fold, its mail where that changes too, then the letter, in the order in
    which all others take them."""
    with database.begin() as tx:
        tx.events.lock(letter.company_id)
        if with_mail:
            tx.mails.get(mail_id("letter", letter.id))
        yield tx, the_letter(tx, letter.id)


def require_as_seen(tx: Transaction, letter: Letter, seen: Letter) -> None:
    """Raises UsageError, with who did what, where its state or its text is not what somebody decided about."""
    if (letter.state, letter.draft) == (seen.state, seen.draft):
        return
    what = f"is {letter.state} by now" if letter.state is not seen.state else "has another text by now"
    by = f", by {change.who} at {change.at:%H:%M:%S}" if (change := last_change(tx, letter)) else ""
    raise UsageError(f"letter {letter.id}: {what}{by}; nothing was changed. Look at it, and decide again")


def require_shared(tx: Transaction, letter: Letter, now: datetime) -> None:
    """Raises UsageError where its firm may not see it any more, or its words were erased."""
    if has_ended(tx, letter.firm_id, letter.company_id, now):
        raise UsageError(f"letter {letter.id}: the founder shares nothing with {letter.firm_id} any more")
    if letter.draft == NO_WORDS:
        raise UsageError(f"letter {letter.id}: its words were erased; the next news get a letter of their own")


def last_change(tx: Transaction, letter: Letter) -> LetterChange | None:
    """The newest entry of the audit log about it."""
    return next(iter(reversed(tx.outreach.history(letter.id))), None)
