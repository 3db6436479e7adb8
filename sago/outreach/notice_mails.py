"""Notices on their way out: looked at once more before they go, and not counted as told where they never went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from sago.domain.mails import Mail, MailState
from sago.domain.notices import Notice
from sago.errors import PermanentError
from sago.outreach.digests import Digests
from sago.outreach.freight import End
from sago.outreach.permission import suppression
from sago.ports import Transaction

NEVER_WENT = (MailState.CANCELLED, MailState.EXPIRED, MailState.REFUSED)


@dataclass(frozen=True)
class NoticeFreight:
    """The `Freight` of notices: they come at their reader's hour, so windows and caps do not hold."""

    digests: Digests
    check: Callable[[], None]
    """Raises RestoredError where nothing may leave the house."""
    write: Callable[[Notice], EmailMessage] | None
    """None where nobody is set in whose name they could go."""
    is_paced: bool = False

    def expires_at(self, tx: Transaction, mail: Mail) -> datetime | None:  # noqa: ARG002
        return mail.expires_at

    def obstacle(self, tx: Transaction, mail: Mail, now: datetime) -> End | None:  # noqa: ARG002
        if self.write is None:
            return End(MailState.CANCELLED, None, "nobody to send it: set outreach.notice.sender")
        if against := suppression(tx, mail.address):
            return End(MailState.CANCELLED, None, "; ".join(against))
        if self.digests.still(tx, mail.ref) is None:
            why = "nothing of it is left to tell, or its reader wants none"
            return End(MailState.CANCELLED, None, why)
        return None

    def message(self, tx: Transaction, mail: Mail) -> EmailMessage:
        notice = tx.notices.get(mail.ref)
        if notice is None or self.write is None:
            raise PermanentError(f"mail {mail.id}: its notice {mail.ref} is gone")
        return self.write(notice)

    def announce(self, mail: Mail, now: datetime) -> None:  # noqa: ARG002
        self.check()

    def settle(self, tx: Transaction, mail: Mail, end: End, now: datetime) -> None:  # noqa: ARG002
        """What never went was not told: it comes with the next notice."""
        if end.state in NEVER_WENT:
            self.digests.take_back(tx, mail.ref)

    def follow(self, mail: Mail) -> None:
        """Nothing lies anywhere."""
