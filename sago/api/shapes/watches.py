"""Watches: what is waited for, and whether it has come."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.api.shapes.events import ProofShown
from sago.api.shapes.sent import Line, Sent
from sago.domain.events import Evidence
from sago.domain.messages import COMPANY_ID
from sago.domain.significance import Fate
from sago.domain.watches import ConditionResult, Outcome, Verdict, Watch
from sago.outreach.conditions import LONGEST
from sago.outreach.firm_watches import Asked
from sago.outreach.judging import Explanation

FIRST_DAY = date(1990, 1, 1)
WATCH: dict[str, Any] = {
    "id": "0b5c1c1e-6f0f-4d9c-8f43-5f6f6f0a7f10",
    "company_id": "scaleflow",
    "investor": {"name": "Dana Reed", "email": "dana@northgate.example"},
    "met_on": "2026-03-02",
    "reason": "ARR below 2M",
    "conditions": ["arr >= 2M"],
    "direction": "to_founder",
    "created_at": "2026-03-02T17:00:00Z",
}
CONDITION: dict[str, Any] = {
    "condition": "arr >= 2M",
    "holds": False,
    "seen": 1400000.0,
    "unit": "USD",
    "missing": "1.4M of 2M",
    "note": "",
    "as_of": "2026-02-24T17:04:11Z",
    "event_id": "0b8ff2cd-6a0b-5b3c-9f2e-6a3a0b7a8d11",
    "proof": [{"message_id": "slack:C024BE91L:1771952651.000200", "quote": "ARR is $1.4M now"}],
}
VERDICT: dict[str, Any] = {
    "outcome": "not_yet",
    "because": "ARR is 1.4M of 2M.",
    "as_of": "2026-03-03T09:00:00Z",
    "conditions": [CONDITION],
    "against": [],
    "promises": [],
    "gaps": [],
    "score": 1.2,
    "compared_with": None,
    "changes": [],
}


class PersonShown(BaseModel):
    """Who said no, and whom letters come from."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    email: str | None


class WatchShown(BaseModel):
    """What is waited for."""

    model_config = ConfigDict(json_schema_extra={"examples": [WATCH]})

    id: UUID
    company_id: str
    investor: PersonShown | None
    met_on: date | None = Field(description="The day on which somebody said no; events of that day count.")
    reason: str
    conditions: list[str] = Field(description="As they were written; none: a periodic update.")
    direction: str = Field(description="`to_founder`: the investor writes; `to_investor`: the founder's update.")
    created_at: datetime

    @classmethod
    def of(cls, watch: Watch) -> Self:
        """Without how its letters are weighed and worded."""
        told = watch.model_dump(include=set(WatchShown.model_fields) - {"conditions", "investor"})
        investor = PersonShown.model_validate(watch.investor) if watch.investor else None
        return cls(**told, investor=investor, conditions=[each.text for each in watch.conditions])


class ConditionShown(BaseModel):
    """A condition against what is shared today."""

    condition: str
    holds: bool
    seen: float | None = Field(description="Null where nothing was seen, or no exact figure is shared.")
    unit: str | None
    missing: str = Field(description="What is missing, in words; empty where it holds.")
    note: str = Field(description="How a figure was come by that nobody stated.")
    as_of: datetime | None = Field(description="When that was said.")
    event_id: UUID | None
    proof: list[ProofShown]

    @classmethod
    def of(cls, result: ConditionResult) -> Self:
        """Of what the verdict holds."""
        told = result.model_dump(include={"holds", "seen", "unit", "missing", "note", "as_of", "event_id"})
        return cls(**told, condition=result.condition.text, proof=_proofs(*result.proof))


class AgainstShown(BaseModel):
    """A fact that speaks against writing."""

    text: str
    at: datetime
    event_id: UUID | None
    proof: list[ProofShown]


class PromiseShown(BaseModel):
    """What was planned for a day, and what became of it."""

    text: str
    due: date
    fate: Fate
    event_id: UUID | None


