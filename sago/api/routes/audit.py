"""`/api/v1/audit`: what was done in a firm's name, or to what founders share with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from sago.api.access import Reader
from sago.api.paging import Paged, PageQuery, cursor_of, page_of, place_of
from sago.api.problems import answers
from sago.api.routes.data_flow import Wired
from sago.api.shapes.audit import AuditShown, action_kept
from sago.domain.pages import AuditAsked
from sago.outreach.firm_words import told_line

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


class AuditQuery(PageQuery):
    """Which lines."""

    action: str | None = Field(
        None, max_length=100, pattern=r"^[^\x00]*$", description="Of this action alone.", examples=["letter.approved"]
    )
    subject: str | None = Field(None, max_length=200, pattern=r"^[^\x00]*$", description="Of this subject alone.")

    @property
    def asked(self) -> AuditAsked:
        """As the view is asked, for one line more than the page has."""
        place = place_of("audit", self.cursor)
        return AuditAsked(action_kept(self.action), self.subject, place.row if place else None, self.limit + 1)


@router.get("", responses=answers(422, 503))
def list_audit_log(caller: Reader, container: Wired, query: Annotated[AuditQuery, Query()]) -> Paged[AuditShown]:
    """The firm's audit log, newest first. Lines on letters of a company go with its share."""
    with container.tenants.view(caller.firm_id) as view:
        found = [told_line(line, caller.firm_id) for line in view.audit(query.asked)]
    return page_of(found, query.limit, AuditShown.of, lambda line: cursor_of("audit", line.at, line.id))
