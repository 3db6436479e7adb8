"""`POST /api/v1/data-flow/webhook/{source}`: what vendors push. The signature is the key: no other is asked for, on
whatever host, or nobody could deliver."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from sago.api.deliveries import Delivered
from sago.api.examples import WEBHOOK_ANSWERS, WEBHOOK_BODY, WEBHOOK_ERRORS

router = APIRouter(prefix="/api/v1/data-flow", tags=["data flow"])


@router.post(
    "/webhook/{source}",
    responses={200: WEBHOOK_ANSWERS, **WEBHOOK_ERRORS},
    openapi_extra={"requestBody": WEBHOOK_BODY},
)
async def take_delivery(delivered: Delivered) -> dict[str, Any]:
    """Deliver as `source`, signed in its vendor's way.

    The answer comes once what it holds is safe, within `sources.answer_within` (2.5 s) in any case. The same delivery
    again has no further effect, so on 503 send it again.
    """
    return await delivered.receive()
