"""Who reads whose messages: the one place that decides whether a company's text leaves the house."""

from __future__ import annotations

from dataclasses import dataclass

from sago.domain.outreach import Company, ModelPolicy
from sago.ports import Model


@dataclass(frozen=True)
class Gateway:
    """The `Models` port: the configured model where a company's policy lets its text go that far, else `in_house`."""

    configured: Model
    in_house: Model

    def for_company(self, company: Company | None) -> Model:
        """Never raises. A company that is not known has the default policy: its text stays here."""
        policy = company.model_policy if company else ModelPolicy.OFFLINE
        return self.configured if policy.allows(self.configured.place) else self.in_house
