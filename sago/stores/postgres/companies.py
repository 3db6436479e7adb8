"""Companies, and the share and watch each begins with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from sago.domain.outreach import DEFAULT_FIRM, Company
from sago.errors import PermanentError
from sago.stores.defaults import EVERY_SOURCE, default_company, default_watch
from sago.stores.postgres.outreach import PostgresOutreach
from sago.stores.postgres.tables import companies, shares

FIELDS = [companies.c[name] for name in Company.model_fields]


class PostgresCompanies:
    """The `CompanyStore` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ensure(self, company_id: str, now: datetime) -> Company:
        known = self.get(company_id)
        if known is not None:
            return known
        company = default_company(company_id)
        row = upsert(companies).values(**company.model_dump(), created_at=now).on_conflict_do_nothing()
        if self._connection.execute(row).rowcount == 1:
            self._share(company_id, now)
            PostgresOutreach(self._connection).add_watch(default_watch(company_id, now))
        return self.get(company_id) or company

    def _share(self, company_id: str, now: datetime) -> None:
        share = upsert(shares).values(
            firm_id=DEFAULT_FIRM, company_id=company_id, sources=[EVERY_SOURCE], granularity="exact", created_at=now
        )
        self._connection.execute(share.on_conflict_do_nothing())

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
