"""Companies, and the share and watch each begins with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.companies import Company
from sago.errors import PermanentError
from sago.stores.defaults import default_company, default_share, default_watch
from sago.stores.postgres.outreach import PostgresOutreach
from sago.stores.postgres.shares import share_row
from sago.stores.postgres.tables import companies, shares

FIELDS = [companies.c[name] for name in Company.model_fields]


class PostgresCompanies:
    """The `CompanyStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure(self, company_id: str, now: datetime) -> Company:
        known = self.get(company_id)
        if known is None:
            self.ensure_all([company_id], now)
        return known or self.get(company_id) or default_company(company_id)

    def ensure_all(self, company_ids: Collection[str], now: datetime) -> None:
        known = select(companies.c.company_id).where(companies.c.company_id.in_(list(company_ids)))
        if missing := set(company_ids) - set(self._connection.scalars(known)):
            made = self._insert(sorted(missing), now)
            self._share(made, now)
            PostgresOutreach(self._connection).add_watches([default_watch(company_id, now) for company_id in made])

    def _insert(self, company_ids: Sequence[str], now: datetime) -> list[str]:
        """In the order given: two that make the same companies then wait, and never deadlock. Those made by us."""
        rows = [default_company(company_id).model_dump() | {"created_at": now} for company_id in company_ids]
        made = upsert(companies).on_conflict_do_nothing().returning(companies.c.company_id)
        return list(self._connection.scalars(made, rows))

    def _share(self, company_ids: Sequence[str], now: datetime) -> None:
        if company_ids:
            rows = [share_row(default_share(company_id, now)) for company_id in company_ids]
            self._connection.execute(upsert(shares).on_conflict_do_nothing(), rows)

    def save(self, company: Company) -> None:
        """Raises PermanentError when the company is unknown."""
        row = update(companies).where(companies.c.company_id == company.company_id)
        if self._connection.execute(row.values(**company.model_dump())).rowcount == 0:
            raise PermanentError(f"company {company.company_id}: unknown")

    def get(self, company_id: str) -> Company | None:
        query = select(*FIELDS).where(companies.c.company_id == company_id)
        row = self._connection.execute(query).one_or_none()
        return Company.model_validate(row._asdict()) if row else None

    def all(self) -> list[Company]:
        rows = self._connection.execute(select(*FIELDS).order_by(companies.c.company_id))
        return [Company.model_validate(row._asdict()) for row in rows]
