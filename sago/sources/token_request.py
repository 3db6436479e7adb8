"""The one request for a token that is not made by a connection's own client: the form of RFC 6749, section 6."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from sago.errors import TransientError, UnusableAnswerError
from sago.resilience.time_limit import TimeLimit

WITHIN = 5.0
"""Seconds for a whole request: the token's row is locked meanwhile."""
LARGEST = 1_000_000
"""Bytes of an answer."""


def posted(name: str, url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and bytes, all within the time and the size of such an answer; no redirect is followed.

    Raises TransientError, which begins with the vendor's `name` and holds nothing of what was sent.
    """
    content = bytearray()
    try:
        with TimeLimit(WITHIN) as limit, httpx2.Client(timeout=WITHIN) as client:
            asked = client.stream("POST", url, data=dict(form), extensions={"trace": limit.watch})
            with asked as response:
                for part in response.iter_bytes():
                    content += part
                    if len(content) > LARGEST:
                        raise UnusableAnswerError(f"{name} answers with more than {LARGEST} bytes")
    except httpx2.HTTPError as error:
        raise TransientError(f"{name}: {type(error).__name__}") from None
    if limit.is_over:  # an answer without a length ends where the connection was cut
        raise TransientError(f"{name}: no answer within {WITHIN:g} s")
    return response.status_code, response.headers, bytes(content)
