"""Requests that are not made by a connection's own client: for tokens (RFC 6749), and for keys that sign some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import httpx2

from sago.errors import TransientError, UnusableAnswerError
from sago.resilience.time_limit import TimeLimit

WITHIN = 5.0
"""Seconds for a whole request: the token's row is locked meanwhile."""
LARGEST = 1_000_000
"""Bytes of an answer."""


class Answer(NamedTuple):
    """What came, whatever its status."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def posted(name: str, url: str, form: Mapping[str, str], within: float = WITHIN) -> Answer:
    """All of it within the time and the size of such an answer; no redirect is followed.

    Raises TransientError, which begins with the vendor's `name` and holds nothing of what was sent.
    """
    return _asked(name, "POST", url, dict(form), within)


def fetched(name: str, url: str, within: float) -> Answer:
    """As `posted`."""
    return _asked(name, "GET", url, None, within)


def _asked(name: str, method: str, url: str, form: dict[str, str] | None, within: float) -> Answer:
    content = bytearray()
    try:
        with TimeLimit(within) as limit, httpx2.Client(timeout=within) as client:
            accepted, watched = {"Accept": "application/json"}, {"trace": limit.watch}
            with client.stream(method, url, data=form, headers=accepted, extensions=watched) as response:
                for part in response.iter_bytes():
                    content += part
                    if len(content) > LARGEST:
                        raise UnusableAnswerError(f"{name} answers with more than {LARGEST} bytes")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        why = f"no answer within {within:g} s" if limit.is_over else why_unreached(error, within)
        raise TransientError(f"{name}: {why}") from None
    if limit.is_over:  # an answer without a length ends where the connection was cut
        raise TransientError(f"{name}: no answer within {within:g} s")
    return Answer(response.status_code, response.headers, bytes(content))


def why_unreached(error: Exception, within: float) -> str:
    """What went wrong, and how to mend it."""
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {within:g} s; try again in a minute"
    if isinstance(error, httpx2.ConnectError):
        return "no connection; look at this machine's network, its proxy and certificates, then try again"
    return "the connection broke off; try again"
