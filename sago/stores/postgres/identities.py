"""Who is who."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.identities import Decision, IdentityKey, KnownIdentity, Participant, Sighting, merged
from sago.stores.postgres.tables import connections, identities, participants, person_decisions

c = identities.c
p = participants.c
d = person_decisions.c


class PostgresIdentities:
    """The `IdentityStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def see(self, connection_id: UUID, company_id: str | None, seen: Sequence[Sighting]) -> None:
        row = select(connections.c.id).where(connections.c.id == connection_id)
        if not seen or self._connection.scalar(row.with_for_update(key_share=True)) is None:
            return
        ids = {each.native_id for each in seen}
        query = select(identities).where(c.connection_id == connection_id, c.native_id.in_(ids))
        known = [KnownIdentity.model_validate(row._asdict()) for row in self._connection.execute(query)]
        is_named = any(each.name for each in seen)
        changed = merged(connection_id, known, seen, self._shown(connection_id) if is_named else ())
        if changed:
            kept = upsert(identities).values([each.model_dump() for each in changed])
            new = {name: kept.excluded[name] for name in ("name", "shown_as", "address", "is_bot", "seen_at")}
            self._connection.execute(
                kept.on_conflict_do_update(index_elements=["connection_id", "native_id"], set_=new)
            )
        if company_id:
            self._join(connection_id, company_id, seen)

    def _shown(self, connection_id: UUID) -> list[str]:
        return list(
            self._connection.scalars(select(c.shown_as).where(c.connection_id == connection_id, c.shown_as != ""))
        )

    def _join(self, connection_id: UUID, company_id: str, seen: Sequence[Sighting]) -> None:
        first = {each.native_id: each.at for each in sorted(seen, key=lambda each: each.at, reverse=True)}
        same = {"company_id": company_id, "connection_id": connection_id}
        kept = upsert(participants).values([{**same, "native_id": key, "since": at} for key, at in first.items()])
        earlier = kept.on_conflict_do_update(
            index_elements=["company_id", "connection_id", "native_id"],
            set_={"since": kept.excluded.since},
            where=p.since > kept.excluded.since,
        )
        self._connection.execute(earlier)

    def names(self, connection_id: UUID) -> dict[str, str]:
        query = select(c.native_id, c.shown_as).where(c.connection_id == connection_id, c.shown_as != "")
        return {row.native_id: row.shown_as for row in self._connection.execute(query)}

    def known(self, connection_id: UUID) -> list[KnownIdentity]:
        query = select(identities).where(c.connection_id == connection_id).order_by(c.native_id)
        return [KnownIdentity.model_validate(row._asdict()) for row in self._connection.execute(query)]

    def of(self, company_id: str) -> list[Participant]:
        same = (c.connection_id == p.connection_id) & (c.native_id == p.native_id)
        query = select(identities, p.since, connections.c.source).join(participants, same)
        query = query.join(connections, connections.c.id == c.connection_id).where(p.company_id == company_id)
        rows = self._connection.execute(query.order_by(c.connection_id, c.native_id))
        return [Participant.model_validate(row._asdict()) for row in rows]

    def companies(self) -> list[str]:
        return list(self._connection.scalars(select(p.company_id).distinct().order_by(p.company_id)))

    def decide(self, decision: Decision) -> None:
        row = {
            "id": decision.id,
            **decision.model_dump(exclude={"one", "other"}),
            **_columns("one", decision.one),
            **_columns("other", decision.other),
        }
        kept = upsert(person_decisions).values(**row)
        new = {name: row[name] for name in ("verdict", "reason", "who", "at")}
        self._connection.execute(kept.on_conflict_do_update(index_elements=["id"], set_=new))

    def withdraw(self, decision_id: UUID) -> bool:
        return self._connection.execute(delete(person_decisions).where(d.id == decision_id)).rowcount > 0

    def decisions(self, company_id: str) -> list[Decision]:
        query = select(person_decisions).where(d.company_id == company_id).order_by(d.at, d.id)
        return [_decision(row) for row in self._connection.execute(query)]

    def forget(self, company_id: str, keys: Collection[IdentityKey]) -> int:
        """Decisions go with their participants, by the schema."""
        if not keys:
            return 0
        mine = tuple_(p.connection_id, p.native_id).in_(list(keys))
        left = self._connection.execute(delete(participants).where(p.company_id == company_id, mine)).rowcount
        self._delete(tuple_(c.connection_id, c.native_id).in_(list(keys)))
        return left

    def forget_strangers(self, connection_id: UUID) -> None:
        self._delete(c.connection_id == connection_id)

    def _delete(self, theirs: ColumnElement[bool]) -> None:
        """Those of them that are no company's."""
        is_known = exists().where(p.connection_id == c.connection_id, p.native_id == c.native_id)
        self._connection.execute(delete(identities).where(theirs, ~is_known))

    def forget_all(self, connection_id: UUID) -> None:
        self._connection.execute(delete(identities).where(c.connection_id == connection_id))


def _columns(which: str, key: IdentityKey) -> dict[str, Any]:
    return {f"{which}_connection": key.connection_id, f"{which}_id": key.native_id}


def _decision(row: Row[Any]) -> Decision:
    values = row._asdict()
    return Decision.model_validate(
        {
            **{name: values[name] for name in ("company_id", "verdict", "reason", "who", "at")},
            "one": IdentityKey(values["one_connection"], values["one_id"]),
            "other": IdentityKey(values["other_connection"], values["other_id"]),
        }
    )
