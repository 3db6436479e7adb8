"""Flower's settings: what they refuse, and which addresses need a password."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sago.domain.hosts import is_loopback
from sago.serving_sections import FlowerSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_an_address_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "", "flower.example", "127.0.0.1.example"])  # noqa: S104
def test_an_address_others_can_reach(host: str) -> None:
    assert not is_loopback(host)


def test_a_login_that_browsers_could_not_send_is_refused() -> None:
    with pytest.raises(ValidationError, match="String should match pattern"):
        FlowerSettings(user="a:b")
    with pytest.raises(ValidationError, match=r"SAGO_FLOWER__PASSWORD.* must be ASCII"):
        FlowerSettings(password="geheim-ü")


def test_a_password_is_not_shown() -> None:
    assert "a-secret-word" not in repr(FlowerSettings(password="a-secret-word"))
