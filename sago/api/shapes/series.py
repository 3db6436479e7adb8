"""Figures of a company over time."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from sago.api.paging import Paged
from sago.domain.bands import BandPoint
from sago.domain.companies import Granularity
from sago.domain.events import MetricPoint


class BandShown(BaseModel):
    """All values from `low` up to, not including, `high`."""

    low: float = Field(examples=[2000000.0])
    high: float = Field(examples=[5000000.0])
    text: str = Field(examples=["$2M–5M"])


class PointShown(BaseModel):
    """One figure, or the band it lies in."""

    metric: str = Field(examples=["arr"])
    value: float | None = Field(description="Null where figures are shared in bands.", examples=[2100000.0])
    band: BandShown | None = Field(description="Null where figures are shared as they were said.")
    unit: str = Field(examples=["USD"])
    as_of: datetime = Field(description="When it was true: the end of the month that its proof names, else `said_at`.")
    said_at: datetime
    event_id: UUID = Field(description="The event that states it.")

    @classmethod
    def of(cls, point: MetricPoint | BandPoint) -> Self:
        """Of what the use case returns; a band must be told."""
        told = {"metric": point.metric, "as_of": point.as_of, "said_at": point.said_at, "event_id": point.event_id}
        if isinstance(point, MetricPoint):
            return cls(**told, value=point.value, unit=point.unit, band=None)
        if point.band is None:
            raise ValueError("no band is told")
        band = BandShown(low=point.band.low, high=point.band.high, text=point.band.text)
        return cls(**told, value=None, unit=point.band.unit, band=band)


class SeriesShown(Paged[PointShown]):
    """A page of figures, oldest first."""

    granularity: Granularity = Field(description="How exactly figures are shared; of `none` there are no points.")
