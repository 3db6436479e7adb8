"""Days and moments that a caller names."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, WithJsonSchema

from sago.api.problems import ProblemError, Refusal
from sago.domain.messages import to_utc_ms

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

Instant = Annotated[AwareDatetime, AfterValidator(to_utc_ms)]
"""A moment with its time zone, in milliseconds."""


def _until(text: str) -> datetime:
    """The end of a day (UTC), or the moment."""
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
        return to_utc_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError(
            "is no day and no moment with its time zone: write 2026-03-02 or 2026-03-02T17:00:00Z"
        ) from None


AsOf = Annotated[
    str,
    AfterValidator(lambda text: _until(text).isoformat()),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
"""A day, which counts until it is over (UTC), or a moment; read as the first moment that does not count any more."""


def moment_of(as_of: str, now: datetime) -> datetime:
    """The moment until which something counts, now at the latest; raises a problem with status 422 for a day that has
    not begun."""
    until = datetime.fromisoformat(as_of)
    if until > datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC):
        raise wrong("as_of", f"has not come yet: the last day is {now.astimezone(UTC):%Y-%m-%d}")
    return min(until, now)


def wrong(field: str, reason: str) -> ProblemError:
    """What is said of a parameter that cannot be used."""
    return ProblemError(422, f"{field}: {reason}", [Refusal(index=0, field=field, reason=reason)])
