"""A reason's data for the prompt, and what is made of the answer."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from sago.domain.metrics import METRICS
from sago.domain.reasons import QUIET, ReasonRequest, Suggestion, Suggestions, unclear
from sago.errors import UnusableAnswerError
from sago.llm.remote.answers import ProposalAnswer

MOST = 12
"""Conditions, and passages without one, that are read of an answer."""


def values(request: ReasonRequest) -> dict[str, Any]:
    """What the prompt of a proposal needs: the reason alone, as data."""
    reason = {"company": request.company.name, "reason": request.reason}
    return {
        "metrics": ", ".join(METRICS),
        "quiet": QUIET,
        "most": MOST,
        "objections": request.objections,
        "data": json.dumps(reason, ensure_ascii=False),
    }


def suggestions(value: Any) -> Suggestions:
    """What an answer suggests; raises UnusableAnswerError where it is no proposal."""
    try:
        said = ProposalAnswer.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnusableAnswerError(f"the answer is no proposal: {where}: {first['msg']}") from None
    return Suggestions(
        tuple(Suggestion(each.condition, each.because) for each in said.conditions[:MOST]),
        tuple(unclear(each) for each in said.unclear[:MOST]),
    )
