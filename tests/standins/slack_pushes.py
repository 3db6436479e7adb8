"""Slack's side of the Events API: envelopes, signed and posted to a webhook, and posted again as Slack does
(docs.slack.dev/apis/events-api, sections on error handling; …/authentication/verifying-requests-from-slack)."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.standins.slack_workspace import Fields, Workspace

PAUSES = (0.0, 0.0, 60.0, 300.0)
"""Seconds before each attempt: the first retry comes nearly at once, then after a minute, then after five."""
ANSWER_WITHIN = 3.0


@dataclass
class Pushes:
    """Posts a workspace's events to one address. `factor` divides every time: 600 makes a minute a tenth of a
    second."""

    workspace: Workspace
    url: str
    secret: str
    factor: float = 1.0
    now: Callable[[], float] = time.time
    answer_within: float = ANSWER_WITHIN
    attempts: list[tuple[str, int, str]] = field(default_factory=list)
    """Event id, number of the retry, and the status or the reason of the failure."""
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def envelope(self, event: Mapping[str, Any]) -> Fields:
        """An event as it is delivered."""
        return {
            "token": "a-verification-token",
            "team_id": self.workspace.team,
            "context_team_id": self.workspace.team,
            "context_enterprise_id": None,
            "api_app_id": "A0STANDIN1",
            "event": dict(event),
            "type": "event_callback",
            "event_id": f"Ev{next(self._numbers):08d}",
            "event_time": int(float(event.get("event_ts", "0"))),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self.workspace.team,
                    "user_id": self.workspace.bot,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-standin",
        }

    def verify_address(self) -> bool:
        """The challenge that Slack sends when an address is set."""
        body = json.dumps({"type": "url_verification", "token": "a-verification-token", "challenge": "3eZbrw1aB"})
        try:
            answer = self._post(body.encode(), {})
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200 and "3eZbrw1aB" in answer.text

    def deliver(self, event: Mapping[str, Any]) -> bool:
        """Post an event until it is taken, at most four times; whether it was."""
        envelope = self.envelope(event)
        body = json.dumps(envelope, ensure_ascii=False).encode("utf-8", "surrogatepass")
        reason = ""
        for number, pause in enumerate(PAUSES):
            time.sleep(pause / self.factor)
            retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason} if number else {}
            try:
                answer = self._post(body, retry)
            except httpx2.TimeoutException:
                said = reason = "http_timeout"
            except httpx2.HTTPError:
                said = reason = "connection_failed"
            else:
                said, reason = str(answer.status_code), "http_error"
            self.attempts.append((envelope["event_id"], number, said))
            if said.startswith("2"):
                return True
            if said.isdigit() and answer.headers.get("x-slack-no-retry") == "1":
                return False
        return False

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers that say that Slack sent it."""
        stamp = str(int(self.now()))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self.secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    def _post(self, body: bytes, more: Mapping[str, str]) -> httpx2.Response:
        headers = {"Content-Type": "application/json", **self.signed(body), **more}
        return httpx2.post(self.url, content=body, headers=headers, timeout=self.answer_within)
