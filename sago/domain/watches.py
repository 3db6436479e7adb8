"""Watches and verdicts: why somebody said no, as testable conditions, and whether the reason still holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.companies import DEFAULT_FIRM, Person
from sago.domain.events import Event, EventType, Evidence, MetricPoint, Severity
from sago.domain.messages import CompanyId, Moment
from sago.domain.significance import CounterEvidence, Gap, NewlyMet, Promise, Score
from sago.domain.voices import Voice
from sago.domain.wording import one_line

_ONLY_EARLY = re.compile(r"\W*(?:(?:it (?:is|was)|it['’]s|a bit|still|just|far|much) )*too early(?: for us)?\W*", re.I)
LONGEST_RECALLED = 140
"""Characters of a reason that a letter recalls."""


class Direction(StrEnum):
    """`to_founder`: the investor writes to the founder; `to_investor`: the founder's company update."""

    TO_FOUNDER = "to_founder"
    TO_INVESTOR = "to_investor"


class Condition(BaseModel):
    """`arr >= 2M` (a metric's newest point), `mrr growth 3m >= 20%` (its change over a period), `enterprise_deal >= 1`
    (events since the meeting) or `no setback high in 60d` (none within a period: a count that equals 0)."""

    model_config = ConfigDict(frozen=True)

    text: str
    """As the person wrote it."""
    kind: Literal["metric", "change", "count"]
    name: str
    op: Literal[">=", ">", "<=", "<", "==", "!="]
    value: float
    """In the metric's unit; of a change its share in percent."""
    severity: Severity | None = None
    """Of counted events: at least so severe."""
    within: str | None = None
    """A period, as in `60d`, `8w`, `3m`, `1y`: of a change its length; of a count that much before now."""

    @property
    def is_absence(self) -> bool:
        """Whether no event at all is asked for."""
        return self.kind == "count" and self.op == "==" and self.value == 0


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
    weights: Mapping[EventType, float] = Field(default_factory=dict)
    """How much a type of event matters to this person, where not as the catalogue says: 0 to 1."""
    voice: Voice | None = None
    """How the letter's sender writes, learned from mails of theirs."""
    created_at: Moment
    is_active: bool = True

    @property
    def told_reason(self) -> str:
        """The reason where it says more than that it was too early."""
        return "" if _ONLY_EARLY.fullmatch(self.reason) else self.reason

    @property
    def recalled_reason(self) -> str:
        """That, as a letter recalls it: on one line, of a long one the first parts, as many as fit."""
        text = one_line(self.told_reason).strip(' .“”"')
        if len(text) <= LONGEST_RECALLED:
            return text
        ends = [match.start() for match in re.finditer(r"[.;,]\s| [–-] ", text[:LONGEST_RECALLED])]
        return text[: ends[-1] if ends else text[:LONGEST_RECALLED].rfind(" ")].rstrip(" ,;.")


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
    """How the figure was come by where nobody stated it: `MRR $450k → ARR $5.4M`; of an absence in a part of the
    sources, which: `in what is shared (gmail)`."""
    proof: tuple[Evidence, ...] = ()
    event_id: UUID | None = None
    as_of: Moment | None = None
    points: tuple[MetricPoint, ...] = ()
    """Of a change its two ends, the earlier one first."""


class Verdict(BaseModel):
    """What a watch says as of a moment, with its reasons; `against` are setbacks that speak against writing.

    `score` is the sum of `scores` (the strongest events since the last look, never a setback) and of what is newly
    met. An update that is not worth a letter is NOT_YET.
    """

    model_config = ConfigDict(frozen=True)

    watch: Watch
    outcome: Outcome
    results: tuple[ConditionResult, ...] = ()
    against: tuple[Event, ...] = ()
    because: str
    as_of: Moment
    score: float = 0.0
    scores: tuple[Score, ...] = ()
    """Strongest first."""
    newly_met: tuple[NewlyMet, ...] = ()
    counter: tuple[CounterEvidence, ...] = ()
    """Strongest first."""
    promises: tuple[Promise, ...] = ()
    """What was said and what was done: the newest due first."""
    gaps: tuple[Gap, ...] = ()
    """Where the facts may be old: nobody writes, or a source is broken."""
