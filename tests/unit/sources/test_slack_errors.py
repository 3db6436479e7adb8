"""What Slack's errors are raised as, and tokens that rotate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from sago.domain.connections import Token
from sago.errors import (
    AccountRefusedError,
    ConfigError,
    CursorExpiredError,
    NotThereError,
    PermanentError,
    SignatureError,
    TransientError,
    UnusableAnswerError,
)
from sago.ports import Delivery
from sago.resilience.breakers import SharedBreakers
from sago.resilience.shelf import MemoryShelf
from sago.sections import BreakerSettings
from sago.source_sections import SlackSettings
from sago.sources import slack_source
from sago.sources.slack_history import FaultOfSlackError
from sago.sources.slack_source import Slack
from sago.stores.memory.clock import ManualClock
from tests.canaries import slack_refresh, slack_token

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SETTINGS = SlackSettings(client_id="1.2", client_secret=SecretStr("a client secret"))
SLACK = Slack(SETTINGS)
OLD = Token(
    access=SecretStr(f"xoxe.{slack_token('old')}"),
    refresh=SecretStr(slack_refresh("old")),
    scopes=("channels:history",),
)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("ratelimited", TransientError, "too many requests"),
        ("invalid_auth", AccountRefusedError, "sago connect slack"),
        ("account_inactive", AccountRefusedError, "sago connect slack"),
        ("token_revoked", AccountRefusedError, "sago connect slack"),
        ("token_expired", AccountRefusedError, "sago connect slack"),
        ("not_authed", AccountRefusedError, "no token"),
        ("channel_not_found", NotThereError, "/invite @"),
        ("thread_not_found", NotThereError, "thread_not_found"),
        ("not_in_channel", PermanentError, "/invite @"),
        ("is_archived", PermanentError, "unarchive"),
        ("invalid_cursor", CursorExpiredError, "invalid_cursor"),
        ("internal_error", FaultOfSlackError, "internal_error"),
        ("fatal_error", FaultOfSlackError, "fatal_error"),
        ("service_unavailable", TransientError, "service_unavailable"),
        ("bad_client_secret", PermanentError, "SAGO_SLACK__CLIENT_SECRET"),
        ("a_new_error", PermanentError, "'a_new_error'"),
    ],
)
def test_an_error_is_raised_as_what_it_means(name: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as raised:
        SLACK.judge(200, {}, {"ok": False, "error": name})
    assert type(raised.value) is kind or issubclass(type(raised.value), NotThereError)


def test_a_missing_scope_is_named_with_how_to_mend_it() -> None:
    body = {"ok": False, "error": "missing_scope", "needed": "groups:history", "provided": "channels:history"}
    with pytest.raises(PermanentError, match=r"groups:history.*OAuth & Permissions.*sago connect slack"):
        SLACK.judge(200, {}, body)


def test_too_many_requests_are_told_with_how_long_to_wait() -> None:
    for headers in ({"Retry-After": "30"}, {"retry-after": "30"}, httpx2.Headers({"Retry-After": "30"})):
        with pytest.raises(TransientError) as raised:
            SLACK.judge(429, headers, {"ok": False, "error": "ratelimited"})
        assert raised.value.retry_after == timedelta(seconds=30)
    with pytest.raises(TransientError) as raised:
        SLACK.judge(429, {"Retry-After": "soon"}, {})
    assert raised.value.retry_after is None


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, {}), (503, {}), (404, {}), (500, {"ok": True}), (200, {"ok": False}), (200, {"error": 7})],
)
def test_what_is_not_slacks_answer_is_tried_again(status: int, body: dict[str, Any]) -> None:
    with pytest.raises(UnusableAnswerError):
        SLACK.judge(status, {}, body)


def test_a_good_answer_raises_nothing() -> None:
    SLACK.judge(200, {}, {"ok": True, "messages": []})


def answering(monkeypatch: pytest.MonkeyPatch, answer: httpx2.Response) -> list[dict[str, Any]]:
    """What was posted; each post ends with this answer."""
    posted: list[dict[str, Any]] = []

    def post(name: str, url: str, form: dict[str, str]) -> tuple[int, httpx2.Headers, bytes]:
        posted.append({"url": url, **form})
        return answer.status_code, answer.headers, answer.content

    monkeypatch.setattr(slack_source, "posted", post)
    return posted


def test_a_token_is_renewed_by_its_refresh_part(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {
        "ok": True,
        "access_token": f"xoxe.{slack_token('new')}",
        "refresh_token": slack_refresh("new"),
        "expires_in": 43200,
    }
    posted = answering(monkeypatch, httpx2.Response(200, json=body))
    fresh = Slack(SETTINGS.model_copy(update={"api_url": "https://slack.com/api"})).renew(OLD, NOW)
    assert fresh.access.get_secret_value() == f"xoxe.{slack_token('new')}"
    assert fresh.refresh is not None
    assert fresh.refresh.get_secret_value() == slack_refresh("new")
    assert fresh.expires_at == NOW + timedelta(hours=12)
    assert fresh.scopes == OLD.scopes
    assert posted[0]["url"] == "https://slack.com/api/oauth.v2.access"
    assert (posted[0]["grant_type"], posted[0]["refresh_token"]) == ("refresh_token", slack_refresh("old"))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx2.Response(200, json={"ok": False, "error": "invalid_refresh_token"}), AccountRefusedError),
        (httpx2.Response(200, json={"ok": False, "error": "bad_client_secret"}), PermanentError),
        (httpx2.Response(200, json={"ok": True}), UnusableAnswerError),
        (httpx2.Response(200, json=[]), UnusableAnswerError),
        (httpx2.Response(502, text="<html>"), UnusableAnswerError),
        (httpx2.Response(429, headers={"Retry-After": "7"}), TransientError),
    ],
)
def test_a_token_that_is_not_renewed_says_why_and_no_secret(
    answer: httpx2.Response, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, answer)
    with pytest.raises(kind) as raised:
        SLACK.renew(OLD, NOW)
    assert type(raised.value) is kind
    assert "xoxe" not in str(raised.value)
    assert "a client secret" not in str(raised.value)


def test_a_token_without_a_refresh_part_and_an_app_without_its_secret_cannot_renew() -> None:
    with pytest.raises(AccountRefusedError, match="no refresh part"):
        SLACK.renew(OLD.model_copy(update={"refresh": None}), NOW)
    with pytest.raises(ConfigError, match="SAGO_SLACK__CLIENT_ID"):
        Slack(SlackSettings()).renew(OLD, NOW)


def test_a_delivery_is_verified_with_the_secret_of_the_settings() -> None:
    delivery = Delivery(b"{}", {"x-slack-request-timestamp": str(int(NOW.timestamp()))}, NOW)
    with pytest.raises(ConfigError, match="SAGO_SLACK__SIGNING_SECRET"):
        SLACK.verify(delivery)
    with pytest.raises(SignatureError):
        Slack(SlackSettings(signing_secret=SecretStr("a signing secret"))).verify(delivery)


def test_faults_of_single_calls_are_no_outage_of_the_workspace() -> None:
    clock = ManualClock(NOW)
    breakers = SharedBreakers(MemoryShelf(), clock, BreakerSettings(fail_max=2), timedelta(minutes=1))
    for _ in range(3):
        with pytest.raises(FaultOfSlackError):
            breakers.call("slack/T1", lambda: SLACK.judge(200, {}, {"ok": False, "error": "internal_error"}))
    assert breakers.open() == []
