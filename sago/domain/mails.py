"""Mails on their way out: one row a mail, whatever it is, claimed before it is sent and never sent twice."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Self
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sago.domain.companies import Person
from sago.domain.messages import Moment

LONGEST_ADDRESS = 254
"""Characters of an address (RFC 5321, 4.5.3.1)."""
HIDDEN_ADDRESS = "[address]"
NO_MAIL = "its reader wants no mail"
"""All that a firm is told of a suppression: by whose letter it came about may be another firm's matter."""
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[^\W\d_]{{2,63}}")
"""RFC 5321 without quoted local parts and literals; letters beyond ASCII as in RFC 6531, for servers that take them."""

_ANSWER = re.compile(r"(?<!\S)([2-5]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?)(?!\S).*", re.S)


class MailState(StrEnum):
    """queued → claimed → sending → sent, back to queued where it was refused before its content went over, `refused`
    for good, `cancelled` or `expired` before it was claimed; `unknown` once nobody can tell whether it arrived."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    """The content may be on its way: from here on the mail is never sent by itself again."""
    SENT = "sent"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool:
        """Whether it is still on its way."""
        return self in (MailState.QUEUED, MailState.CLAIMED, MailState.SENDING)


NOT_GONE = (MailState.QUEUED, MailState.CLAIMED)
BEGUN = (MailState.SENDING, MailState.SENT, MailState.UNKNOWN)
"""Of the former the content has not begun to leave, of the latter it may be there."""


class WaitsFor(StrEnum):
    """What keeps a queued mail back."""

    PACE = "pace"
    """Its reader's hours, or a cap: looked at anew in every round."""
    SERVER = "server"
    """The mail server, or a setting of ours for it."""
    CONTENT = "content"
    """It cannot be written."""


class Mail(BaseModel):
    """One row of `mails`: a letter or a notice on its way. `ref` is the letter's or the notice's id."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    kind: Literal["letter", "notice"]
    ref: UUID
    firm_id: str
    company_id: str | None = None
    recipient: Person
    state: MailState = MailState.QUEUED
    attempts: int = 0
    token: int = 0
    """Of the claim that holds it: whoever has an older one may neither send nor record."""
    lease_until: Moment | None = None
    next_attempt_at: Moment
    expires_at: Moment | None = None
    """News older than this is not news."""
    error: str | None = None
    """Why it waits, or why it ended."""
    waits_for: WaitsFor | None = None
    waits_since: Moment | None = None
    created_at: Moment
    sent_at: Moment | None = None
    """When its content began to go over; None while it surely has not."""
    file: str | None = None
    """Where no server took it: where it lies for a person to send."""

    @property
    def address(self) -> str:
        """The recipient's, as suppressions and caps know it; empty where there is none."""
        return address_of(self.recipient.email or "")

    @property
    def stage(self) -> str:
        """Its state for a person: one that was `sent` into a folder is `written`."""
        return "written" if self.state is MailState.SENT and self.file else self.state.value

    def claimed(self, lease_until: datetime) -> Self:
        """Held by whoever claims it now, under a token of their own."""
        return self._as(MailState.CLAIMED, lease_until=lease_until, token=self.token + 1, attempts=self.attempts + 1)

    def sending(self, at: datetime, lease_until: datetime) -> Self:
        """Its content goes over from now on."""
        return self._as(MailState.SENDING, lease_until=lease_until, sent_at=at, error=self.error)

    def waiting(
        self, now: datetime, until: datetime, why: str, what: WaitsFor | None = None, *, is_counted: bool = True
    ) -> Self:
        """Queued, to be tried at `until`; an attempt that is not counted is given back. Of several waits in a row for
        the same thing the first says since when."""
        attempts = self.attempts if is_counted else max(self.attempts - 1, 0)
        since = self.waits_since if what is self.waits_for else None
        wait = {"waits_for": what, "waits_since": (since or now) if what else None}
        return self._as(MailState.QUEUED, next_attempt_at=until, error=why, sent_at=None, attempts=attempts, **wait)

    def ended(self, state: MailState, why: str | None) -> Self:
        """Not on its way any more; when its content went over stays known where it may have arrived."""
        has_gone = state in (MailState.SENT, MailState.UNKNOWN)
        sent_at = self.sent_at if has_gone else None
        return self._as(state, error=why, sent_at=sent_at, waits_for=None, waits_since=None)

    def recalled(self, why: str) -> Self:
        """Cancelled from under whoever holds it: their token is older from here on, and they may not begin to send."""
        none = {"sent_at": None, "waits_for": None, "waits_since": None}
        return self._as(MailState.CANCELLED, error=why, token=self.token + 1, **none)

    def _as(self, state: MailState, **changes: object) -> Self:
        return self.model_copy(update={"state": state, "lease_until": None, "error": None} | changes)


