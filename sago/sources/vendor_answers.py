"""What an HTTP answer of a vendor means, as far as all vendors agree on it (RFC 9110, RFC 6585)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from sago.errors import AccountRefusedError, NotThereError, PermanentError, TransientError, UnusableAnswerError

PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
MILLISECONDS, SECONDS = 1e12, 1e9
"""Above these a number is a moment of the epoch in ms, or in s; below, it is seconds from now."""
LONGEST = timedelta(days=1)


def raise_passing(name: str, status: int, headers: Mapping[str, str], now: datetime) -> None:
    """Raise TransientError where the same call may be answered later; a 403 that says so too, as GitHub's does."""
    is_refused_for_now = status == HTTPStatus.FORBIDDEN and (wait_asked(headers, now) or is_spent(headers))
    if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR or is_refused_for_now:
        wait = wait_asked(headers, now) or (reset_in(headers, now) if is_spent(headers) else None)
        raise TransientError(f"{name} answers {status}", retry_after=wait)


def raise_refusal(name: str, status: int, path: str) -> None:
    """Raise what any other status than 2xx means each time."""
    if status == HTTPStatus.UNAUTHORIZED:
        raise AccountRefusedError(f"{name} answers 401")
    if status in GONE:
        raise NotThereError(f"{name} has no {path} ({status})")
    if 300 <= status < 400:
        raise PermanentError(f"{name} answers {status}: a redirect, which is not followed; check its api_url")
    if not 200 <= status < 300:
        raise PermanentError(f"{name} refuses {path} ({status})")


def json_object(name: str, body: bytes) -> dict[str, Any]:
    """The answer's object; raises UnusableAnswerError that says nothing of its content."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise UnusableAnswerError(f"{name} answers with something that is no JSON") from None
    if not isinstance(value, dict):
        raise UnusableAnswerError(f"{name} answers with a JSON {type(value).__name__}, not an object")
    return value


def wait_asked(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """`Retry-After`: seconds, or a date (RFC 9110, 10.2.3); None where there is none that can be read."""
    value = headers.get("retry-after", "").strip()
    if (seconds := _number(value)) is not None:
        return _within(timedelta(seconds=min(seconds, LONGEST.total_seconds())))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    return _within((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now)


def is_spent(headers: Mapping[str, str]) -> bool:
    """Whether the vendor's own window has no call left."""
    return _number(headers.get("x-ratelimit-remaining", "")) == 0


def reset_in(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """`X-RateLimit-Reset`, in whichever of its three forms: epoch seconds (GitHub), epoch ms (Linear), or seconds."""
    number = _number(headers.get("x-ratelimit-reset", ""))
    if number is None:
        return None
    if number < SECONDS:
        return _within(timedelta(seconds=min(number, LONGEST.total_seconds())))
    seconds = number / 1000 if number >= MILLISECONDS else number
    return _within(timedelta(seconds=seconds - now.timestamp()))


def _within(wait: timedelta) -> timedelta:
    return min(max(wait, timedelta()), LONGEST)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e15 else None
