"""Queries hold what their operation takes and nothing else: a filter that is misspelt would list everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from sago.api.problems import ProblemError, Refusal


def check_query(request: Request) -> None:
    """Raise a problem with status 422 for a parameter that this operation has not, naming those it has, and for one
    that comes more often than once and is no list."""
    takes = dict(_names(request.scope["route"].dependant))
    known = sorted(takes)
    unknown = next((name for name in request.query_params if name not in known), None)
    if unknown is not None:
        there_are = f"there are {', '.join(known)}" if known else "it takes none"
        reason = f"is no parameter of {request.scope['route'].path}: {there_are}"
        raise ProblemError(422, f"{unknown[:60]}: {reason}", [Refusal(index=0, field=unknown, reason=reason)])
    asked = request.query_params
    if twice := next((name for name in known if not takes[name] and len(asked.getlist(name)) > 1), None):
        reason = "is given more than once: one value is taken"
        raise ProblemError(422, f"{twice}: {reason}", [Refusal(index=0, field=twice, reason=reason)])


def _names(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Each parameter, and whether it is a list."""
    for field in dependant.query_params:
        kind = field.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((name, _is_list(each.annotation)) for name, each in kind.model_fields.items())
        else:
            yield field.alias, _is_list(kind)
    for each in dependant.dependencies:
        yield from _names(each)


def _is_list(kind: object) -> bool:
    return any(get_origin(each) is list for each in (kind, *get_args(kind)))
