"""`/api/v1/shares`: what founders let firms see. A firm lists its own; the house gives them; a founder's key
looks, changes, ends and gives anew those of its company."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Security

from sago.api.access import Caller, Calling, Reader
from sago.api.bodies import described, json_of
from sago.api.desk import end_long, read_long
from sago.api.paging import Paged, PageQuery, cursor_of_parts, page_of, parts_of
from sago.api.problems import answers
from sago.api.routes.companies import CompanyInPath
from sago.api.routes.data_flow import Wired
from sago.api.shapes.shares import (
    PREVIEWED,
    GivenShare,
    LeftShown,
    PreviewShown,
    Revocation,
    RevokedShown,
    ShareAsked,
    ShareShown,
    ShareWish,
)
from sago.domain.companies import Share
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
ACT = answers(404, 408, 409, 413, 415, 422, 503)


async def for_the_company(caller: Calling, company_id: CompanyInPath) -> Caller:
    """Whose key opens the shares of this company: a founder's, or the house's."""
    caller.require(SHARE, company_id)
    return caller


Founder = Annotated[Caller, Security(for_the_company, scopes=[f"{SHARE}:COMPANY"])]


@router.get("", responses=answers(422, 503))
def list_shares(caller: Reader, container: Wired, query: Annotated[PageQuery, Query()]) -> Paged[ShareShown]:
    """What founders share with the firm that asks, by company, ended shares too."""
    after = parts_of("shares", query.cursor, 1)[0] if query.cursor else ""
    with container.tenants.view(caller.firm_id) as view:
        found = [share for share in view.shares() if share.company_id > after]
    shown = partial(ShareShown.of, now=container.clock.now())
    return page_of(found, query.limit, shown, lambda share: cursor_of_parts("shares", share.company_id))


@router.get("/{company_id}", responses=answers(404, 422, 503))
def list_shares_of_company(_: Founder, company_id: CompanyInPath, container: Wired) -> list[GivenShare]:
    """Who sees a company, by firm, ended shares too."""
    now = container.clock.now()
    return [GivenShare.given(each, now) for each in container.giving.of(company_id)]


@router.get("/{company_id}/{firm_id}/preview", responses=answers(404, 422, 503))
async def preview_share(
    caller: Founder,
    company_id: CompanyInPath,
    firm_id: FirmInPath,
    container: Wired,
    query: Annotated[ShareWish, Query()],
    request: Request,
) -> PreviewShown:
    """Exactly what the firm would see: how much in all, and the latest of it.

    With none of the three parameters: by the share that it has.
    """
    wish = query.wish(set(container.settings.kafka.topics), container.clock.now())
    look = partial(container.giving.preview, company_id, firm_id, wish, PREVIEWED)
    return PreviewShown.of(await read_long(request, caller.who, look))


@router.put("/{company_id}/{firm_id}", responses=ACT, openapi_extra=described(ShareAsked))
def give_share(
    caller: Founder,
    company_id: CompanyInPath,
    firm_id: FirmInPath,
    container: Wired,
    sent: Annotated[ShareAsked, Depends(json_of(ShareAsked))],
) -> GivenShare:
    """Let a firm see the company, in place of what it saw before. The same again changes nothing. Preview it first.

    The first share with a firm is the house's to give (`share:*`), which knows who that is. To a key of that company
    alone every other firm is a 409, known here or not; from then on it changes the share, and gives it anew.
    """
    now = container.clock.now()
    wish = sent.wish(set(container.settings.kafka.topics), now)
    give = container.giving.give
    given = give(company_id, firm_id, sent.called(firm_id), wish, caller.who, begins=caller.is_house)
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
    is 503, and it goes on; asked again it ends what is left. What does not get its turn, with a 429 too, is done within
    the hour. The same again changes nothing. Given anew before its turn came it stays as given, and that is a 409.
    """
    ending = container.ending

    def end(share: Share) -> RevokedShown:
        done = ending.end(share, caller.who, sent.because)
        proof = ending.proof(firm_id, company_id)
        return RevokedShown.of(done, proof, container.clock.now(), is_counted=caller.is_house)

    begin = partial(ending.begin, firm_id, company_id, caller.who, sent.because)
    ended = await request.app.state.desk.answer(begin, container.settings.api.answer_within)
    return await end_long(request, caller.who, partial(end, ended))


@router.get("/{company_id}/{firm_id}/left", responses=answers(404, 409, 422, 503))
async def verify_revoked_share(
    caller: Founder, company_id: CompanyInPath, firm_id: FirmInPath, container: Wired, request: Request
) -> LeftShown:
    """What is left of a share that was revoked: looked for in every store. While it holds, 409.

    How much it is, is told to the house alone (`share:*`): what came of it for a firm is the firm's.
    """
    look = partial(container.ending.proof_of_end, firm_id, company_id)
    proof = await end_long(request, caller.who, look)
    return LeftShown.of(proof, is_counted=caller.is_house)
