"""The ports of the way out: the outbox, the people written to, and those who want no mail."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sago.domain.mails import BEGUN, NOT_GONE, Contact, Mail, MailState, Suppression, mail_id


class MailStore(Protocol):
    """`mails`: what is on its way out, one row a letter or notice."""

    def add(self, mail: Mail) -> bool:
        """Insert; False, and no change, where that letter or notice has its mail already."""

    def get(self, mail_id: UUID) -> Mail | None:
        """The mail, locked until the transaction ends, or None."""

    def replace(self, before: Mail, after: Mail) -> bool:
        """Change a mail that is still in `before`'s state and under its token; False, and no change, where it is not.
        Identity, recipient and kind stay as they are."""

    def lock(self) -> None:
        """Wait until no other transaction is claiming, and keep others waiting until this one ends: what it counts is
        then all there is."""

    def due(self, now: datetime, limit: int = 500) -> list[UUID]:
        """Queued mails whose time has come, longest due first."""

    def take(self, mail_id: UUID, now: datetime) -> Mail | None:
        """The mail, locked until the transaction ends; None where it is not due, or locked by another. One
        that waits for its reader's hours or a cap can be taken at any time: whoever takes it looks anew."""

    def lapsed(self, now: datetime) -> list[Mail]:
        """Claimed and sending mails whose lease is over, locked; those locked by others are left out."""

    def beside(self, mail: Mail, since: datetime) -> list[Mail]:
        """Other letters of the same firm that are claimed, or whose content began to go over after `since` and was
        not refused; oldest first."""

    def find(self, states: Collection[MailState] | None = None, *, email: str | None = None) -> list[Mail]:
        """Mails in these states, or all, to one address, or any; next ones first."""

    def counts(self) -> dict[MailState, int]:
        """Mails by state; a state without any is left out."""


def recalled(mails: MailStore, letter_ids: Collection[UUID], why: str) -> set[UUID]:
    """Cancel the mails of these letters; of which letters the mail has begun to leave. Mails are locked before letters,
    as by whoever sends one."""
    held = [mail for letter_id in letter_ids if (mail := mails.get(mail_id("letter", letter_id)))]
    for mail in held:
        if mail.state in NOT_GONE:
            mails.replace(mail, mail.recalled(why))
    return {mail.ref for mail in held if mail.state in BEGUN}


class ContactStore(Protocol):
    """`contacts` and `suppressions`: addresses are compared as `address_of` writes them."""

    def save(self, contact: Contact) -> None:
        """Keep a contact; the same address again replaces it."""

    def get(self, email: str) -> Contact | None:
        """The contact, or None."""

    def all(self) -> list[Contact]:
        """Every contact by address."""

    def suppress(self, suppression: Suppression) -> bool:
        """No mail to this address from now on, with a note in the audit log; False, and no change, where it gets none
        already."""

    def suppression(self, email: str) -> Suppression | None:
        """Why an address gets no mail; None where it may get some."""

    def unsuppress(self, email: str, at: datetime, who: str, why: str) -> bool:
        """Mail to this address again, with a note in the audit log; False where it was not suppressed."""

    def suppressions(self) -> list[Suppression]:
        """All of them, newest first."""
