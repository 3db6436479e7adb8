"""The token in a vendor's answer, whatever the answer says of its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from sago.domain.connections import Token
from sago.errors import TransientError
from sago.sources.oauth import LONGEST, token_of
from sago.sources.visits import Visit

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "lasts"),
    [
        (3600, timedelta(hours=1)),
        ("3600", timedelta(hours=1)),
        (None, None),
        (0, None),
        (-5, timedelta()),
        (10**18, LONGEST),
        (10**400, LONGEST),
        (float("inf"), LONGEST),
    ],
    ids=str,
)
def test_a_token_ends_when_its_vendor_says_or_within_a_year(said: Any, lasts: timedelta | None) -> None:
    ends = token_of({"access_token": "a", "expires_in": said}, NOW).expires_at
    assert ends == (None if lasts is None else NOW + lasts)


@pytest.mark.parametrize("said", [float("nan"), "soon", [1], {"a": 1}], ids=str)
def test_an_end_that_is_none_is_no_answer(said: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        token_of({"access_token": "a", "expires_in": said}, NOW)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (httpx2.ReadTimeout("x"), "no answer within 20 s; try again in a minute"),
        (httpx2.ConnectError("x"), "no connection; look at this machine's network, its proxy and certificates"),
        (httpx2.ReadError("x"), "the connection broke off; try again"),
    ],
)
def test_a_vendor_that_cannot_be_reached_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, error: httpx2.HTTPError, told: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(httpx2, "request", fails)
    visit = Visit("Slack", "https://slack.example/api", Token(access=SecretStr("a token")), lambda *_: None)
    with pytest.raises(TransientError, match=r"^Slack cannot be reached at https://slack\.example/api: ") as raised:
        visit.get("auth.test")
    assert told in str(raised.value)
    assert "Error" not in str(raised.value)
