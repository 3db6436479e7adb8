"""Long lists in pages: `limit` and `cursor` in, `items` and `next` out."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from sago.api.problems import ProblemError, Refusal
from sago.domain.messages import to_utc_ms
from sago.domain.pages import Place

Row = TypeVar("Row")
Found = TypeVar("Found")
MOST = 200
CURSOR = 1_500
"""Characters of one, at most: an id may be of 512."""


class PageQuery(BaseModel):
    """Which page of a list."""

    limit: int = Field(50, ge=1, le=MOST, description="Rows of a page, at most.")
    cursor: str | None = Field(
        None, max_length=CURSOR, description="`next` of the page before; without it the first page."
    )


class Paged(BaseModel, Generic[Row]):
    """One page of a list."""

    items: list[Row]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


def page_of(
    found: Sequence[Found], limit: int, show: Callable[[Found], Row], after: Callable[[Found], str]
) -> Paged[Row]:
    """The first `limit` of rows of which one more was asked for, each as it is shown, and the cursor after the last."""
    rows = found[:limit]
    return Paged(items=[show(each) for each in rows], next=after(rows[-1]) if len(found) > limit else None)


def cursor_of(of: str, at: datetime, row: object) -> str:
    """The place of a row in a list of this name as a caller hands it back: opaque, and no secret."""
    return _written([of, at.isoformat(), str(row)])


def place_of(of: str, cursor: str | None, *, is_id: bool = True) -> Place | None:
    """The place in a cursor; where the row `is_id`, that of a UUID. Raises a problem with status 422 where it is none
    of this list."""
    if cursor is None:
        return None
    try:
        at, row = _read(of, cursor)
        said = datetime.fromisoformat(at)
        if said.tzinfo is None or "\0" in row:
            raise ValueError(cursor)
        if is_id:
            UUID(row)
        return Place(said.astimezone(UTC), row)
    except (ValueError, TypeError, OverflowError):
        raise wrong_cursor() from None


def cursor_of_parts(of: str, *parts: str) -> str:
    """A place that is named by words alone, as a caller hands it back."""
    return _written([of, *parts])


def parts_of(of: str, cursor: str, count: int) -> list[str]:
    """The words in a cursor of this list; raises a problem with status 422 where they are not so many, or hold what no
    row does."""
    try:
        parts = _read(of, cursor)
    except (ValueError, TypeError):
        raise wrong_cursor() from None
    if len(parts) != count or any("\0" in part for part in parts):
        raise wrong_cursor()
    return parts


def moment_in(text: str) -> datetime:
    """The moment in a word of a cursor; raises a problem with status 422 where it is none."""
    try:
        return to_utc_ms(datetime.fromisoformat(text))
    except ValueError:
        raise wrong_cursor() from None


def wrong_cursor() -> ProblemError:
    """What is said of a cursor that is none."""
    reason = "is no cursor of this list: send `next` of the page before, or leave it out for the first page"
    return ProblemError(422, f"cursor {reason}", [Refusal(index=0, field="cursor", reason=reason)])


def _written(parts: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _read(of: str, cursor: str) -> list[str]:
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, UnicodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("not a list of words")
    if parts[:1] != [of]:
        raise ValueError("of another list")
    return parts[1:]
