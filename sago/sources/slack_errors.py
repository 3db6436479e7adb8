"""What Slack's errors mean: `{"ok": false, "error": NAME}`, mostly with status 200
(docs.slack.dev/apis/web-api, section "Evaluating responses"; the names stand with each method)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sago.errors import (
    AccountRefusedError,
    CursorExpiredError,
    NotThereError,
    PermanentError,
    SagoError,
    TransientError,
    UnusableAnswerError,
)
from sago.sources.slack_history import FaultOfSlackError, NoSuchThreadError

_AGAIN = "connect the workspace again: `sago connect slack`"
_REFUSED = {
    "invalid_auth": "the token is not valid",
    "not_authed": "no token was sent",
    "account_inactive": "the workspace or the app's user is gone",
    "token_revoked": "the token was revoked, or the app was removed",
    "token_expired": "the token has ended",
    "invalid_refresh_token": "the token cannot be renewed",
    "app_uninstalled": "the app was removed from the workspace",
}
_PASSING = {
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "org_login_required",
    "accesslimited",
}
_FAULTS = {"internal_error", "fatal_error"}
_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_MENDED = {
    "not_in_channel": "the app is not in this channel: write `/invite @` with the app's name there",
    "is_archived": "the channel is archived: unarchive it, or take it out of the share",
    "bad_client_secret": "set SAGO_SLACK__CLIENT_SECRET to the secret under Basic Information of the app",
    "invalid_client_id": "set SAGO_SLACK__CLIENT_ID to the id under Basic Information of the app",
}
_GONE = {
    "channel_not_found": "there is no such channel, or it is private and the app is not in it: write `/invite @` with "
    "the app's name there, or take it out of the share",
    "user_not_found": "there is no such user",
}


def judge(status: int, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
    """See `Source.judge`; without `ok` an answer is not Slack's (a page of an outage)."""
    name = body.get("error")
    if status == 429 or name in _LIMITED:
        raise TransientError("Slack: too many requests", retry_after=_retry_after(headers))
    if body.get("ok") is True and status < 400:
        return
    if status >= 500 or not isinstance(name, str) or not name:
        raise UnusableAnswerError(f"Slack answered with status {status} and not with its JSON")
    raise _error(name, body)


def _error(name: str, body: Mapping[str, Any]) -> SagoError:
    if name in _REFUSED:
        return AccountRefusedError(f"Slack: {name}: {_REFUSED[name]}; {_AGAIN}")
    if name in _FAULTS:
        return FaultOfSlackError(f"Slack: {name}")
    if name in _PASSING:
        return TransientError(f"Slack: {name}")
    if name == "invalid_cursor":
        return CursorExpiredError(f"Slack: {name}")
    if name == "thread_not_found":
        return NoSuchThreadError(f"Slack: {name}")
    if name in _GONE:
        return NotThereError(f"Slack: {name}: {_GONE[name]}")
    if name == "missing_scope":
        needed = str(body.get("needed") or "one more")[:200]
        return PermanentError(
            f"Slack: {name}: the app has no {needed}: add it under OAuth & Permissions of the app, then {_AGAIN}"
        )
    return PermanentError(f"Slack: {name}: {_MENDED[name]}" if name in _MENDED else f"Slack: {name[:80]!r}")


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    said = next((value for key, value in headers.items() if key.lower() == "retry-after"), "")
    return timedelta(seconds=int(said)) if said.isascii() and said.isdigit() and len(said) < 7 else None
