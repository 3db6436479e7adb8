"""The table of model providers. Lazy: a provider's SDK is imported only when that provider is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from sago.errors import ConfigError
from sago.ports import Model

PROVIDERS: dict[str, str] = {
    "offline": "sago.llm.providers.offline:OfflineModel",
    "marker": "sago.llm.providers.marker:MarkerModel",
}
"""Name in the configuration → `module:class`; each class is made without arguments."""


def load(name: str) -> Model:
    """The provider of that name; raises ConfigError that lists the names where there is none."""
    try:
        module, _, attribute = PROVIDERS[name].partition(":")
    except KeyError:
        known = ", ".join(sorted(PROVIDERS))
        raise ConfigError(f"extraction.provider: there is no provider {name!r}; choose one of {known}") from None
    return cast("Model", getattr(import_module(module), attribute)())
