"""One mail out of the house, at most once: claimed, handed over, recorded.

The content goes only after `claimed → sending` is committed under the claim's own token, so nobody can send what
somebody else may have sent. docs/decisions/0023-mails-at-most-once.md says what each step may end with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

from sago import telemetry
from sago.domain.letters import SYSTEM, LetterState
from sago.domain.mails import Mail, MailState, Posted, Reply, Suppression, WaitsFor
from sago.domain.pacing import Caps, SendWindow, Wait, capped
from sago.errors import ConfigError, RestoredError, SagoError, TransientError, UngroundedError, is_out_of_time
from sago.outreach.freight import End, Freight
from sago.ports import Breakers, Clock, Database, Mailer, Transaction

LEASE = timedelta(seconds=330)
"""How long a claim holds its mail: longer than any task may run."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=4)
"""After a failed attempt, doubled each time."""
ATTEMPTS = 36
"""Of one mail, over some five days of trying (RFC 5321, 4.5.4.1 asks for four to five)."""

log = telemetry.logger(__name__)


@dataclass(frozen=True)
class Rules:
    """What is asked of a mail before it goes."""

    undo: timedelta
    """How long an approval can be taken back."""
    fresh: timedelta
    """How long after its newest fact a letter is still news."""
    window: SendWindow
    timezone: str
    """Of people whose own is not known."""
    caps: Caps


@dataclass
class Claim:
    """A mail in our hands, as we know it, and what is to be sent."""

    mail: Mail
    message: EmailMessage
    was_asked: bool = False

    @property
    def has_begun(self) -> bool:
        """Whether its content may have gone."""
        return self.mail.state is MailState.SENDING


