"""`/api/v1/tasks`: work started by name, by the house or by a firm, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sago.api import limits
from sago.api.access import Caller, Starts
from sago.api.bodies import described, json_of
from sago.api.idempotency import REPLAYED, RequestKey
from sago.api.paging import Paged, PageQuery, cursor_of, page_of, place_of
from sago.api.problems import ProblemError, answers
from sago.api.routes.data_flow import Wired
from sago.domain.keys import WRITE
from sago.domain.pages import RunsAsked
from sago.domain.tasks import CATALOGUE, TaskKind, TaskState, error_line, result_line
from sago.pipeline.starting import Followed, kind_of

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])

WITHIN = 10.0
"""Seconds for the servers to answer: a broker that is silent would hold a thread for minutes."""
TASK_ID = "2f1d0c8e-93a5-4c1b-9a7e-6d2f4f0b7c11"
Answer = TypeVar("Answer")


class Argument(BaseModel):
    """What a task takes."""

    name: str = Field(examples=["older_than"])
    type: str = Field(description="In the words of JSON Schema.", examples=["number"])
    format: str | None = Field(None, examples=["date-time"])
    required: bool
    description: str


class Kind(BaseModel):
    """A task that can be started."""

    name: str = Field(examples=["upkeep.flush_idle"])
    description: str = Field(examples=["Makes batches of what waits for too long."])
    scope: str = Field(description="What a key must open: `operate`, or `write` of a firm.", examples=["operate"])
    arguments: list[Argument]


class Kinds(BaseModel):
    """All of them."""

    items: list[Kind]


class Start(BaseModel):
    """What to start."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100, description="One of GET /api/v1/tasks/names.")
    arguments: dict[str, Any] = Field({}, description="By their names.")


class Begun(BaseModel):
    """It was started."""

    id: UUID = Field(examples=[TASK_ID])
    follow: str = Field(description="Where to ask what became of it.", examples=[f"/api/v1/tasks/{TASK_ID}"])


class Task(BaseModel):
    """A started task."""

    id: UUID = Field(examples=[TASK_ID])
    name: str = Field(examples=["upkeep.flush_idle"])
    arguments: dict[str, Any] = Field(examples=[{"older_than": 0}])
    who: str = Field(description="The key it was started with.", examples=["key:1f0c93ab"])
    state: TaskState = Field(
        description="`waiting`: in its queue, or between attempts. `unknown`: nothing is kept of it any more."
    )
    started_at: datetime = Field(description="When it was asked for.", examples=["2026-03-02T16:04:11Z"])
    ended_at: datetime | None = Field(examples=["2026-03-02T16:04:12Z"])
    result: str | None = Field(description="In a line, once it is known.", examples=["batches: 2"])
    error: str | None = Field(description="In a line; of one that waits, of the last attempt.")


EXAMPLES: dict[str, Any] = {
    "house": {"name": "upkeep.flush_idle", "arguments": {"older_than": 0}},
    "firm": {"name": "outreach.compose", "arguments": {"watch_id": TASK_ID}},
}


@router.get("/names", responses=answers())
async def list_task_names(_: Starts) -> Kinds:
    """What can be started, and by whom."""
    return Kinds(items=[_kind(kind) for _, kind in sorted(CATALOGUE.items())])


@router.post(
    "",
    status_code=202,
    response_description="It was started, now or before under this `Idempotency-Key`.",
    responses=answers(404, 408, 409, 413, 415, 422, 503),
    openapi_extra=described(Start, **EXAMPLES),
)
async def start_task(
    caller: Starts,
    key: RequestKey,
    wanted: Annotated[Start, Depends(json_of(Start))],
    container: Wired,
    request: Request,
    response: Response,
) -> Begun:
    """Start a task. With an `Idempotency-Key` the same again starts nothing and gives the same id.

    A firm starts at most 60 at once, then one in two seconds (429), and has at most 50 under way (409).
    """
    _check(caller, kind_of(wanted.name))
    if caller.firm_id is not None:
        await limits.admit_task(request, caller.firm_id)
    start = container.starting.start
    started = await _asked(request, lambda: start(wanted.name, wanted.arguments, caller.who, caller.firm_id, key))
    follow = response.headers["Location"] = f"{router.prefix}/{started.run.id}"
    if started.is_again:
        response.headers[REPLAYED] = "true"
    return Begun(id=started.run.id, follow=follow)


@router.get("", responses=answers(414, 422, 503))
async def list_tasks(
    caller: Starts, container: Wired, request: Request, query: Annotated[PageQuery, Query()]
) -> Paged[Task]:
    """What was started, newest first: by this firm, or by the house."""
    asked = RunsAsked(place_of("tasks", query.cursor), query.limit + 1)
    found = await _asked(request, lambda: container.starting.page(asked, caller.firm_id))
    return page_of(found, query.limit, _task, lambda each: cursor_of("tasks", each.run.started_at, each.run.id))


@router.get("/{task_id}", responses=answers(404, 422, 503))
async def show_task(caller: Starts, container: Wired, request: Request, task_id: UUID) -> Task:
    """What became of a task; of another firm's as of one that never was."""
    return _task(await _asked(request, lambda: container.starting.follow(task_id, caller.firm_id)))


async def _asked(request: Request, question: Callable[[], Answer]) -> Answer:
    answer: Answer = await request.app.state.desk.answer(question, WITHIN)
    return answer


def _check(caller: Caller, kind: TaskKind) -> None:
    """Raise a problem with status 403 where the task is the house's and the caller a firm, or the other way round."""
    if kind.scope == WRITE and caller.firm_id is None:
        raise ProblemError(403, f"{kind.name}: only a firm's key starts it")
    caller.require(kind.scope)


def _task(followed: Followed) -> Task:
    run, outcome = followed
    return Task(
        **run.model_dump(include={"id", "name", "arguments", "who", "started_at"}),
        state=outcome.state,
        ended_at=outcome.ended_at,
        result=result_line(run, outcome),
        error=error_line(run, outcome),
    )


def _kind(kind: TaskKind) -> Kind:
    schema = kind.takes.model_json_schema()
    arguments = [
        Argument(name=name, required=name in schema.get("required", []), description=said["description"], **_type(said))
        for name, said in schema["properties"].items()
    ]
    return Kind(name=kind.name, description=kind.does, scope=kind.scope, arguments=arguments)


def _type(said: dict[str, Any]) -> dict[str, Any]:
    """Of one that may be left out, the type of what may stand there."""
    one = said.get("anyOf", [said])[0]
    return {name: one[name] for name in ("type", "format") if name in one}
