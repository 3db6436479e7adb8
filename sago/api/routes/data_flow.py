"""`/api/v1/data-flow`: messages in, and how their way through the pipeline does.

Questions are asked in threads of their own, apart from those of ingest: they are answered while all of these wait for
Kafka.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from sago.api import intake
from sago.api.access import NEEDED, House, hands_in
from sago.api.examples import PARTLY_TAKEN, REQUEST_BODY
from sago.api.handing import Handing, small
from sago.api.idempotency import DESCRIBED, Once, key_in
from sago.api.intake import Receipt, body_of
from sago.api.problems import answers
from sago.api.sharing import Asked
from sago.bootstrap import Container
from sago.domain.keys import INGEST
from sago.domain.vitals import Health, Metrics

router = APIRouter(prefix="/api/v1/data-flow", tags=["data flow"])

PARTLY: dict[int | str, dict[str, Any]] = {
    207: {
        "model": Receipt,
        "description": "Some messages were taken, the others are under `errors`.",
        "content": {"application/json": {"example": PARTLY_TAKEN}},
    }
}


async def container_of(request: Request) -> Container:
    """The wiring of this process."""
    container: Container = request.app.state.container
    return container


Wired = Annotated[Container, Depends(container_of)]


@router.post(
    "/ingest",
    status_code=202,
    response_description="All messages were taken.",
    responses={**PARTLY, **answers(408, 409, 413, 415, 422, 503)},
    openapi_extra={"security": [NEEDED], "parameters": [DESCRIBED], "requestBody": REQUEST_BODY},
    response_model=Receipt,
)
async def ingest_messages(request: Request) -> Response:
    """Hand in one message, or a list of up to 1,000.

    The answer comes once the messages are safe. Handing in a message again has no further effect: its id says which
    it is. A message of a list that cannot be taken does not hold back the others. With an `Idempotency-Key` the same
    request again gets the first answer again; where that has more than 4 kB, what was refused is looked at anew.
    """
    caller, key = await hands_in(request), key_in(request)
    body = await body_of(request)
    container: Container = request.app.state.container
    company_id, now = container.settings.company_id, container.clock.now()

    async def take() -> Receipt:
        found = await small(len(body), lambda: intake.read(body, company_id, now, partial(caller.may, INGEST)))
        handing: Handing = request.app.state.handing
        conflicts = await handing.take([message for _, message in found.messages]) if found.messages else []
        return intake.conclude(found, conflicts, stored=container.reception.until_stored)

    receipt, replayed = await Once(container.replies, caller.who, key).answer(body, take, Receipt)
    status = 207 if receipt.errors else 202
    return Response(receipt.model_dump_json(), status, replayed, media_type="application/json")


@router.get("/health", responses=answers())
async def show_health(_: House, container: Wired, asked: Asked) -> Health:
    """What works, what lags and what waits.

    The status is 200 whatever is found: read `overall_status`, or ask `/health/ready` for a status code.
    """
    return await asked.answer(container.vitals.health)


@router.get("/metrics", responses=answers())
async def show_metrics(_: House, container: Wired, asked: Asked) -> Metrics:
    """Processing and cache in figures, counted in the stores at this moment."""
    return await asked.answer(container.vitals.metrics)
