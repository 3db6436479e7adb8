"""`/api/v1/watches`: why a firm said no, what it waits for, and whether that has come."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from sago.api.access import Reader, Writer
from sago.api.bodies import described, json_of
from sago.api.desk import read_long
from sago.api.idempotency import REPLAYED, RequestKey
from sago.api.paging import Paged, PageQuery, cursor_of, page_of, place_of
from sago.api.problems import answers
from sago.api.routes.data_flow import Wired
from sago.api.shapes.watches import WATCH, WatchRead, WatchSent, WatchShown
from sago.domain.messages import COMPANY_ID

router = APIRouter(prefix="/api/v1/watches", tags=["watches"])

SENT = {name: WATCH[name] for name in ("company_id", "conditions", "reason", "met_on", "investor")}


class WatchQuery(PageQuery):
    """Which watches."""

    company_id: str | None = Field(None, pattern=COMPANY_ID, description="Of this company alone.")


@router.get("", responses=answers(422, 503))
def list_watches(caller: Reader, container: Wired, query: Annotated[WatchQuery, Query()]) -> Paged[WatchShown]:
    """What the firm waits for, oldest first; also of companies that share nothing with it any more."""
    after = place_of("watches", query.cursor)
    found = container.firm_watches(caller.firm_id, caller.who).watches(query.company_id, after, query.limit + 1)
    return page_of(found, query.limit, WatchShown.of, lambda watch: cursor_of("watches", watch.created_at, watch.id))


@router.get("/{watch_id}", responses=answers(404, 422, 503))
async def show_watch(caller: Reader, container: Wired, watch_id: UUID, request: Request) -> WatchRead:
    """A watch with its verdict as of now: whether each condition holds, what is missing, and the proof.

    It is judged on what the founder shares with the firm, and on nothing else.
    """
    explain = partial(container.firm_watches(caller.firm_id, caller.who).explain, watch_id)
    return WatchRead.explained(await read_long(request, caller.firm_id, explain))


@router.post(
    "",
    status_code=201,
    responses=answers(404, 408, 409, 413, 415, 422, 503),
    openapi_extra=described(WatchSent, watch=SENT),
)
def add_watch(
    caller: Writer,
    key: RequestKey,
    sent: Annotated[WatchSent, Depends(json_of(WatchSent))],
    container: Wired,
    response: Response,
) -> WatchShown:
    """Remember why you said no, and what would change your mind. Letters of it go to the founder.

    With an `Idempotency-Key` the same request again gives the same watch, with `Idempotency-Replayed: true`; 422 where
    another body comes under the key, 409 where its watch was removed since. Without one each request makes a watch. A
    firm keeps at most 50 of a company (`outreach.watches`): one more is a 409, until one is removed.
    """
    watch, is_again = container.firm_watches(caller.firm_id, caller.who).add(sent.asked, key)
    if is_again:
        response.headers[REPLAYED] = "true"
    response.headers["Location"] = f"{router.prefix}/{watch.id}"
    return WatchShown.of(watch)


@router.delete("/{watch_id}", status_code=204, responses=answers(404, 422, 503))
def remove_watch(caller: Writer, container: Wired, watch_id: UUID) -> None:
    """Wait no more; again has no further effect. Letters that were written stay."""
    container.firm_watches(caller.firm_id, caller.who).remove(watch_id)