@dataclass(frozen=True)
class Sending:
    """Sends one mail. Any number of processes may do so at once."""

    database: Database
    mailer: Mailer
    clock: Clock
    breakers: Breakers
    kinds: Mapping[str, Freight]
    dress: Callable[[EmailMessage, Mail, datetime], EmailMessage]
    """Adds what every mail carries: its id, the date, how to unsubscribe."""
    rules: Rules

    def send(self, mail_id: UUID) -> Mail | None:
        """Send a mail if it may go; what it is now, or None where it is not due or another has it.

        Raises what concerns every mail, after this one was given back: TransientError where the server is out,
        ConfigError where it refuses our settings, RestoredError where nothing may leave the house.
        """
        try:
            with self.database.begin() as tx:
                claim = self.claim(tx, mail_id, self.clock.now())
        except (TransientError, ConfigError, RestoredError):
            raise
        except Exception as error:
            if is_out_of_time(error):
                raise
            return self.follow(self._unwritable(mail_id, error))
        if not isinstance(claim, Claim):
            return self.follow(claim)
        try:
            posted = self.breakers.call(self.mailer.name, lambda: self._post(claim))
        except Exception as error:
            mail = self._failed(claim, error)
            concerns_all = isinstance(error, TransientError | ConfigError | RestoredError) and not claim.has_begun
            if concerns_all or is_out_of_time(error):
                raise
            return mail
        return self.follow(self._record(claim, posted))

    def claim(
        self, tx: Transaction, mail_id: UUID, now: datetime, *, is_rehearsal: bool = False
    ) -> Claim | Mail | None:
        """Take the mail, everything looked at again that speaks against it; else what it is now.

        The mail's row is held throughout. Only the caps are counted, and the claim kept, while no other counts: all
        that takes longer comes before. A rehearsal keeps nobody waiting.
        """
        mail = tx.mails.take(mail_id, now)
        if mail is None:
            return None
        freight = self.kinds[mail.kind]
        mail = mail.model_copy(update={"expires_at": freight.expires_at(tx, mail)})
        if end := self._obstacle(tx, mail, now):
            return self.end(tx, mail, end, now)
        message = self.dress(freight.message(tx, mail), mail, now)
        if freight.is_paced and not is_rehearsal:
            tx.mails.lock()
        if wait := self.pace(tx, mail, now):
            return _changed(tx, mail, mail.waiting(now, wait.until, wait.why, WaitsFor.PACE))
        return Claim(_changed(tx, mail, mail.claimed(now + LEASE)), message)

    def _obstacle(self, tx: Transaction, mail: Mail, now: datetime) -> End | None:
        """Why the mail may never go, or None."""
        if mail.expires_at is not None and mail.expires_at <= now:
            return End(MailState.EXPIRED, LetterState.EXPIRED, "it could not go while it was news")
        return self.kinds[mail.kind].obstacle(tx, mail, now)

    def pace(self, tx: Transaction, mail: Mail, now: datetime) -> Wait | None:
        """Until when its reader's hours or a cap keep the mail, by what is set and known now; None where it may go."""
        if not self.kinds[mail.kind].is_paced:
            return None
        caps, window = self.rules.caps, self.rules.window
        contact = tx.contacts.get(mail.address)
        zone = (contact and contact.timezone) or self.rules.timezone
        full = capped(mail, tx.mails.beside(mail, now - caps.longest), caps, now)
        opens = window.next_open(full.until if full else now, zone)
        if opens <= now:
            return None
        until = min(opens, mail.expires_at or opens)
        return Wait(until, full.why if full else f"outside {window}, {zone}")

    def _post(self, claim: Claim) -> Posted:
        claim.was_asked = True
        return self.mailer.post(claim.message, claim.mail.recipient.email or "", lambda: self._begin(claim))

    def _begin(self, claim: Claim) -> bool:
        """Commit that the content goes now; False where the claim is not ours any more."""
        now = self.clock.now()
        self.kinds[claim.mail.kind].announce(claim.mail, now)
        sending = claim.mail.sending(now, now + LEASE)
        with self.database.begin() as tx:
            is_ours = tx.mails.replace(claim.mail, sending)
        if is_ours:
            claim.mail = sending
        return is_ours

    def _record(self, claim: Claim, posted: Posted) -> Mail | None:
        now = self.clock.now()
        with self.database.begin() as tx:
            held = tx.mails.get(claim.mail.id)
            if held is None or not _may_record(claim.mail, held) or posted.reply is Reply.GIVEN_UP:
                return held
            if posted.reply is Reply.DEFERRED:
                return self._again(tx, held, posted.said, now)
            if posted.reply is Reply.NO_SUCH_ADDRESS:
                because = f"its server refuses it: {posted.noted}"
                tx.contacts.suppress(Suppression(email=held.address, because=because, who=SYSTEM, at=now))
            held = held.model_copy(update={"file": posted.file})
            return self.end(tx, held, _END[posted.reply](posted), now)

    def _again(
        self,
        tx: Transaction,
        mail: Mail,
        why: str,
        now: datetime,
        what: WaitsFor = WaitsFor.SERVER,
        at_least: timedelta | None = None,
    ) -> Mail:
        """Queue the mail again after a failed attempt, or give it up."""
        if mail.attempts >= ATTEMPTS:
            given_up = f"given up after {mail.attempts} attempts"
            end = End(MailState.REFUSED, LetterState.EXPIRED, f"{given_up}: {why}", given_up)
            return self.end(tx, mail, end, now)
        pause = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 20), LONGEST_PAUSE)
        return _changed(tx, mail, mail.waiting(now, now + max(pause, at_least or pause), why, what))

    def _failed(self, claim: Claim, error: Exception) -> Mail | None:
        """Give back, or mark as unknown, a mail whose sending ended with an error."""
        if claim.has_begun:
            log.error("a mail's fate is unknown", mail_id=str(claim.mail.id), error_type=type(error).__name__)
            said = f"the sending ended with {type(error).__name__}"
            return self.follow(self._record(claim, Posted(Reply.UNKNOWN, said)))
        now = self.clock.now()
        reason = str(error) or type(error).__name__
        is_ours_to_mend = isinstance(error, ConfigError | RestoredError) or not claim.was_asked
        with self.database.begin() as tx:
            held = tx.mails.get(claim.mail.id)
            if held is None or not _may_record(claim.mail, held):
                return held
            asked = error.retry_after if isinstance(error, TransientError) else None
            if is_ours_to_mend:
                until = now + max(asked or FIRST_PAUSE, FIRST_PAUSE)
                what = None if isinstance(error, RestoredError) else WaitsFor.SERVER
                return _changed(tx, held, held.waiting(now, until, reason, what, is_counted=False))
            return self._again(tx, held, reason, now, at_least=asked)

    def _unwritable(self, mail_id: UUID, error: Exception) -> Mail | None:
        """A mail that cannot be made into a message must not hold up those behind it."""
        now = self.clock.now()
        log.error("a mail cannot be written", mail_id=str(mail_id), error_type=type(error).__name__)
        with self.database.begin() as tx:
            mail = tx.mails.take(mail_id, now)
            if mail is None:
                return None
            tried = mail.model_copy(update={"attempts": mail.attempts + 1})
            return self._again(tx, tried, unwritable(error), now, WaitsFor.CONTENT)

    def end(self, tx: Transaction, mail: Mail, end: End, now: datetime) -> Mail:
        """End the mail's way, and settle what follows from it."""
        ended = _changed(tx, mail, mail.ended(end.state, end.why))
        self.kinds[mail.kind].settle(tx, ended, end, now)
        return ended

    def follow(self, mail: Mail | None) -> Mail | None:
        """What follows from a mail's end beyond its transaction."""
        if mail is not None and not mail.state.is_open:
            self.kinds[mail.kind].follow(mail)
        return mail


def unwritable(error: Exception) -> str:
    """What is kept of a mail that cannot be written: an error's own words where they are ours and quote nobody."""
    is_ours = isinstance(error, SagoError) and not isinstance(error, UngroundedError)
    return f"it cannot be written: {error if is_ours else type(error).__name__}"


def _may_record(ours: Mail, held: Mail) -> bool:
    """Whether the mail is still under our claim; also where we were taken for dead, which no answer was known of."""
    was_lost = ours.state is MailState.SENDING and held.state is MailState.UNKNOWN
    return held.token == ours.token and (held.state is ours.state or was_lost)


def _changed(tx: Transaction, before: Mail, after: Mail) -> Mail:
    tx.mails.replace(before, after)
    return after


def _end(state: MailState, letter: LetterState, what: str = "") -> Callable[[Posted], End]:
    return lambda posted: End(state, letter, f"{what}{posted.said}", f"{what}{posted.noted}")


_END: Mapping[Reply, Callable[[Posted], End]] = {
    Reply.ACCEPTED: _end(MailState.SENT, LetterState.SENT),
    Reply.REFUSED: _end(MailState.REFUSED, LetterState.REJECTED, "refused: "),
    Reply.NO_SUCH_ADDRESS: _end(MailState.REFUSED, LetterState.REJECTED, "no such address: "),
    Reply.UNKNOWN: _end(MailState.UNKNOWN, LetterState.UNKNOWN),
}
