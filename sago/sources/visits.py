"""Asking a vendor with a token that is not kept yet, while a person waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from sago.domain.connections import Token
from sago.errors import TransientError
from sago.sources import vendor_answers as answers
from sago.sources.oauth import WITHIN
from sago.sources.token_request import why_unreached

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

    def get(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:  # noqa: ARG002
        """As the port says."""
        return self._call("GET", path, {"params": params})

    def post(self, path: str, body: Mapping[str, Any], *, limit: str = "") -> dict[str, Any]:  # noqa: ARG002
        """As the port says."""
        return self._call("POST", path, {"json": dict(body)})

    def _call(self, method: str, path: str, sent: dict[str, Any]) -> dict[str, Any]:
        for _ in range(MOST_WAITS):
            try:
                return self._ask(method, path, sent)
            except TransientError as error:
                if error.retry_after is None or error.retry_after > LONGEST_WAIT:
                    raise
                self.sleep(error.retry_after.total_seconds())
        return self._ask(method, path, sent)

    def _ask(self, method: str, path: str, sent: dict[str, Any]) -> dict[str, Any]:
        url = self.base_url.rstrip("/") + "/" + path.lstrip("/")
        headers = {"Authorization": f"Bearer {self.token.access.get_secret_value()}", "Accept": "application/json"}
        try:
            response = httpx2.request(method, url, headers=headers, timeout=WITHIN, **sent)
        except httpx2.HTTPError as error:
            raise TransientError(
                f"{self.vendor} cannot be reached at {self.base_url}: {why_unreached(error, WITHIN)}"
            ) from None  # it may hold the request
        answers.raise_passing(self.vendor, response.status_code, response.headers, datetime.now(UTC))
        try:
            told = answers.json_object(self.vendor, response.content)
        except TransientError:
            if response.is_success:
                raise
            told = {}
        self.judge(response.status_code, response.headers, told)
        answers.raise_refusal(self.vendor, response.status_code, path)
        if scopes := response.headers.get("x-oauth-scopes"):
            self.granted = frozenset(each.strip() for each in scopes.split(","))
        return told
