"""The table of model providers. Lazy: a provider's SDK is imported only when that provider is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple, cast

from sago.config import Settings
from sago.domain.outreach import ModelPolicy
from sago.errors import ConfigError
from sago.llm.gateway import Guarded
from sago.ports import Breakers, CallLedger, Clock, Model
from sago.sections import KEY_VARIABLES, RemoteSettings


class Provider(NamedTuple):
    """One row: `module:class`, and which section of the settings is the provider's own.

    A provider of this process has none and is made without arguments, any other with settings, ledger and clock; its
    section is a `RemoteSettings`.
    """

    path: str
    section: str = ""


PROVIDERS: dict[str, Provider] = {
    "offline": Provider("sago.llm.providers.offline:OfflineModel"),
    "rules": Provider("sago.llm.providers.offline:RulesModel"),
    "marker": Provider("sago.llm.providers.marker:MarkerModel"),
    "gemini": Provider("sago.llm.providers.gemini:GeminiModel", "gemini"),
    "openai": Provider("sago.llm.providers.openai_compatible:OpenAIModel", "openai"),
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


def missing(name: str, settings: Settings) -> str | None:
    """The line for a person where a key or model is needed and not set."""
    own = _own(name, settings)
    if own and own.needs_key and not own.api_key:
        return no_key(name)
    return no_model(name) if own and not own.model else None


def no_model(name: str) -> str:
    """The line for a person who asks for a provider whose model is not named."""
    return f"{name}.model is not set: name a model of the server in config.yaml"


def place_of(name: str, settings: Settings) -> ModelPolicy:
    """How far the provider lets text go; raises ConfigError for a name that is not in the table."""
    own = _own(name, settings)
    return own.reach if own else ModelPolicy.OFFLINE


def longest_call(name: str, settings: Settings) -> float:
    """Seconds that one call of the provider may take; 0 where it reads in this process."""
    own = _own(name, settings)
    return own.timeout if own else 0.0


def _own(name: str, settings: Settings) -> RemoteSettings | None:
    """The section of a provider outside this process."""
    section = provider(name).section
    return getattr(settings, section) if section else None


def load(name: str, settings: Settings, calls: CallLedger, clock: Clock) -> Model:
    """The provider of that name; raises ConfigError where there is none. Connects nothing."""
    row = provider(name)
    module, _, attribute = row.path.partition(":")
    make = getattr(import_module(module), attribute)
    return cast("Model", make(settings, calls, clock) if row.section else make())


def guarded(name: str, settings: Settings, calls: CallLedger, clock: Clock, breakers: Breakers) -> Model:
    """The provider of that name; one outside this process behind a breaker for it and its model. Raises as `load`."""
    model = load(name, settings, calls, clock)
    own = _own(name, settings)
    return Guarded(model, breakers, f"{name}/{own.model}") if own else model
