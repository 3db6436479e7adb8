"""What a person's word about a letter means for its mail."""

from __future__ import annotations

from uuid import UUID

from sago.domain.mails import MailState, mail_id
from sago.ports import Transaction


def settle_mail(tx: Transaction, letter_id: UUID, why: str, *, was_sent: bool) -> None:
    """A mail whose fate was unknown is known now; one that was not sent counts for no cap."""
    mail = tx.mails.get(mail_id("letter", letter_id))
    if mail is not None and mail.state is MailState.UNKNOWN:
        tx.mails.replace(mail, mail.ended(MailState.SENT if was_sent else MailState.CANCELLED, why))
