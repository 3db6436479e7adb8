"""The token in a vendor's answer, whatever the answer says of its end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sago.sources.oauth import LONGEST, token_of

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
