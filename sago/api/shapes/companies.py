"""Companies, and how much of them is shared."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from sago.domain.companies import Granularity
from sago.domain.readings import SharedCompany


class Founder(BaseModel):
    """Who speaks for a company."""

    name: str = Field(examples=["Alex Reyes"])
    title: str = Field(description="Empty where nobody said it.", examples=["CEO"])


class ShareSeen(BaseModel):
    """What the founder lets this firm see."""

    sources: list[str] = Field(description="`*` is every source.", examples=[["slack", "gmail"]])
    granularity: Granularity = Field(
        description="`exact`: figures as they were said; `bands`: the band each lies in; `none`: without figures."
    )
    until: datetime | None = Field(description="The first moment at which it does not hold; null: it has no end.")


class CompanyShown(BaseModel):
    """A company whose founder shares it with this firm."""

    id: str = Field(examples=["scaleflow"])
    name: str = Field(examples=["ScaleFlow"])
    founder: Founder | None = Field(description="Null where nobody said who it is.")
    share: ShareSeen

    @classmethod
    def of(cls, seen: SharedCompany) -> Self:
        """Of what the use case returns."""
        company, share = seen
        founder = Founder(name=company.founder, title=company.founder_title) if company.founder else None
        told = ShareSeen(sources=list(share.sources), granularity=share.granularity, until=share.until)
        return cls(id=company.company_id, name=company.name, founder=founder, share=told)
