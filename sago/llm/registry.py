"""The table of model providers. Lazy: a provider's SDK is imported only when that provider is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple, cast

from sago.config import Settings
from sago.domain.outreach import ModelPolicy
from sago.errors import ConfigError
from sago.llm.gateway import Guarded
from sago.llm.triage import Triaged
from sago.ports import Breakers, CallLedger, Clock, Model
from sago.sections import KEY_VARIABLES


class Provider(NamedTuple):
    """One row: `module:class`, how far the provider lets text go, and which section of the settings is its own.

    A provider of this process is made without arguments, any other with settings, ledger and clock; the section of
    such a one holds `model`, `timeout`, the seconds of one call, and `api_key` where it needs a key.
    """

    path: str
    place: ModelPolicy = ModelPolicy.OFFLINE
    section: str = ""


PROVIDERS: dict[str, Provider] = {
    "offline": Provider("sago.llm.providers.offline:OfflineModel"),
    "rules": Provider("sago.llm.providers.offline:RulesModel"),
    "marker": Provider("sago.llm.providers.marker:MarkerModel"),
    "gemini": Provider("sago.llm.providers.gemini:GeminiModel", ModelPolicy.VENDOR, "gemini"),
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


def no_key(name: str) -> str:
    """The line for a person who asks for a provider whose key is not set."""
    variable = KEY_VARIABLES[provider(name).section][0]
    running = "a running stack reads it when it starts"
    return f"{name} has no key: put {variable}=… into .env ({running}), or choose the provider {IN_HOUSE}"


def lacks_key(name: str, settings: Settings) -> bool:
    """Whether the provider needs a key and has none."""
    return provider(name).section in KEY_VARIABLES and not _own(name, settings).api_key


def longest_call(name: str, settings: Settings) -> float:
    """Seconds that one call of the provider may take; 0 where it reads in this process."""
    return float(_own(name, settings).timeout) if provider(name).section else 0.0


def _own(name: str, settings: Settings) -> Any:
    return getattr(settings, provider(name).section)


def load(name: str, settings: Settings, calls: CallLedger, clock: Clock) -> Model:
    """The provider of that name; raises ConfigError where there is none. Connects nothing."""
    return _triaged(_bare(name, settings, calls, clock), settings)


def _bare(name: str, settings: Settings, calls: CallLedger, clock: Clock) -> Model:
    row = provider(name)
    module, _, attribute = row.path.partition(":")
    make = getattr(import_module(module), attribute)
    return cast("Model", make() if row.place is ModelPolicy.OFFLINE else make(settings, calls, clock))


def guarded(name: str, settings: Settings, calls: CallLedger, clock: Clock, breakers: Breakers) -> Model:
    """The provider of that name; one outside this process behind a breaker for it and its model. Raises as `load`."""
    model = _bare(name, settings, calls, clock)
    if provider(name).section:
        model = Guarded(model, breakers, f"{name}/{_own(name, settings).model}")
    return _triaged(model, settings)


def _triaged(model: Model, settings: Settings) -> Model:
    """Before the breaker: where all is chatter nothing was asked, and nothing learned of the other side."""
    asks = model.place is not ModelPolicy.OFFLINE
    return Triaged(model) if asks and settings.extraction.triage else model
