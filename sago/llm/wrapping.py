"""What a model around another one leaves as it is."""

from __future__ import annotations

from dataclasses import dataclass

from sago.domain.companies import ModelPolicy
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.reasons import ReasonRequest, Suggestions
from sago.ports import Model


@dataclass(frozen=True)
class Wrapping:
    """The part of a `Model` that the one inside decides: who it is, how far text goes, its letters and
    its proposals."""

    model: Model

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def version(self) -> str:
        return self.model.version

    @property
    def place(self) -> ModelPolicy:
        return self.model.place

    def compose(self, request: LetterRequest) -> LetterDraft:
        """As the model's."""
        return self.model.compose(request)

    def propose(self, request: ReasonRequest) -> Suggestions:
        """As the model's."""
        return self.model.propose(request)