class Reply(StrEnum):
    """What a mail server has said of a mail; of all but ACCEPTED and UNKNOWN it is certain that it has not taken it."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    """Not now; or refused for a reason that is not this mail's and may be mended."""
    REFUSED = "refused"
    """Never this mail."""
    NO_SUCH_ADDRESS = "no such address"
    """Never a mail to this address."""
    UNKNOWN = "unknown"
    """The content went over, or part of it, and no answer came."""
    GIVEN_UP = "given up"
    """Nothing was sent: the claim had gone to another."""


class Posted(NamedTuple):
    """A mail server's answer, with its own words."""

    reply: Reply
    said: str = ""
    file: str | None = None
    """Where it lies, where there is no server and a person sends it."""

    @property
    def noted(self) -> str:
        """The answer without the server's words: its code and the enhanced one (RFC 3463) are kept for good."""
        return _ANSWER.sub(r"\1", self.said)


def address_of(email: str) -> str:
    """A mail address as it is compared: mailboxes that differ in case alone are one person's (RFC 5321, 2.4 leaves it
    to the host; none in use tells them apart)."""
    return email.strip().lower()


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone, as in Europe/Berlin") from error
    return name


def is_address(email: str | None) -> bool:
    """Whether mail can be addressed to it."""
    return email is not None and len(email) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(email.strip(" ")) is not None


def without_addresses(text: str) -> str:
    """A line that a firm may read: the addresses of founders are theirs alone."""
    return _ADDRESS.sub(HIDDEN_ADDRESS, text)


def _address(email: str) -> str:
    if not is_address(email):
        raise ValueError(f"{email!r} is no mail address, as in dana@northgate.example")
    return address_of(email)


TimeZone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]


class Contact(BaseModel):
    """Somebody who is written to: where their day begins, and at which hour of it they want their notices."""

    model_config = ConfigDict(frozen=True)

    email: Address
    name: str
    timezone: TimeZone | None = None
    digest_at: int | None = Field(None, ge=0, le=23)


class Suppression(BaseModel):
    """An address that gets no mail any more, and who said so."""

    model_config = ConfigDict(frozen=True)

    email: Address
    because: str
    who: str
    at: Moment

    @property
    def objection(self) -> str:
        """What it says against a mail, to the house."""
        return f"{self.email} gets no mail: {self.because}"


def mail_id(kind: str, ref: UUID) -> UUID:
    """The same for one letter or notice, however often it is queued."""
    return uuid5(NAMESPACE_URL, f"sago:mail:{kind}:{ref}")


def new_mail(
    kind: Literal["letter", "notice"],
    ref: UUID,
    recipient: Person,
    *,
    firm_id: str,
    company_id: str | None,
    now: datetime,
    expires_at: datetime | None = None,
) -> Mail:
    """A mail that may go from now on."""
    return Mail(
        id=mail_id(kind, ref),
        kind=kind,
        ref=ref,
        firm_id=firm_id,
        company_id=company_id,
        recipient=recipient,
        next_attempt_at=now,
        expires_at=expires_at,
        created_at=now,
    )
