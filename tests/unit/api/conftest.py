"""Houses as fixtures, closed after the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.unit.api.api_house import LOCAL, House, MakeHouse, container_in_memory, open_house, settings_of


@pytest.fixture
def make() -> Iterator[MakeHouse]:
    """Makes houses: `embedded` waits for the raw store, `adapters` replaces some of those in memory."""
    with ExitStack() as clients:

        def made(
            *,
            embedded: bool = False,
            caller: tuple[str, int] = LOCAL,
            adapters: dict[str, Any] | None = None,
            **api: Any,
        ) -> House:
            house = open_house(container_in_memory(settings_of(embedded=embedded, **api), **(adapters or {})), caller)
            clients.enter_context(house.client)
            return house

        yield made


@pytest.fixture
def house(make: MakeHouse) -> House:
    """One on this machine without a key, over a log that keeps what it acknowledged."""
    return make()
