"""Watches and verdicts: why somebody said no, as testable conditions, and whether the reason still holds."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from sago.domain.companies import DEFAULT_FIRM, Person
from sago.domain.events import Event, Evidence
from sago.domain.messages import CompanyId, Moment


class Direction(StrEnum):
    """`to_founder`: the investor writes to the founder; `to_investor`: the founder's company update."""

    TO_FOUNDER = "to_founder"
    TO_INVESTOR = "to_investor"


class Condition(BaseModel):
    """`arr >= 2000000` (the newest point of a metric) or `enterprise_deal >= 1` (events since the meeting)."""

    model_config = ConfigDict(frozen=True)

    text: str
    """As the person wrote it."""
    kind: Literal["metric", "count"]
    name: str
    op: Literal[">=", ">", "<=", "<", "==", "!="]
    value: float


class Watch(BaseModel):
    """Why a person said no, as testable conditions. A watch without conditions is a periodic company update."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    firm_id: str = DEFAULT_FIRM
    company_id: CompanyId
    investor: Person | None = None
    met_on: date | None = None
    reason: str = ""
    conditions: tuple[Condition, ...] = ()
    direction: Direction = Direction.TO_INVESTOR
    created_at: Moment
    is_active: bool = True


class Outcome(StrEnum):
    """The three verdicts, and `update` for a watch that has no conditions."""

    NOW = "now"
    NOT_YET = "not_yet"
    DO_NOT_WRITE = "do_not_write"
    UPDATE = "update"


class ConditionResult(BaseModel):
    """A condition against today's facts: whether it holds, what was seen, what is missing, and the proof."""

    model_config = ConfigDict(frozen=True)

    condition: Condition
    holds: bool
    seen: float | None
    unit: str | None = None
    missing: str = ""
    """For a person: `1.4M of 2M`, or `no enterprise deal since 2 March`."""
    note: str = ""
    """How the figure was come by where nobody stated it: `MRR $450k → ARR $5.4M`."""
    proof: tuple[Evidence, ...] = ()
    event_id: UUID | None = None
    as_of: Moment | None = None


class Verdict(BaseModel):
    """What a watch says as of a moment, with its reasons; `against` are setbacks that speak against writing."""

    model_config = ConfigDict(frozen=True)

    watch: Watch
    outcome: Outcome
    results: tuple[ConditionResult, ...] = ()
    against: tuple[Event, ...] = ()
    because: str
    as_of: Moment
