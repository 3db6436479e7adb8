"""Firms, and what founders let them see."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.companies import Granularity, Share, ShareKind
from sago.errors import PermanentError
from sago.ports import SHARE_ERASED
from sago.stores.postgres.tables import audit_log, companies, firms, shares


class PostgresShares:
    """The `ShareStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure_firm(self, firm_id: str, name: str) -> None:
        self._connection.execute(upsert(firms).values(id=firm_id, name=name).on_conflict_do_nothing())

    def firms(self) -> dict[str, str]:
        rows = self._connection.execute(select(firms.c.id, firms.c.name).order_by(firms.c.id))
        return {row.id: row.name for row in rows}

    def of(self, *company_ids: str) -> list[Share]:
        theirs = select(shares).where(shares.c.company_id.in_(sorted(company_ids)))
        return self._found(theirs.order_by(shares.c.company_id, shares.c.firm_id)) if company_ids else []

    def get(self, firm_id: str, company_id: str) -> Share | None:
        query = select(shares).where(shares.c.firm_id == firm_id, shares.c.company_id == company_id)
        return next(iter(self._found(query)), None)

    def ended(self, by: datetime) -> list[Share]:
        name = shares.c.firm_id + "/" + shares.c.company_id
        since = func.greatest(shares.c.until, shares.c.created_at)
        line = and_(audit_log.c.subject == name, audit_log.c.action == SHARE_ERASED, audit_log.c.at >= since)
        open_ends = select(shares).where(shares.c.until <= by, ~select(audit_log).where(line).exists())
        return self._found(open_ends.order_by(shares.c.until, shares.c.company_id, shares.c.firm_id))

    def kinds(self, now: datetime) -> list[tuple[str, ShareKind]]:
        c = shares.c
        holds = or_(c.until.is_(None), c.until > now)
        query = select(c.company_id, c.granularity, c.sources).where(holds).distinct()
        rows = self._connection.execute(query.order_by(c.company_id, c.granularity, c.sources))
        found = [(row.company_id, ShareKind(Granularity(row.granularity), tuple(row.sources))) for row in rows]
        return [(company_id, kind) for company_id, kind in found if not kind.is_whole]

    def put(self, share: Share) -> None:
        firm, company = firms.c.id == share.firm_id, companies.c.company_id == share.company_id
        if self._connection.scalar(select(firms.c.id).where(firm, select(companies).where(company).exists())) is None:
            raise PermanentError(f"share of {share.company_id} with {share.firm_id}: one of them is not known")
        row = share_row(share)
        replaced = upsert(shares).values(**row)
        self._connection.execute(replaced.on_conflict_do_update(index_elements=["firm_id", "company_id"], set_=row))

    def _found(self, query: Select[Any]) -> list[Share]:
        return [Share.model_validate(row._asdict()) for row in self._connection.execute(query)]


def share_row(share: Share) -> dict[str, Any]:
    """The share as its row."""
    return share.model_dump() | {"sources": list(share.sources)}
