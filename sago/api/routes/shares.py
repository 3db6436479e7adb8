"""`/api/v1/shares`: what founders let firms see. A firm lists its own; a founder's key, or the house's, gives and ends
those of its company."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from sago.api.access import Caller, Calling, Reader
from sago.api.bodies import described, json_of
from sago.api.paging import Paged, PageQuery, cursor_of_parts, parts_of
from sago.api.problems import answers
from sago.api.routes.companies import CompanyInPath
from sago.api.routes.data_flow import Wired
from sago.api.shapes.shares import (
    GivenShare,
    LeftShown,
    PreviewShown,
    Revocation,
    RevokedShown,
    ShareAsked,
    ShareShown,
    ShareWish,
)
from sago.domain.keys import SHARE

router = APIRouter(prefix="/api/v1/shares", tags=["shares"])

FirmInPath = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9](-?[a-z0-9])*$",
        max_length=64,
        description="The firm's id, made of its name: `northgate-capital` of Northgate Capital.",
    ),
]
ACT = answers(404, 408, 413, 415, 422, 503)


async def for_the_company(caller: Calling, company_id: CompanyInPath) -> Caller:
    """Whose key gives and ends shares of this company."""
    caller.require(SHARE, company_id)
    return caller


Founder = Annotated[Caller, Depends(for_the_company)]


@router.get("", responses=answers(422, 503))
def list_shares(caller: Reader, container: Wired, query: Annotated[PageQuery, Query()]) -> Paged[ShareShown]:
    """What founders share with the firm that asks, by company, ended shares too."""
    after = parts_of(query.cursor, 1)[0] if query.cursor else ""
    with container.tenants.view(caller.firm_id) as view:
        found = [share for share in view.shares() if share.company_id > after]
    page, now = found[: query.limit], container.clock.now()
    more = cursor_of_parts(page[-1].company_id) if len(found) > query.limit else None
    return Paged(items=[ShareShown.of(share, now) for share in page], next=more)


@router.get("/{company_id}", responses=answers(404, 422, 503))
def list_given(_: Founder, company_id: CompanyInPath, container: Wired) -> list[GivenShare]:
    """Who sees a company, by firm, ended shares too; needs `share:COMPANY`, as all that follows."""
    now = container.clock.now()
    return [GivenShare.given(each, now) for each in container.giving.of(company_id)]


@router.get("/{company_id}/{firm_id}/preview", responses=answers(404, 422, 503))
def preview_share(
    _: Founder,
    company_id: CompanyInPath,
    firm_id: FirmInPath,
    container: Wired,
    query: Annotated[ShareWish, Query()],
) -> PreviewShown:
    """Exactly what the firm would see. With none of the three parameters: by the share that it has."""
    wish = query.wish(set(container.settings.kafka.topics), container.clock.now())
    return PreviewShown.of(container.giving.preview(company_id, firm_id, wish))


@router.put("/{company_id}/{firm_id}", responses=ACT, openapi_extra=described(ShareAsked))
def give_share(
    caller: Founder,
    company_id: CompanyInPath,
    firm_id: FirmInPath,
    container: Wired,
    sent: Annotated[ShareAsked, Depends(json_of(ShareAsked))],
) -> GivenShare:
    """Let a firm see the company, in place of what it saw before. The same again changes nothing. Preview it first."""
    now = container.clock.now()
    wish = sent.wish(set(container.settings.kafka.topics), now)
    given = container.giving.give(company_id, firm_id, sent.called(firm_id), wish, caller.who)
    return GivenShare.given(given, now)


@router.post("/{company_id}/{firm_id}/revoke", responses=ACT, openapi_extra=described(Revocation))
async def revoke_share(
    caller: Founder,
    company_id: CompanyInPath,
    firm_id: FirmInPath,
    container: Wired,
    request: Request,
    sent: Annotated[Revocation, Depends(json_of(Revocation))],
) -> RevokedShown:
    """End a share and erase what came of it, in every store, and the evidence that no other share covers. Cannot be
    undone.

    The firm sees nothing from the first moment. Where the rest takes longer than `api.answer_within` (20 s) the answer
    is 503, and it goes on; asked again it ends what is left. The same again changes nothing.
    """

    def end() -> RevokedShown:
        done = container.ending.end(firm_id, company_id, caller.who, sent.because)
        return RevokedShown.of(done, container.ending.proof(firm_id, company_id), container.clock.now())

    answer: RevokedShown = await request.app.state.desk.answer(end, container.settings.api.answer_within)
    return answer


@router.get("/{company_id}/{firm_id}/left", responses=answers(404, 422, 503))
async def verify_share(
    _: Founder, company_id: CompanyInPath, firm_id: FirmInPath, container: Wired, request: Request
) -> LeftShown:
    """What is left of a share that was revoked: looked for in every store."""
    within = container.settings.api.answer_within
    proof = await request.app.state.desk.answer(lambda: container.ending.proof(firm_id, company_id), within)
    return LeftShown.of(proof)
