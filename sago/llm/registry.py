"""The table of model providers. Lazy: a provider's SDK is imported only when that provider is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, cast

from sago.config import Settings
from sago.domain.outreach import ModelPolicy
from sago.errors import ConfigError
from sago.ports import CallLedger, Clock, Model


class Provider(NamedTuple):
    """One row: `module:class`, and how far the provider lets text go.

    A provider of this process is made without arguments, any other with settings, ledger and clock.
    """

    path: str
    place: ModelPolicy = ModelPolicy.OFFLINE


PROVIDERS: dict[str, Provider] = {
    "offline": Provider("sago.llm.providers.offline:OfflineModel"),
    "marker": Provider("sago.llm.providers.marker:MarkerModel"),
    "gemini": Provider("sago.llm.providers.gemini:GeminiModel", ModelPolicy.VENDOR),
}
"""By name in the configuration."""
IN_HOUSE = "offline"
"""Who reads for a company whose policy does not let its text go to the configured provider."""


def provider(name: str) -> Provider:
    """The row of that name; raises ConfigError that lists the names where there is none."""
    try:
        return PROVIDERS[name]
    except KeyError:
        known = ", ".join(sorted(PROVIDERS))
        raise ConfigError(f"extraction.provider: there is no provider {name!r}; choose one of {known}") from None


def load(name: str, settings: Settings, calls: CallLedger, clock: Clock) -> Model:
    """The provider of that name; raises ConfigError where there is none. Connects nothing."""
    row = provider(name)
    module, _, attribute = row.path.partition(":")
    make = getattr(import_module(module), attribute)
    return cast("Model", make() if row.place is ModelPolicy.OFFLINE else make(settings, calls, clock))
