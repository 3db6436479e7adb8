"""`/api/v1/companies/{company_id}/series`: a company's figures over time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, Field
from starlette.concurrency import run_in_threadpool

from sago.api.access import Reader
from sago.api.desk import read_long
from sago.api.moments import AsOf, Since, Until, moment_of
from sago.api.paging import PageQuery, moment_in
from sago.api.problems import answers
from sago.api.routes.companies import CompanyInPath
from sago.api.routes.data_flow import Wired
from sago.api.sealing import Sealed
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
    since: Since | None = Field(None, description="True at this moment or later; a day from its begin (UTC).")
    until: Until | None = Field(None, description="True before this moment; a day until it is over.")
    as_of: AsOf | None = Field(None, description="As they were known at the end of this day (UTC), or at this moment.")


@router.get("/{company_id}/series", responses=answers(404, 422, 503))
async def list_series_of_company(
    caller: Reader,
    container: Wired,
    company_id: CompanyInPath,
    query: Annotated[SeriesQuery, Query()],
    request: Request,
) -> SeriesShown:
    """A company's figures, oldest first by when they were true: as they were said, or the band each lies in.

    Where the share hides most of them a page looks at 1,000 and then ends: it may have few rows, or none, and a `next`
    that goes on. A `next` belongs to its own question: where another parameter than `limit` changes it is a 422. With
    `as_of` as they were known then, in the way of `GET /api/v1/events`.
    """
    seal = await run_in_threadpool(lambda: container.keyring.seal)
    words = [caller.firm_id, company_id, *(str(each) for each in (query.metric, query.since, query.until, query.as_of))]
    cursors = Sealed(seal, "series", *words)
    after, skip = _place_in(cursors.opened(query.cursor, 5)) if query.cursor else (None, 0)
    asked = SeriesAsked(company_id, query.metric, query.since, query.until, after, query.limit, skip=skip)
    reading = container.firm_reading
    if query.as_of is None:
        found = await run_in_threadpool(reading.series, caller.firm_id, asked)
    else:
        moment = moment_of(query.as_of, container.clock.now())
        found = await read_long(request, caller.firm_id, partial(reading.series_as_of, caller.firm_id, asked, moment))
    more = cursors.cursor_of(*_words(found.last, found.skip)) if found.last else None
    return SeriesShown(items=[PointShown.of(each) for each in found.points], next=more, granularity=found.granularity)


def _words(last: PointPlace, skip: int) -> list[str]:
    return [last.as_of.isoformat(), last.metric, str(last.event_id), last.unit, str(skip)]


def _place_in(words: Sequence[str]) -> tuple[PointPlace, int]:
    as_of, metric, event_id, unit, skip = words
    return PointPlace(moment_in(as_of), metric, UUID(event_id), unit), int(skip)
