"""Who reads whose messages: the one place that decides whether a company's text leaves the house, and whether a model
that does not answer is asked at all."""

from __future__ import annotations

from dataclasses import dataclass

from sago.domain.batches import ExtractionRequest
from sago.domain.events import Finding
from sago.domain.outreach import Company, LetterDraft, LetterRequest, ModelPolicy
from sago.ports import Breakers, Model


@dataclass(frozen=True)
class Gateway:
    """The `Models` port: the configured model where a company's policy lets its text go that far, else `in_house`."""

    configured: Model
    in_house: Model

    def for_company(self, company: Company | None) -> Model:
        """Never raises. A company that is not known has the default policy: its text stays here."""
        policy = company.model_policy if company else ModelPolicy.OFFLINE
        return self.configured if policy.allows(self.configured.place) else self.in_house


@dataclass(frozen=True)
class Guarded:
    """A `Model` behind its breaker: chunks and letters share it, over all processes."""

    model: Model
    breakers: Breakers
    breaker: str

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def version(self) -> str:
        return self.model.version

    @property
    def place(self) -> ModelPolicy:
        return self.model.place

    def extract(self, request: ExtractionRequest) -> list[Finding]:
        """As the model's; TransientError with `retry_after` while its breaker is open."""
        return self.breakers.call(self.breaker, lambda: self.model.extract(request))

    def compose(self, request: LetterRequest) -> LetterDraft:
        """As the model's; TransientError with `retry_after` while its breaker is open."""
        return self.breakers.call(self.breaker, lambda: self.model.compose(request))
