"""`/api/v1/events`: what happened at the companies that a firm sees, with proof; `/api/v1/event-types`."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from sago.api.access import Calling, Reader
from sago.api.desk import read_long
from sago.api.moments import AsOf, Since, Until, moment_of, wrong
from sago.api.paging import (
    CURSOR,
    Paged,
    PageQuery,
    cursor_of,
    cursor_of_parts,
    moment_in,
    page_of,
    parts_of,
    place_of,
    wrong_cursor,
)
from sago.api.problems import answers
from sago.api.routes.data_flow import Wired
from sago.api.shapes.events import EventRead, EventShown, EvidenceShown, TypeShown
from sago.domain.events import CATALOGUE, EventType, Severity
from sago.domain.messages import COMPANY_ID
from sago.domain.pages import EventsAsked
from sago.domain.readings import ProofPlace

router = APIRouter(prefix="/api/v1", tags=["events"])


class EventQuery(PageQuery):
    """Which events."""

    company_id: str | None = Field(None, pattern=COMPANY_ID, description="Of this company alone.")
    type: list[EventType] = Field([], max_length=len(EventType), description="Of these types alone.")
    severity: list[Severity] = Field([], max_length=len(Severity), description="Of these severities alone.")
    since: Since | None = Field(None, description="That happened at this moment or later; a day from its begin (UTC).")
    until: Until | None = Field(None, description="That happened before this moment; a day until it is over.")
    as_of: AsOf | None = Field(
        None, description="As they stood at the end of this day (UTC), or at this moment; needs `company_id`."
    )

    @property
    def asked(self) -> EventsAsked:
        """As the use case is asked, for one row more than the page has."""
        return EventsAsked(
            company_id=self.company_id,
            event_types=self.type,
            severities=self.severity,
            since=self.since,
            until=self.until,
            after=place_of("events", self.cursor),
            limit=self.limit + 1,
        )


WITH_CONTEXT = 10
"""Proofs of a page, at most, where what was said around them is shown."""


class EvidenceQuery(BaseModel):
    """Which proofs, and how much around them."""

    context: int = Field(0, ge=0, le=20, description="Messages before each proof, and as many after it, at most.")
    limit: int = Field(
        10,
        ge=1,
        le=50,
        description=f"Proofs of a page, at most; with `context` {WITH_CONTEXT} at most, and fewer where much was said "
        "around them: `next` goes on.",
    )
    cursor: str | None = Field(None, max_length=CURSOR, description="`next` of the page before.")


@router.get("/events", responses=answers(422, 503))
async def list_events(
    caller: Reader, container: Wired, query: Annotated[EventQuery, Query()], request: Request
) -> Paged[EventShown]:
    """Events of all companies, or of one, newest first by `occurred_at`.

    With `as_of` as they stood then: folded from what had been said by then and stands today, and shown through the
    share of today. What was deleted or edited away since, or called wrong before the share was given, is not among it.
    """
    reading, asked = container.firm_reading, query.asked
    if query.as_of is None:
        found = await run_in_threadpool(reading.events, caller.firm_id, asked)
    elif query.company_id is None:
        raise wrong("company_id", "is missing: as_of is answered for one company")
    else:
        moment = moment_of(query.as_of, container.clock.now())
        past = partial(reading.events_as_of, caller.firm_id, asked, query.company_id, moment)
        found = await read_long(request, caller.firm_id, past)
    return page_of(
        found, query.limit, EventShown.model_validate, lambda event: cursor_of("events", event.occurred_at, event.id)
    )


@router.get("/events/{event_id}", responses=answers(404, 422, 503))
def show_event(caller: Reader, container: Wired, event_id: UUID) -> EventRead:
    """One event, also by an id it had before an earlier proof was found; `id` is the one it has now."""
    return EventRead.of(container.firm_reading.event(caller.firm_id, event_id))


@router.get("/events/{event_id}/evidence", responses=answers(404, 422, 503))
async def list_evidence(
    caller: Reader, container: Wired, event_id: UUID, query: Annotated[EvidenceQuery, Query()], request: Request
) -> Paged[EvidenceShown]:
    """The proofs of an event in the order they were said, each with its message and what was said around it.

    Messages are shown as they are now: the newest version of an edited one, and of one that was deleted or erased only
    that it was there. They are withheld where figures are not shared exactly, and in direct conversations.
    """
    after = _proof_place(query.cursor) if query.cursor else None
    limit = min(query.limit, WITH_CONTEXT) if query.context else query.limit
    ask = partial(container.firm_evidence.proofs, caller.firm_id, event_id, query.context, after, limit)
    found, last = await read_long(request, caller.firm_id, ask)
    more = (
        cursor_of_parts("evidence", last.said_at.isoformat(), last.message_id, str(last.start), str(last.end))
        if last
        else None
    )
    return Paged(items=[EvidenceShown.of(each) for each in found], next=more)


@router.get("/event-types", responses=answers())
async def list_event_types(_: Calling) -> list[TypeShown]:
    """The types of events, what belongs to each and what it weighs, the heaviest first."""
    return [TypeShown(type=each, **kind._asdict()) for each, kind in CATALOGUE.items()]


def _proof_place(cursor: str) -> ProofPlace:
    said_at, message_id, start, end = parts_of("evidence", cursor, 4)
    try:
        return ProofPlace(moment_in(said_at), message_id, int(start), int(end))
    except ValueError:
        raise wrong_cursor() from None
