"""People written to, and addresses that get no mail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.mails import Contact, Suppression, address_of
from sago.stores.postgres.tables import audit_log, contacts, suppressions


class PostgresContacts:
    """The `ContactStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, contact: Contact) -> None:
        row = contact.model_dump()
        kept = upsert(contacts).values(**row)
        self._connection.execute(kept.on_conflict_do_update(index_elements=["email"], set_=row))

    def get(self, email: str) -> Contact | None:
        query = select(contacts).where(contacts.c.email == address_of(email))
        row = self._connection.execute(query).one_or_none()
        return Contact.model_validate(row._asdict()) if row else None

    def all(self) -> list[Contact]:
        rows = self._connection.execute(select(contacts).order_by(contacts.c.email))
        return [Contact.model_validate(row._asdict()) for row in rows]

    def suppress(self, suppression: Suppression) -> bool:
        added = upsert(suppressions).values(**suppression.model_dump()).on_conflict_do_nothing()
        if self._connection.execute(added).rowcount == 0:
            return False
        self._note("suppressed", suppression)
        return True

    def suppression(self, email: str) -> Suppression | None:
        query = select(suppressions).where(suppressions.c.email == address_of(email))
        row = self._connection.execute(query).one_or_none()
        return Suppression.model_validate(row._asdict()) if row else None

    def unsuppress(self, email: str, at: datetime, who: str, why: str) -> bool:
        known = delete(suppressions).where(suppressions.c.email == address_of(email))
        if self._connection.execute(known).rowcount == 0:
            return False
        self._note("unsuppressed", Suppression(email=email, because=why, who=who, at=at))
        return True

    def suppressions(self) -> list[Suppression]:
        c = suppressions.c
        rows = self._connection.execute(select(suppressions).order_by(c.at.desc(), c.email))
        return [Suppression.model_validate(row._asdict()) for row in rows]

    def _note(self, what: str, word: Suppression) -> None:
        note = insert(audit_log).values(
            at=word.at, who=word.who, action=f"address.{what}", subject=word.email, detail={"why": word.because}
        )
        self._connection.execute(note)
