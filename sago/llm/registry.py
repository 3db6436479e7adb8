"""The table of model providers. Lazy: a provider's SDK is imported only when that provider is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, NamedTuple, cast

from sago.config import Settings
from sago.domain.companies import ModelPolicy
from sago.domain.model_calls import Budget
from sago.errors import ConfigError
from sago.llm.gateway import Gateway
from sago.llm.triage import Triaged
from sago.model_sections import KEY_VARIABLES, RemoteSettings
from sago.ports import Answers, Breakers, CallLedger, Clock, Model, RateLimit


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
FOR_TESTS = frozenset({"marker"})
"""Read marks that tests write: not offered to people."""
OFFERED = [name for name in PROVIDERS if name not in FOR_TESTS]
IN_HOUSE = "offline"
"""Who reads for a company whose policy does not let its text go to the configured provider."""


def provider(name: str, where: str = "extraction.provider") -> Provider:
    """The row of that name; raises ConfigError that lists the offered where there is none. `where` it was set."""
    try:
        return PROVIDERS[name]
    except KeyError:
        offered = ", ".join(OFFERED)
        raise ConfigError(f"{where}: there is no provider {name!r}; choose one of {offered}") from None


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


def furthest(names: Iterable[str], settings: Settings) -> ModelPolicy:
    """How far text goes where any of these providers may be asked."""
    return max((place_of(name, settings) for name in names), key=list(ModelPolicy).index)


def longest_call(settings: Settings) -> float:
    """Seconds that one call of a provider named may take; 0 where all of them are in this process."""
    sections = (_own(name, settings) for name in named(settings))
    return max((own.timeout for own in sections if own), default=0.0)


def _own(name: str, settings: Settings) -> RemoteSettings | None:
    """The section of a provider outside this process."""
    section = provider(name).section
    return getattr(settings, section) if section else None


def load(name: str, settings: Settings, calls: CallLedger, clock: Clock) -> Model:
    """The provider of that name; raises ConfigError where there is none. Connects nothing."""
    return _careful(name, _made(name, settings, calls, clock), settings, clock)


def _made(name: str, settings: Settings, calls: CallLedger, clock: Clock) -> Model:
    row = provider(name)
    module, _, attribute = row.path.partition(":")
    make = getattr(import_module(module), attribute)
    return cast("Model", make(settings, calls, clock) if row.section else make())


class Guards(NamedTuple):
    """What a model outside this process is asked through."""

    calls: CallLedger
    clock: Clock
    breakers: Breakers
    rates: RateLimit
    answers: Answers


def guarded(name: str, settings: Settings, guards: Guards) -> Model:
    """The provider of that name; one outside this process behind the cache, a breaker for it and its model, its rate
    and the budget. Raises as `load`."""
    model = _made(name, settings, guards.calls, guards.clock)
    own = _own(name, settings)
    if not own:
        return model
    return _careful(name, _lined(model, name, own, settings, guards), settings, guards.clock)


def _lined(model: Any, name: str, own: RemoteSettings, settings: Settings, guards: Guards) -> Model:
    """A `RemoteModel` whose questions go through all that the settings ask for; the cache is first, the budget last."""
    from sago.llm.remote.guards import Budgeted, Cached, Limited, Spared

    limits = settings.models
    budget = Budget(limits.budget_usd_a_day.company, limits.budget_usd_a_day.total)
    if budget != Budget():
        model.line = Budgeted(model.line, name, own, budget, guards.calls, guards.clock)
    if most := limits.requests_a_minute.get(name):
        model.line = Limited(model.line, name, most, guards.rates, guards.clock)
    model.line = Spared(model.line, f"{name}/{own.model}", guards.breakers)
    if limits.cache_ttl:
        model.line = Cached(model.line, name, own, guards.answers)
    return cast("Model", model)


def gateway(settings: Settings, guards: Guards) -> Gateway:
    """All models that may be asked. Raises ConfigError for a name that is not in the table."""
    models = {name: guarded(name, settings, guards) for name in named(settings)}
    configured = models[settings.extraction.provider]
    is_here = configured.place is ModelPolicy.OFFLINE
    return Gateway(
        configured=configured,
        in_house=configured if is_here else models.get(IN_HOUSE) or guarded(IN_HOUSE, settings, guards),
        clock=guards.clock,
        letters=models[settings.outreach.provider or settings.extraction.provider],
        fallback=[models[name] for name in settings.models.fallback],
    )


def named(settings: Settings) -> list[str]:
    """The providers that the settings name, each once; raises ConfigError for one that is not in the table."""
    places = {
        "extraction.provider": [settings.extraction.provider],
        "outreach.provider": [settings.outreach.provider] if settings.outreach.provider else [],
        "models.fallback": settings.models.fallback,
    }
    for where, names in {**places, "models.requests_a_minute": settings.models.requests_a_minute}.items():
        for name in names:
            provider(name, where)
    return list(dict.fromkeys(name for names in places.values() for name in names))


def _careful(name: str, model: Model, settings: Settings, clock: Clock) -> Model:
    """A model outside this process with what `extraction` asks for: persons hidden from it, a second look, chatter kept
    from it. Where all is chatter nothing is asked, and the breaker learns nothing of the other side. The second
    question is not triaged again, which would take its neighbours away."""
    own = _own(name, settings)
    if own is None:
        return model
    if settings.extraction.redact:
        from sago.llm.redacted import Redacted

        model = Redacted(model, clock, own.input_tokens)
    if settings.extraction.second_pass:
        from sago.llm.second_look import SecondLook, seen_by_rules

        model = SecondLook(model, seen_by_rules, settings.extraction.second_pass, clock)
    return Triaged(model) if settings.extraction.triage else model
