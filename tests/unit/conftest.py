"""Unit tests open no sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Opening one fails the test; Unix sockets stay, asyncio wakes itself with a pair of them."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
