"""`/api/v1/companies/{company_id}/series`: a company's figures over time."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field

from sago.api.access import Reader
from sago.api.moments import AsOf, Instant, moment_of
from sago.api.paging import PageQuery, cursor_of_parts, moment_in, parts_of, wrong_cursor
from sago.api.problems import answers
from sago.api.routes.companies import CompanyInPath
from sago.api.routes.data_flow import Wired
from sago.api.shapes.series import PointShown, SeriesShown
from sago.domain.metrics import METRICS
from sago.domain.readings import PointPlace, SeriesAsked

router = APIRouter(prefix="/api/v1/companies", tags=["companies"])


def _known(metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"is no metric: there are {', '.join(METRICS)}")
    return metric


class SeriesQuery(PageQuery):
    """Which figures."""

    metric: Annotated[str, AfterValidator(_known)] | None = Field(
        None, description="Of this metric alone.", json_schema_extra={"examples": ["arr"], "enum": [*METRICS, None]}
    )
    since: Instant | None = Field(None, description="True at this moment or later.")
    until: Instant | None = Field(None, description="True before this moment.")
    as_of: AsOf | None = Field(None, description="As they were known at the end of this day (UTC), or at this moment.")


@router.get("/{company_id}/series", responses=answers(404, 422, 503))
def show_series(
    caller: Reader, container: Wired, company_id: CompanyInPath, query: Annotated[SeriesQuery, Query()]
) -> SeriesShown:
    """A company's figures, oldest first by when they were true: as they were said, or the band each lies in.

    With `as_of` as they were known then, in the way of `GET /api/v1/events`.
    """
    after = _point_place(query.cursor) if query.cursor else None
    asked = SeriesAsked(company_id, query.metric, query.since, query.until, after, query.limit)
    reading = container.firm_reading
    if query.as_of is None:
        found = reading.series(caller.firm_id, asked)
    else:
        found = reading.series_as_of(caller.firm_id, asked, moment_of(query.as_of, container.clock.now()))
    last = found.last
    more = cursor_of_parts(last.as_of.isoformat(), last.metric, str(last.event_id), last.unit) if last else None
    return SeriesShown(items=[PointShown.of(each) for each in found.points], next=more, granularity=found.granularity)


def _point_place(cursor: str) -> PointPlace:
    as_of, metric, event_id, unit = parts_of(cursor, 4)
    try:
        return PointPlace(moment_in(as_of), metric, UUID(event_id), unit)
    except ValueError:
        raise wrong_cursor() from None
