"""The way of approved letters out of the house, round by round: queued, sent where they may go, taken back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sago import telemetry
from sago.domain.letters import SYSTEM, Letter, LetterState
from sago.domain.mails import Mail, MailState, WaitsFor, is_address, new_mail
from sago.domain.pacing import Wait
from sago.errors import ConfigError, RestoredError, TransientError
from sago.outreach.freight import End, newest_fact
from sago.outreach.sending import Claim, Sending, unwritable
from sago.ports import Transaction

ROUND = 45.0
"""Seconds after which a round takes up no further mail: a task's limit must still hold the longest talk to a server."""
ENDED = (MailState.CANCELLED, MailState.EXPIRED, MailState.REFUSED)
"""Of these it is certain that the content never arrived."""

log = telemetry.logger(__name__)


class Round(NamedTuple):
    """What one round has done: mails that were queued, mails that it came to, as they are now, approved letters that
    cannot be mailed, and why it stopped early, if it did."""

    queued: list[Mail]
    mails: list[Mail]
    unmailable: list[tuple[Letter, str]]
    problem: str | None = None


class _LookedOnlyError(Exception):
    """Rolls a rehearsal back."""


@dataclass(frozen=True)
class Delivery:
    """The use case behind `outreach.deliver`. Any number of processes may run it at once."""

    sending: Sending
    check: Callable[[], None]
    """Raises RestoredError where nothing may leave the house."""

    def deliver(self) -> Round:
        """One round: take back lost claims, queue approved letters, send what is due.

        A server that is out, a wrong setting and a restored backup end the round; what is left stays queued.
        """
        now = self.sending.clock.now()
        unknown = self._recover(now)
        with self.sending.database.begin() as tx:
            queued, unmailable = self._queue(tx, now)
        done = Round(queued, unknown, unmailable)
        try:
            self.check()
            self._send_due(done.mails)
        except (ConfigError, RestoredError, TransientError) as error:
            log.warning("delivery stopped", reason=str(error))
            return done._replace(problem=str(error))
        return done

    def rehearse(self) -> Round:
        """What a round would do now, without doing it: mails that would go are `claimed`. It ends at a mail that cannot
        be written, and keeps no round from claiming meanwhile."""
        now = self.sending.clock.now()
        done = Round([], [], [])
        with suppress(_LookedOnlyError), self.sending.database.begin() as tx:
            self._take_back(tx, now)
            queued, unmailable = self._queue(tx, now)
            done = Round(queued, [], unmailable)
            for mail_id in self._due(tx, now):
                try:
                    mail = self._rehearsed(tx, mail_id, now)
                except Exception as error:  # noqa: BLE001 - as a round's; the transaction may be lost with it
                    done = done._replace(problem=f"mail {mail_id}: {unwritable(error)}")
                    break
                if mail:
                    done.mails.append(mail)
            raise _LookedOnlyError
        try:
            self.check()
        except RestoredError as error:
            return done._replace(problem=str(error))
        return done

    def undoable(self) -> list[tuple[Letter, datetime]]:
        """Approved letters that are not queued yet, for their approval can be undone until then."""
        now, undo = self.sending.clock.now(), self.sending.rules.undo
        with self.sending.database.begin() as tx:
            approved = [each for each in tx.outreach.letters() if each.state is LetterState.APPROVED]
        until = [(each, each.approved_at + undo) for each in approved if each.approved_at]
        return [(each, at) for each, at in until if at > now]

    def _rehearsed(self, tx: Transaction, mail_id: UUID, now: datetime) -> Mail | None:
        claim = self.sending.claim(tx, mail_id, now, is_rehearsal=True)
        if not isinstance(claim, Claim):
            return claim
        tx.mails.replace(claim.mail, claim.mail.sending(now, now))  # caps then count it as one that has gone
        return claim.mail

    def _send_due(self, done: list[Mail]) -> None:
        clock = self.sending.clock
        began = clock.monotonic()
        with self.sending.database.begin() as tx:
            due = self._due(tx, clock.now())
        for mail_id in due:
            if clock.monotonic() - began > ROUND:
                return
            if mail := self.sending.send(mail_id):
                done.append(mail)

    def _due(self, tx: Transaction, now: datetime) -> list[UUID]:
        """Mails whose time has come, and those whose wait for their reader's hours or a cap is another one since a
        setting, a contact or the mails beside them changed: whoever claims one looks at all of it anew."""
        paced = [mail for mail in tx.mails.find([MailState.QUEUED]) if mail.waits_for is WaitsFor.PACE]
        waiting = [mail for mail in paced if mail.next_attempt_at > now]
        changed = [
            mail.id
            for mail in waiting
            if self.sending.pace(tx, mail, now) != Wait(mail.next_attempt_at, mail.error or "")
        ]
        return [*tx.mails.due(now), *changed]

    def _recover(self, now: datetime) -> list[Mail]:
        """Take back claims whose holder has died; those of which nobody knows whether they arrived."""
        with self.sending.database.begin() as tx:
            taken = self._take_back(tx, now)
        unknown = [mail for mail in taken if mail.state is MailState.UNKNOWN]
        for mail in unknown:
            log.error("a mail's fate is unknown", mail_id=str(mail.id), kind=mail.kind, ref=str(mail.ref))
            self.sending.follow(mail)
        return unknown

    def _take_back(self, tx: Transaction, now: datetime) -> list[Mail]:
        """The content of a claimed mail never went: it is queued again. That of a sending one may have arrived."""
        taken = []
        for mail in tx.mails.lapsed(now):
            if mail.state is MailState.CLAIMED:
                after = mail.waiting(now, now, "whoever was about to send it has died")
                tx.mails.replace(mail, after)
            else:
                why = "whoever was sending it has died: it may have arrived"
                after = self.sending.end(tx, mail, End(MailState.UNKNOWN, LetterState.UNKNOWN, why), now)
            taken.append(after)
        return taken

    def _queue(self, tx: Transaction, now: datetime) -> tuple[list[Mail], list[tuple[Letter, str]]]:
        """Letters whose approval can no longer be undone become mails; those without an address stay approved."""
        rules = self.sending.rules
        queued: list[Mail] = []
        unmailable: list[tuple[Letter, str]] = []
        for letter in tx.outreach.approved(now - rules.undo):
            if letter.approved_at is None:
                unmailable.append((letter, "nobody knows who approved it when: send it by hand, or reject it"))
                continue
            if letter.recipient is None or not is_address(letter.recipient.email):
                unmailable.append((letter, "its recipient has no mail address: send it by hand, or reject it"))
                continue
            expires_at = newest_fact(tx, letter) + rules.fresh
            names = {"firm_id": letter.firm_id, "company_id": letter.company_id}
            mail = new_mail("letter", letter.id, letter.recipient, now=now, expires_at=expires_at, **names)
            if _requeued(tx, mail):
                queued.append(mail)
                why = "approved, and not undone since"
                tx.outreach.set_letter_state(letter.id, LetterState.QUEUED, now, SYSTEM, why)
        return queued, unmailable


def _requeued(tx: Transaction, mail: Mail) -> bool:
    """Add the mail, or take up again that of a letter which was approved a second time; False where it may have gone.
    Tokens go on counting: what held the earlier one can record nothing."""
    if tx.mails.add(mail):
        return True
    known = tx.mails.get(mail.id)
    if known is None or known.state not in (*ENDED, MailState.QUEUED):
        return False
    return tx.mails.replace(known, mail.model_copy(update={"token": known.token}))
