"""Companies, the people around them, and how far their words may go."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from sago.domain.messages import CompanyId

DEFAULT_FIRM = "default"


class ModelPolicy(StrEnum):
    """Where a company's messages may be read: only here, on the house's own servers, or at a vendor's."""

    OFFLINE = "offline"
    OWN_HOUSE = "own_house"
    VENDOR = "vendor"

    def allows(self, place: ModelPolicy) -> bool:
        """Whether text under this policy may go to a model at `place`: to that far, or nearer."""
        order = list(ModelPolicy)
        return order.index(place) <= order.index(self)


class Company(BaseModel):
    """A company whose messages are watched; `founder` signs letters in its name."""

    model_config = ConfigDict(frozen=True)

    company_id: CompanyId
    name: str
    founder: str | None = None
    founder_title: str = "CEO"
    founder_email: str | None = None
    model_policy: ModelPolicy = ModelPolicy.OFFLINE


class Person(BaseModel):
    """A name with an address, as in `Dana Reed <dana@northgate.example>`."""

    model_config = ConfigDict(frozen=True)

    name: str
    email: str | None = None
