"""Unit tests open no sockets."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    """Opening one fails the test; Unix sockets stay, asyncio wakes itself with a pair of them."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command writes its log to a stream of its own, which is closed when it ends."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)
