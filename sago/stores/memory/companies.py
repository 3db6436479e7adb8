"""The `CompanyStore` in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sago.domain.companies import DEFAULT_FIRM, Company
from sago.errors import PermanentError
from sago.stores.defaults import default_company, default_share, default_watch
from sago.stores.memory.state import State


class MemoryCompanies:
    """Companies of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def ensure(self, company_id: str, now: datetime) -> Company:
        if company_id not in self._state.companies:
            self._state.companies[company_id] = default_company(company_id)
            self._state.shares.setdefault((DEFAULT_FIRM, company_id), default_share(company_id, now))
            watch = default_watch(company_id, now)
            self._state.watches[watch.id] = watch
        return self._state.companies[company_id]

    def ensure_all(self, company_ids: Collection[str], now: datetime) -> None:
        for company_id in company_ids:
            self.ensure(company_id, now)

    def save(self, company: Company) -> None:
        """Raises PermanentError when the company is unknown."""
        if company.company_id not in self._state.companies:
            raise PermanentError(f"company {company.company_id}: unknown")
        self._state.companies[company.company_id] = company

    def get(self, company_id: str) -> Company | None:
        return self._state.companies.get(company_id)

    def all(self) -> list[Company]:
        return [company for _, company in sorted(self._state.companies.items())]
