"""Long lists in pages: `limit` and `cursor` in, `items` and `next` out."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from sago.api.problems import ProblemError, Refusal
from sago.domain.pages import Place

Row = TypeVar("Row")
MOST = 200

Limit = Annotated[int, Query(ge=1, le=MOST, description="Rows of a page, at most.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next` of the page before; without it the first page.")
]


class Paged(BaseModel, Generic[Row]):
    """One page of a list."""

    items: list[Row]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


def cursor_of(place: Place) -> str:
    """A place as a caller hands it back: opaque, and no secret."""
    return _written([place.at.isoformat(), place.id])


def place_of(cursor: str | None) -> Place | None:
    """The place in a cursor; raises a problem with status 422 where it is none of ours."""
    if cursor is None:
        return None
    try:
        at, row = _read(cursor)
        place = Place(datetime.fromisoformat(at), row)
        if place.at.tzinfo is None or "\0" in place.id:
            raise ValueError(cursor)
    except (ValueError, TypeError):
        raise wrong_cursor() from None
    return place


def wrong_cursor() -> ProblemError:
    """What is said of a cursor that is none."""
    reason = "is no cursor: send `next` of the page before, or leave it out for the first page"
    return ProblemError(422, f"cursor {reason}", [Refusal(index=0, field="cursor", reason=reason)])


def _written(parts: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _read(cursor: str) -> list[str]:
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, UnicodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("not a list of words")
    return parts
