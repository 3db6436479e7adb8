"""The `MailStore` and the `ContactStore` in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sago.domain.mails import Contact, Mail, MailState, Suppression, WaitsFor, address_of
from sago.stores.memory.state import AuditEntry, State

HELD = (MailState.CLAIMED, MailState.SENDING)
GONE = (MailState.SENDING, MailState.SENT, MailState.UNKNOWN)


class MemoryMails:
    """Mails of one transaction; transactions run one after the other, so nothing has to be locked."""

    def __init__(self, state: State) -> None:
        self._rows = state.mails

    def add(self, mail: Mail) -> bool:
        if any(mail.id == row.id or (mail.kind, mail.ref) == (row.kind, row.ref) for row in self._rows.values()):
            return False
        self._rows[mail.id] = mail
        return True

    def get(self, mail_id: UUID) -> Mail | None:
        return self._rows.get(mail_id)

    def replace(self, before: Mail, after: Mail) -> bool:
        row = self._rows.get(before.id)
        if row is None or (row.state, row.token) != (before.state, before.token):
            return False
        fixed = {name: getattr(row, name) for name in ("id", "kind", "ref", "firm_id", "company_id", "recipient")}
        self._rows[row.id] = after.model_copy(update=fixed | {"created_at": row.created_at})
        return True

    def lock(self) -> None:
        """Nobody else is at work."""

    def due(self, now: datetime, limit: int = 500) -> list[UUID]:
        return [row.id for row in self.find([MailState.QUEUED]) if row.next_attempt_at <= now][:limit]

    def take(self, mail_id: UUID, now: datetime) -> Mail | None:
        row = self._rows.get(mail_id)
        may = row and row.state is MailState.QUEUED and (row.next_attempt_at <= now or row.waits_for is WaitsFor.PACE)
        return row if may else None

    def lapsed(self, now: datetime) -> list[Mail]:
        held = [(row.lease_until, str(row.id), row) for row in self.find(HELD) if row.lease_until]
        return [row for lease_until, _, row in sorted(held, key=lambda each: each[:2]) if lease_until <= now]

    def beside(self, mail: Mail, since: datetime) -> list[Mail]:
        others = [row for row in self._rows.values() if row.kind == "letter" and row.id != mail.id]
        near = [row for row in others if row.firm_id == mail.firm_id]
        gone = [row for row in near if row.state in GONE and row.sent_at and row.sent_at > since]
        claimed = [row for row in near if row.state is MailState.CLAIMED]
        return [*sorted(gone, key=lambda row: (row.sent_at, row.id)), *sorted(claimed, key=lambda row: row.id)]

    def find(self, states: Collection[MailState] | None = None, *, email: str | None = None) -> list[Mail]:
        rows = [row for row in self._rows.values() if states is None or row.state in states]
        mine = [row for row in rows if email is None or row.address == address_of(email)]
        return sorted(mine, key=lambda row: (row.next_attempt_at, row.created_at, row.id))

    def counts(self) -> dict[MailState, int]:
        return dict(Counter(row.state for row in self._rows.values()))


class MemoryContacts:
    """Contacts and suppressions of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def save(self, contact: Contact) -> None:
        self._state.contacts[contact.email] = contact

    def get(self, email: str) -> Contact | None:
        return self._state.contacts.get(address_of(email))

    def all(self) -> list[Contact]:
        return [contact for _, contact in sorted(self._state.contacts.items())]

    def suppress(self, suppression: Suppression) -> bool:
        if suppression.email in self._state.suppressions:
            return False
        self._state.suppressions[suppression.email] = suppression
        self._note("suppressed", suppression)
        return True

    def suppression(self, email: str) -> Suppression | None:
        return self._state.suppressions.get(address_of(email))

    def unsuppress(self, email: str, at: datetime, who: str, why: str) -> bool:
        if self._state.suppressions.pop(address_of(email), None) is None:
            return False
        self._note("unsuppressed", Suppression(email=email, because=why, who=who, at=at))
        return True

    def suppressions(self) -> list[Suppression]:
        return sorted(self._state.suppressions.values(), key=lambda each: (-each.at.timestamp(), each.email))

    def _note(self, what: str, word: Suppression) -> None:
        entry = AuditEntry(word.at, word.who, f"address.{what}", word.email, word.because)
        self._state.audit_log.append(entry)
