"""Asking a vendor with a token that is not kept yet, while a person waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2

from sago.domain.connections import Token
from sago.errors import AccountRefusedError, NotThereError, PermanentError, TransientError
from sago.sources.oauth import WITHIN

Judge = Callable[[int, Mapping[str, str], Mapping[str, Any]], None]
MOST_WAITS = 3
LONGEST_WAIT = timedelta(seconds=60)


@dataclass
class Visit:
    """The `Vendor` port with one bare token. Waits up to three times where the vendor asks for it, for at most a
    minute: nobody is there to try again but the person."""

    vendor: str
    base_url: str
    token: Token
    judge: Judge
    """The source's own."""
    sleep: Callable[[float], None] = time.sleep
    granted: frozenset[str] = field(default_factory=frozenset)
    """The token's scopes, where an answer's head names them, as Slack's do."""

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        """As the port says."""
        for _ in range(MOST_WAITS):
            try:
                return self._ask(path, params)
            except TransientError as error:
                if error.retry_after is None or error.retry_after > LONGEST_WAIT:
                    raise
                self.sleep(error.retry_after.total_seconds())
        return self._ask(path, params)

    def _ask(self, path: str, params: Mapping[str, str | int] | None) -> dict[str, Any]:
        sent = {"Authorization": f"Bearer {self.token.access.get_secret_value()}", "Accept": "application/json"}
        try:
            url = self.base_url.rstrip("/") + "/" + path.lstrip("/")
            response = httpx2.get(url, params=params, headers=sent, timeout=WITHIN)
            told = response.json()
        except httpx2.HTTPError as error:
            raise TransientError(
                f"{self.vendor} cannot be reached at {self.base_url} ({type(error).__name__}): try again"
            ) from None
        except ValueError:
            told = None
        self._raise_for(response, told if isinstance(told, dict) else {}, path)
        if not isinstance(told, dict):
            raise TransientError(f"{self.vendor} answered {response.status_code} without a JSON object: try again")
        if scopes := response.headers.get("x-oauth-scopes"):
            self.granted = frozenset(each.strip() for each in scopes.split(","))
        return told

    def _raise_for(self, response: httpx2.Response, told: Mapping[str, Any], path: str) -> None:
        status = response.status_code
        if status == 429 or status >= 500:
            asked = response.headers.get("retry-after", "")
            wait = timedelta(seconds=int(asked)) if asked.isdigit() else None
            raise TransientError(f"{self.vendor} answers {status}: try again later", retry_after=wait)
        self.judge(status, response.headers, told)
        if status == 401:
            raise AccountRefusedError(f"{self.vendor} does not take this token (401)")
        if status == 404:
            raise NotThereError(f"{self.vendor} has no {path} (404)")
        if not 200 <= status < 300:
            raise PermanentError(f"{self.vendor} refuses {path} ({status})")
