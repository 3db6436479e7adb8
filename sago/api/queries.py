"""Queries hold what their operation takes and nothing else: a filter that is misspelt would list everything."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from sago.api.problems import ProblemError, Refusal


def check_query(request: Request) -> None:
    """Raise a problem with status 422 for a parameter that this operation has not, naming those it has."""
    known = sorted(_names(request.scope["route"].dependant))
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        there_are = f"there are {', '.join(known)}" if known else "it takes none"
        reason = f"is no parameter of {request.scope['route'].path}: {there_are}"
        raise ProblemError(422, f"{unknown[:60]}: {reason}", [Refusal(index=0, field=unknown, reason=reason)])


def _names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from kind.model_fields
        else:
            yield field.alias
    for each in dependant.dependencies:
        yield from _names(each)
