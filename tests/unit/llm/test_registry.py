"""The table of providers."""

from __future__ import annotations

import pytest

from sago.errors import ConfigError
from sago.llm.registry import PROVIDERS, load


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_of_the_table_can_be_made(name: str) -> None:
    assert load(name).name == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'oracle'; choose one of marker, offline"):
        load("oracle")
