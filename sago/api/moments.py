"""Days and moments that a caller names."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from sago.api.problems import ProblemError, Refusal
from sago.domain.messages import to_utc_ms

NO_MOMENT = "is no day and no moment with its time zone: write 2026-03-02 or 2026-03-02T17:00:00Z"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _end(day: date) -> datetime:
    return _begin(day + timedelta(days=1))


def _until(text: str) -> datetime:
    """The end of a day (UTC), or the moment."""
    try:
        return _end(date.fromisoformat(text)) if _DAY.fullmatch(text) else to_utc_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError(NO_MOMENT) from None


def _day_as(moment: Callable[[date], datetime]) -> Callable[[object, ValidatorFunctionWrapHandler], datetime]:
    """Reads a day as this moment of it."""

    def read(said: object, otherwise: ValidatorFunctionWrapHandler) -> datetime:
        try:
            is_day = isinstance(said, str) and _DAY.fullmatch(said)
            found: datetime = moment(date.fromisoformat(str(said))) if is_day else otherwise(said)
        except (ValueError, OverflowError):
            raise ValueError(NO_MOMENT) from None
        return found

    return read


_SCHEMA = WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]})
Since = Annotated[AwareDatetime, WrapValidator(_day_as(_begin)), AfterValidator(to_utc_ms), _SCHEMA]
"""A moment with its time zone, in milliseconds; a day is its begin (UTC)."""
Until = Annotated[AwareDatetime, WrapValidator(_day_as(_end)), AfterValidator(to_utc_ms), _SCHEMA]
"""The same of the first moment that does not count any more: a day counts until it is over."""
AsOf = Annotated[str, AfterValidator(lambda text: _until(text).isoformat()), _SCHEMA]
"""A day, which counts until it is over (UTC), or a moment; read as the first moment that does not count any more."""


def moment_of(as_of: str, now: datetime) -> datetime:
    """The moment until which something counts, now at the latest; raises a problem with status 422 for a day that has
    not begun."""
    until = datetime.fromisoformat(as_of)
    if until > _end(now.astimezone(UTC).date()):
        raise wrong("as_of", f"has not come yet: the last day is {now.astimezone(UTC):%Y-%m-%d}")
    return min(until, now)


def wrong(field: str, reason: str) -> ProblemError:
    """What is said of a parameter that cannot be used."""
    return ProblemError(422, f"{field}: {reason}", [Refusal(index=0, field=field, reason=reason)])
