"""How Google's servers fail: their errors, and when one of them comes.

Form: developers.google.com/workspace/gmail/api/guides/handle-errors
"""

from __future__ import annotations

import re
from dataclasses import dataclass

STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"} | {
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
REASONS = {
    "400": (400, "invalidArgument"),
    "401": (401, "authError"),
    "404": (404, "notFound"),
    "429": (429, "rateLimitExceeded"),
    "500": (500, "backendError"),
    "503": (503, "backendError"),
    "forbidden": (403, "forbidden"),
    "rateLimitExceeded": (403, "rateLimitExceeded"),
    "userRateLimitExceeded": (403, "userRateLimitExceeded"),
    "dailyLimitExceeded": (403, "dailyLimitExceeded"),
    "insufficientPermissions": (403, "insufficientPermissions"),
    "accessNotConfigured": (403, "accessNotConfigured"),
}
"""Faults that are answers; `hang`, `cut`, `html`, `twice` (the page before once more) and
`overlap` (half of it) are the others."""


@dataclass
class Fault:
    """A way to misbehave: at each `every`-th request whose path fits, `times` times in all."""

    kind: str
    path: str = ""
    every: int = 1
    times: int = 1
    retry_after: int | None = None
    _seen: int = 0

    def strikes(self, path: str, has_token: bool) -> bool:
        """Pages are told again where there is one before."""
        if self.times <= 0 or not re.search(self.path, path) or (self.kind in ("twice", "overlap") and not has_token):
            return False
        self._seen += 1
        if self._seen % self.every:
            return False
        self.times -= 1
        return True


class AnswerError(Exception):
    """An error as Google says it."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.headers = status, headers or {}
        told = {"message": reason, "domain": "global", "reason": reason}
        self.body = {
            "error": {"code": status, "message": reason, "errors": [told], "status": STATUS.get(status, "UNKNOWN")}
        }
