"""Companies, the people around them, and how far their words may go."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from sago.domain.messages import CompanyId, Moment

DEFAULT_FIRM = "default"
EVERY_SOURCE = "*"
"""In a share's sources: whatever source there is."""


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
    founder_title: str = ""
    """Under letters of theirs; nothing stands there where nobody said it."""
    founder_email: str | None = None
    model_policy: ModelPolicy = ModelPolicy.OFFLINE


class Person(BaseModel):
    """A name with an address, as in `Dana Reed <dana@northgate.example>`."""

    model_config = ConfigDict(frozen=True)

    name: str
    email: str | None = None


def firm_id_of(name: str) -> str:
    """`northgate-capital` of `Northgate Capital`: however it is written; empty where nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:64]


class Granularity(StrEnum):
    """How exactly a firm sees a company's figures: as they were said, as the band they lie in, or not at all."""

    EXACT = "exact"
    BANDS = "bands"
    NONE = "none"


class ShareKind(NamedTuple):
    """What of an event's words shares show, alike for all shares of one kind."""

    granularity: Granularity
    sources: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """Whether they show all of them, as they were said."""
        return self.granularity is Granularity.EXACT and EVERY_SOURCE in self.sources

    def covers(self, source: str) -> bool:
        """Whether messages of this source are shared."""
        return EVERY_SOURCE in self.sources or source in self.sources


class Share(BaseModel):
    """One row of `shares`: what a founder lets one firm see of the company, and until when."""

    model_config = ConfigDict(frozen=True)

    firm_id: str
    company_id: CompanyId
    sources: tuple[str, ...] = (EVERY_SOURCE,)
    granularity: Granularity = Granularity.EXACT
    until: Moment | None = None
    created_at: Moment

    @property
    def name(self) -> str:
        """As the audit log names it: `northgate/scaleflow`."""
        return f"{self.firm_id}/{self.company_id}"

    @property
    def kind(self) -> ShareKind:
        """What it has in common with shares that show the same words."""
        return ShareKind(self.granularity, self.sources)

    def holds_at(self, moment: datetime) -> bool:
        """Whether it has not ended by then."""
        return self.until is None or moment < self.until

    def shows_all_of(self, other: Share) -> bool:
        """Whether nothing that the other share of the two shows is hidden by this one."""
        exactness = list(Granularity)
        lasts = self.until is None or (other.until is not None and other.until <= self.until)
        as_exact = exactness.index(self.granularity) <= exactness.index(other.granularity)
        return lasts and as_exact and all(self.covers(source) for source in other.sources)

    def covers(self, source: str) -> bool:
        """Whether messages of this source are shared."""
        return self.kind.covers(source)
