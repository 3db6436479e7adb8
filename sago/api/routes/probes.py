"""`/health`: for supervisors and load balancers, without a key and without an address in the answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from sago.api.routes.data_flow import Wired
from sago.api.sharing import Asked

router = APIRouter(prefix="/health", tags=["probes"])


class Live(BaseModel):
    """The process runs."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Whether messages can be taken."""

    status: Literal["ready", "not ready"]
    down: list[str] = Field(description="Servers that do not answer.")


@router.get("/live")
async def check_liveness() -> Live:
    """Whether the process runs and answers; asks nobody else."""
    return Live()


@router.get("/ready", responses={503: {"model": Ready, "description": "A server does not answer."}})
async def check_readiness(container: Wired, asked: Asked, response: Response) -> Ready:
    """Whether Kafka, Redis and Postgres answer, and Cassandra where it keeps the raw messages."""
    services = await asked.answer(container.vitals.services)
    down = [name for name, service in services.items() if not service.up]
    response.status_code = 503 if down else 200
    return Ready(status="not ready" if down else "ready", down=down)