class VerdictShown(BaseModel):
    """What a watch says now, judged on what its firm sees alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [VERDICT]})

    outcome: Outcome = Field(
        description="`now`: every condition holds; `not_yet`; `do_not_write`: a setback speaks against it, or nothing "
        "is shared any more; `update`: it has no conditions."
    )
    because: str = Field(description="One sentence for the investor.")
    as_of: datetime
    conditions: list[ConditionShown]
    against: list[AgainstShown] = Field(description="Strongest first.")
    promises: list[PromiseShown] = Field(description="Of plans that were told; the newest due first.")
    gaps: list[str] = Field(description="Where the facts may be old.")
    score: float = Field(description="What the news since the last look weighs.")
    compared_with: datetime | None = Field(description="The verdict of an earlier day that `changes` are counted from.")
    changes: list[str]

    @classmethod
    def of(cls, explained: Explanation) -> Self:
        """Of a verdict and the one before it."""
        verdict, before = explained.verdict, explained.before
        return cls(
            **verdict.model_dump(include={"outcome", "because", "as_of", "score"}),
            conditions=[ConditionShown.of(result) for result in verdict.results],
            against=_against(verdict),
            promises=[
                PromiseShown(**each.model_dump(include=set(PromiseShown.model_fields))) for each in verdict.promises
            ],
            gaps=[gap.text for gap in verdict.gaps],
            compared_with=before.as_of if before else None,
            changes=explained.changes,
        )


class WatchRead(WatchShown):
    """What is waited for, and today's verdict."""

    model_config = ConfigDict(json_schema_extra={"examples": [WATCH | {"verdict": VERDICT}]})

    verdict: VerdictShown

    @classmethod
    def explained(cls, explained: Explanation) -> Self:
        """Of what the use case returns."""
        shown = WatchShown.of(explained.verdict.watch)
        return cls(**shown.model_dump(), verdict=VerdictShown.of(explained))


class InvestorSent(Sent):
    """Whoever said no."""

    name: Line = Field(min_length=1, max_length=100)
    email: str | None = Field(None, max_length=254, description="The letter comes from there.")


class WatchSent(Sent):
    """Why somebody said no, and what is waited for."""

    company_id: str = Field(pattern=COMPANY_ID)
    conditions: list[str] = Field(
        [],
        max_length=20,
        description=f"Of at most {LONGEST} characters each: `arr >= 2M`, `nrr > 120%`, `mrr growth 3m >= 20%`, "
        "`enterprise_deal high >= 2 in 90d`, `no setback high in 60d`. All must hold. None, and no reason: a periodic "
        "update.",
    )
    reason: Line = Field("", max_length=1000, pattern=r"\S", description="Why it was too early, in your words.")
    met_on: date | None = Field(
        None, ge=FIRST_DAY, description=f"The day you said no, from {FIRST_DAY} on; events of it count."
    )
    investor: InvestorSent | None = Field(
        None, description="Who said no, and signs the letters: without one no letter of it can be approved."
    )
    accept_proposed: Annotated[
        bool, Field(description="Without conditions: wait for those that the reason proposes.")
    ] = False

    @property
    def asked(self) -> Asked:
        """As the use case is asked."""
        return Asked(
            company_id=self.company_id,
            conditions=self.conditions,
            reason=self.reason,
            met_on=self.met_on,
            investor_name=self.investor.name if self.investor else None,
            investor_email=self.investor.email if self.investor else None,
            takes_proposed=self.accept_proposed,
        )


def _proofs(*proofs: Evidence) -> list[ProofShown]:
    return [ProofShown.model_validate(proof) for proof in proofs]


def _against(verdict: Verdict) -> list[AgainstShown]:
    return [
        AgainstShown(text=each.text, at=each.at, event_id=each.event_id, proof=_proofs(each.proof))
        for each in verdict.counter
    ]
