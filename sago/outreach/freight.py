"""What mails carry: what a kind of mail is made of, what speaks against it, and what follows from its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import NamedTuple, Protocol

from sago.domain.letters import SYSTEM, Letter, LetterState
from sago.domain.mails import Mail, MailState
from sago.errors import PermanentError
from sago.outreach.deciding import Announce
from sago.outreach.permission import objections, suppression
from sago.outreach.standing import lay_out
from sago.ports import Database, Drafts, Transaction


class End(NamedTuple):
    """How a mail's way ends, and what its letter becomes; None: the letter stays as it is."""

    state: MailState
    letter: LetterState | None
    why: str | None = None
    noted: str | None = None
    """What the audit log says, where `why` holds somebody else's words, or what a firm may not read."""


class Freight(Protocol):
    """One kind of mail."""

    @property
    def is_paced(self) -> bool:
        """Whether send windows and caps hold: of letters, not of what comes at its reader's own hour."""

    def expires_at(self, tx: Transaction, mail: Mail) -> datetime | None:
        """When it is news no more, by what is set and held now."""

    def obstacle(self, tx: Transaction, mail: Mail, now: datetime) -> End | None:
        """Why it may never go, or None. Called in the transaction that claims it."""

    def message(self, tx: Transaction, mail: Mail) -> EmailMessage:
        """What is sent; called in the same transaction."""

    def announce(self, mail: Mail, now: datetime) -> None:
        """Note outside Postgres that it goes now; raises RestoredError where nothing may leave the house."""

    def settle(self, tx: Transaction, mail: Mail, end: End, now: datetime) -> None:
        """What follows from the end, in its transaction."""

    def follow(self, mail: Mail) -> None:
        """What follows after that transaction; may run twice, and may be left out by a crash."""


@dataclass(frozen=True)
class LetterFreight:
    """Approved letters."""

    database: Database
    drafts: Drafts
    announced: Announce
    write: Callable[[Letter], EmailMessage]
    fresh_for: timedelta
    """How long after its newest fact a letter is still news."""
    is_paced: bool = True

    def expires_at(self, tx: Transaction, mail: Mail) -> datetime | None:
        letter = tx.outreach.letter(mail.ref)
        return newest_fact(tx, letter) + self.fresh_for if letter else mail.expires_at

    def obstacle(self, tx: Transaction, mail: Mail, now: datetime) -> End | None:
        letter = tx.outreach.letter(mail.ref)
        if letter is None or letter.state is not LetterState.QUEUED:
            return End(MailState.CANCELLED, None, f"its letter is {letter.state if letter else 'gone'}")
        if against := objections(tx, letter, now, self.fresh_for, quoting=False):
            is_unwanted = bool(suppression(tx, mail.address))  # nobody writes them another in its place
            after = LetterState.REJECTED if is_unwanted else LetterState.SUPERSEDED
            return End(MailState.CANCELLED, after, "; ".join(against))
        return None

    def message(self, tx: Transaction, mail: Mail) -> EmailMessage:
        return self.write(_letter(tx, mail))

    def announce(self, mail: Mail, now: datetime) -> None:
        with self.database.begin() as tx:
            letter = _letter(tx, mail)
        self.announced(letter, LetterState.SENT, now)

    def settle(self, tx: Transaction, mail: Mail, end: End, now: datetime) -> None:
        letter = tx.outreach.letter(mail.ref)
        is_late = letter is not None and (letter.state, end.letter) == (LetterState.UNKNOWN, LetterState.SENT)
        if letter and end.letter and (letter.state is LetterState.QUEUED or is_late):
            tx.outreach.set_letter_state(letter.id, end.letter, now, SYSTEM, end.noted or end.why or "")

    def follow(self, mail: Mail) -> None:
        with self.database.begin() as tx:
            letter = tx.outreach.letter(mail.ref)
        if letter is not None:
            lay_out(letter, self.database, self.drafts)


def newest_fact(tx: Transaction, letter: Letter) -> datetime:
    """When the newest of what it tells happened; of a letter that tells of no event we know, when it was written."""
    told = [event for event_id in letter.event_ids if (event := tx.events.get(event_id))]
    return max((event.occurred_at for event in told), default=letter.created_at)


def _letter(tx: Transaction, mail: Mail) -> Letter:
    letter = tx.outreach.letter(mail.ref)
    if letter is None:
        raise PermanentError(f"mail {mail.id}: its letter {mail.ref} is gone")
    return letter
