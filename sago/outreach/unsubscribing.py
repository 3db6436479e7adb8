"""How a reader gets no further mail: two headers and a line at the foot (RFC 2369, RFC 8058), and what follows."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import quote
from uuid import UUID

from sago import telemetry
from sago.domain.letters import LetterState
from sago.domain.mails import NO_MAIL, Mail, MailState, Suppression, mail_id
from sago.errors import SagoError, UsageError
from sago.outreach.freight import End
from sago.ports import Database, Transaction

ONE_CLICK = "List-Unsubscribe=One-Click"
NOWHERE = "sago.invalid"
"""Of Message-IDs where the sender has no domain: reserved by RFC 2606."""
FOOT = "If you would rather not get such mails: {url}"
FOOT_HTML = (
    '<p style="color: #666; font-size: 85%; margin-top: 2em">'
    '<a href="{url}" style="color: #666">I would rather not get such mails</a></p>\n'
)
log = telemetry.logger(__name__)
_TAG = 16
"""Bytes of the digest in a token: 128 bits."""


@dataclass(frozen=True)
class Links:
    """Makes and reads the token in a mail's link: its id and a digest over id and address, so that nobody can
    unsubscribe another, and no address stands in it. It is good for ever, as long as `secret` is the same."""

    url: str
    """The page's address, to which `/` and a token are put; empty: mails carry no link."""
    secret: bytes
    mailto: str | None = None
    """A mailbox that a person reads, offered beside the link, or alone."""

    def token(self, mail: Mail) -> str:
        """Of one mail; letters, digits, `-` and `_`."""
        return base64.urlsafe_b64encode(mail.id.bytes + self._tag(mail)).rstrip(b"=").decode()

    def mail_of(self, tx: Transaction, token: str) -> Mail | None:
        """The mail whose link this is; None where it is none of ours."""
        try:
            given = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(given) != _TAG + 16:
            return None
        mail = tx.mails.get(UUID(bytes=given[:16]))
        return mail if mail and hmac.compare_digest(given[16:], self._tag(mail)) else None

    def dress(self, message: EmailMessage, mail: Mail, now: datetime) -> EmailMessage:
        """What every mail carries: an id that is the same however often it is tried, its date, and how to unsubscribe
        where there is a way to. The DKIM signature that RFC 8058 wants over these is the mail server's."""
        for name in ("X-Unsent", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"):
            del message[name]
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail.id}@{_domain(message)}>"
        if self.url or self.mailto:
            self._offer(message, mail)
        return message

    def _offer(self, message: EmailMessage, mail: Mail) -> None:
        token = f"%20{self.token(mail)}" if self.url else ""
        mailbox = f"mailto:{quote(self.mailto, safe='@')}?subject=unsubscribe{token}" if self.mailto else ""
        page = f"{self.url.rstrip('/')}/{self.token(mail)}" if self.url else ""
        message["List-Unsubscribe"] = ", ".join(f"<{way}>" for way in (mailbox, page) if way)
        if page:
            message["List-Unsubscribe-Post"] = ONE_CLICK
        link = page or mailbox
        if plain := message.get_body(("plain",)):
            text = plain.get_content().rstrip("\n")
            plain.set_content(f"{text}\n\n{FOOT.format(url=link)}\n", charset="utf-8")
        if rich := message.get_body(("html",)):
            foot = FOOT_HTML.format(url=html.escape(link))
            body, end, rest = rich.get_content().rpartition("</body>")
            rich.set_content(f"{body}{foot}{end}{rest}" if end else f"{rest}{foot}", subtype="html", charset="utf-8")

    def _tag(self, mail: Mail) -> bytes:
        key = hmac.digest(self.secret, b"sago: links to unsubscribe", hashlib.sha256)
        return hmac.digest(key, mail.id.bytes + mail.address.encode(), hashlib.sha256)[:_TAG]


def _domain(message: EmailMessage) -> str:
    """The sender's, as an id's right half should be (RFC 5322, 3.6.4)."""
    senders = message["From"].addresses if message["From"] else ()
    domain = senders[0].domain if senders else ""
    return domain if domain and domain.isascii() else NOWHERE


@dataclass(frozen=True)
class Suppressing:
    """The use cases behind `sago outreach suppress` and the page to unsubscribe."""

    database: Database
    links: Links
    end: Callable[[Transaction, Mail, End, datetime], Mail]
    """Ends a mail and settles its letter."""
    follow: Callable[[Mail], Mail | None]

    def suppress(self, word: Suppression) -> list[Mail]:
        """No further mail to an address: those that wait are cancelled at once; which these were. The same again
        changes nothing. One whose content goes over at this moment cannot be called back."""
        with self.database.begin() as tx:
            tx.contacts.suppress(word)
        # whoever began to claim before that commit holds a row that is found, and waited for, here
        with self.database.begin() as tx:
            end = End(MailState.CANCELLED, LetterState.REJECTED, word.objection, NO_MAIL)
            waiting = tx.mails.find([MailState.QUEUED, MailState.CLAIMED], email=word.email)
            locked = [mail for each in waiting if (mail := tx.mails.get(each.id))]
            still = [mail for mail in locked if mail.state in (MailState.QUEUED, MailState.CLAIMED)]
            cancelled = [self.end(tx, mail, end, word.at) for mail in still]
        for mail in cancelled:
            self._follow(mail)
        return cancelled

    def unsuppress(self, email: str, at: datetime, who: str, why: str) -> None:
        """Mail again. Raises UsageError where the address is not suppressed."""
        with self.database.begin() as tx:
            if not tx.contacts.unsuppress(email, at, who, why):
                raise UsageError(f"{email}: is not suppressed; see `sago outreach suppressed`")

    def recall(self, letter_id: UUID, at: datetime, who: str, why: str) -> Mail:
        """Take a queued letter back, a person's word: it is a draft again. Raises UsageError where it has no mail that
        waits."""
        with self.database.begin() as tx:
            mail = tx.mails.get(mail_id("letter", letter_id))
            if mail is None or mail.state is not MailState.QUEUED:
                state = f"its mail is {mail.state}" if mail else "it has no mail yet: undo its approval, or reject it"
                raise UsageError(f"letter {letter_id}: cannot be recalled: {state}")
            recalled = self.end(tx, mail, End(MailState.CANCELLED, None, f"recalled by {who}: {why}"), at)
            tx.outreach.set_letter_state(letter_id, LetterState.DRAFT, at, who, why)
        self._follow(recalled)
        return recalled

    def _follow(self, mail: Mail) -> None:
        """What was decided stands, whether or not this process may change the drafts' folder."""
        try:
            self.follow(mail)
        except SagoError as error:
            log.warning("a draft was not taken away", mail_id=str(mail.id), reason=str(error))

    def is_known(self, token: str) -> bool:
        """Whether a link is one of ours; changes nothing."""
        with self.database.begin() as tx:
            return self.links.mail_of(tx, token) is not None

    def unsubscribe(self, token: str, at: datetime) -> bool:
        """The reader's own word, by the link in a mail; False where it is none of ours."""
        with self.database.begin() as tx:
            mail = self.links.mail_of(tx, token)
        if mail is None:
            return False
        because = f"unsubscribed by the link in mail {mail.id}"
        self.suppress(Suppression(email=mail.address, because=because, who="reader", at=at))
        return True
