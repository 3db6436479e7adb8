"""Calls of a model that is not part of this process: one row each, whatever became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sago.domain.messages import CompanyId, Moment

Limit = Literal["company", "total"]
"""Which part of a budget is spent."""
LONGEST_ERROR = 500
"""Characters of a reason that are kept."""


class ModelJob(StrEnum):
    """What a model was asked for."""

    EXTRACTION = "extraction"
    LETTER = "letter"
    PROPOSAL = "proposal"
    """Conditions, from the reason of a no."""


class CallOutcome(StrEnum):
    """What became of a call."""

    OK = "ok"
    TRUNCATED = "truncated"
    """The answer reached `output_tokens`."""
    UNUSABLE = "unusable"
    """An answer that is not what was asked for: empty, or no JSON."""
    BLOCKED = "blocked"
    """The vendor's filters refused question or answer."""
    FAILED = "failed"
    """No answer: too many requests, an error of theirs, a connection, the time."""
    REFUSED = "refused"
    """Our key, our model or our request is wrong."""


class ModelCall(BaseModel):
    """One row of `model_calls`. `output_tokens` holds thinking too, as vendors bill it; no text of a message."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    at: Moment
    company_id: CompanyId
    provider: str
    model: str
    job: ModelJob
    prompt_version: str
    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    cost_usd: float = Field(0.0, ge=0)
    latency_ms: int = Field(ge=0)
    outcome: CallOutcome
    error: str | None = Field(None, max_length=LONGEST_ERROR)


class Budget(NamedTuple):
    """USD that all calls of a day (UTC) may cost together; None: no limit."""

    company: float | None = None
    """For one company."""
    total: float | None = None


class Reservation(NamedTuple):
    """What a call may cost, by an estimate on the safe side (`usd`). It counts as spent until the call's row is
    written, `until` at the latest: who reserved it has died then."""

    call_id: UUID
    company_id: str
    usd: float
    at: datetime
    until: datetime


class CallTotals(NamedTuple):
    """What calls came to, and the newest reason of each kind that a person may want to read."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    refusal: str | None = None
    """Why the newest refused call was refused."""
    failure: str | None = None
    """Why the newest call without a usable answer had none."""
