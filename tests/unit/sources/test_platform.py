"""The table of sources, and what it takes to be in it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from typing import cast

import pytest

from sago.config import Settings
from sago.domain.connections import Connection, connection_id_of
from sago.errors import ConfigError
from sago.sources.platform import SOURCES, Platform
from sago.sources.vendor import Guards

NOBODY = cast("Guards", None)


@pytest.fixture
def platform() -> Platform:
    return Platform(partial(getattr, Settings()), NOBODY)


@pytest.mark.parametrize("name", SOURCES)
def test_each_row_is_a_source_of_that_name_with_settings_that_say_where_it_is(platform: Platform, name: str) -> None:
    source = platform.get(name)
    assert source is not None
    assert source.name == name
    assert source is platform.get(name)
    assert getattr(Settings(), name).api_url.startswith("https://")


def test_a_name_that_nobody_knows_is_none_and_its_connections_say_so(platform: Platform) -> None:
    assert platform.get("telex") is None
    connection = Connection(
        id=connection_id_of("telex", "1"),
        source="telex",
        account="1",
        name="Telex",
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
    )
    with pytest.raises(ConfigError, match="there is no source 'telex', but gmail, slack"):
        platform.vendor(connection)


def test_a_source_is_imported_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tests.standins.paged", raising=False)
    platform = Platform(lambda _: None, NOBODY, {"paged": "tests.standins.paged:Paged"})
    assert "tests.standins.paged" not in sys.modules
    assert platform.get("paged") is not None
    assert "tests.standins.paged" in sys.modules
