"""Whether a company lets its messages go to a model outside the house: kept with the company, seen by every worker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sago.domain.companies import ModelPolicy
from sago.ports import Clock, Database


@dataclass(frozen=True)
class Consent:
    """The use case behind `--allow-model` and `--forbid-model`. A company that is not known has the default policy."""

    database: Database
    clock: Clock

    def missing(self, companies: Iterable[str], place: ModelPolicy) -> dict[str, ModelPolicy]:
        """The companies whose policy does not let text go to `place`, by id, with that policy."""
        with self.database.begin() as tx:
            known = {company_id: tx.companies.get(company_id) for company_id in sorted(set(companies))}
        policies = {
            company_id: company.model_policy if company else ModelPolicy.OFFLINE
            for company_id, company in known.items()
        }
        return {company_id: policy for company_id, policy in policies.items() if not policy.allows(place)}

    def give(self, companies: Iterable[str], place: ModelPolicy) -> list[str]:
        """Let text go to `place`; the companies that had not allowed it. A policy that allows more stays."""
        return self._save(self.missing(companies, place), place)

    def take_back(self, companies: Iterable[str]) -> list[str]:
        """Let no text out of the house; the companies that had allowed it."""
        return self._save(companies, ModelPolicy.OFFLINE)

    def _save(self, companies: Iterable[str], policy: ModelPolicy) -> list[str]:
        now, changed = self.clock.now(), []
        with self.database.begin() as tx:
            for company_id in sorted(set(companies)):
                company = tx.companies.ensure(company_id, now)
                if company.model_policy is not policy:
                    tx.companies.save(company.model_copy(update={"model_policy": policy}))
                    changed.append(company_id)
        return changed
