"""`/api/v1/companies`: those whose founders share with the firm that asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from sago.api.access import Reader
from sago.api.paging import Paged, PageQuery, cursor_of_parts, page_of, parts_of
from sago.api.problems import answers
from sago.api.routes.data_flow import Wired
from sago.api.shapes.companies import CompanyShown
from sago.domain.messages import COMPANY_ID

router = APIRouter(prefix="/api/v1/companies", tags=["companies"])

CompanyInPath = Annotated[str, Path(pattern=COMPANY_ID, description="As `GET /api/v1/companies` has it.")]


@router.get("", responses=answers(422, 503))
def list_companies(caller: Reader, container: Wired, query: Annotated[PageQuery, Query()]) -> Paged[CompanyShown]:
    """Companies whose share holds now, by id; one whose share has ended is there no more."""
    after = parts_of("companies", query.cursor, 1)[0] if query.cursor else None
    found = container.firm_reading.companies(caller.firm_id, after, query.limit + 1)
    return page_of(
        found, query.limit, CompanyShown.of, lambda each: cursor_of_parts("companies", each.company.company_id)
    )


@router.get("/{company_id}", responses=answers(404, 422, 503))
def show_company(caller: Reader, container: Wired, company_id: CompanyInPath) -> CompanyShown:
    """One company, and how much of it is shared."""
    return CompanyShown.of(container.firm_reading.company(caller.firm_id, company_id))
