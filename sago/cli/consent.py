"""The options for a model outside the house, and what a command says of them before anything is fed or sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer
from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.session import Session
from sago.config import Settings
from sago.domain.companies import ModelPolicy
from sago.domain.model_calls import CallTotals
from sago.errors import ConfigError, UsageError
from sago.llm import registry

AllowModel = Annotated[
    bool, typer.Option("--allow-model", help="Let these companies' messages go to the provider's server.")
]


def _known(name: str | None) -> str | None:
    """The name as it was given; raises ConfigError where there is no such provider."""
    if name is not None:
        registry.provider(name, "--provider")
    return name


Reader = Annotated[
    str | None,
    typer.Option(
        "--provider",
        callback=_known,
        help="Who reads the messages: offline (on this machine), rules (the same without its encoder: faster, finds "
        "less), gemini, or openai (any server of that protocol, also your own) "
        r"\[extraction.provider in config.yaml, else offline].",
    ),
]
ChangeConsent = Annotated[
    bool | None,
    typer.Option(
        "--allow-model/--forbid-model",
        help="Let these companies' messages go to the providers that are set from now on, or take that back.",
        show_default=False,
    ),
]


def check_providers(names: Sequence[str], settings: Settings, *, allow: bool | None) -> None:
    """Raise ConfigError for an unknown provider or one without its key or model, UsageError for a consent without an
    object. A consent that is taken back needs neither: no provider is asked."""
    if allow and not _outside(names, settings):
        raise UsageError(f"--allow-model: {names[0]} reads on this machine, there is nothing to allow")
    for line in (registry.missing(name, settings) for name in names):
        if allow is not False and line:
            raise ConfigError(line)


def with_reader(settings: Settings, name: str | None) -> Settings:
    """The settings with the provider that was asked for by name."""
    extraction = settings.extraction.model_copy(update={"provider": name or settings.extraction.provider})
    return settings.model_copy(update={"extraction": extraction})


def _outside(names: Iterable[str], settings: Settings) -> list[str]:
    """Those that text leaves this machine for."""
    return [name for name in names if registry.place_of(name, settings) is not ModelPolicy.OFFLINE]


def refuse_strangers(name: str, settings: Settings, companies: Iterable[str]) -> None:
    """Raise UsageError for the first company where none is known yet and the provider needs more than the default."""
    place = registry.place_of(name, settings)
    if not ModelPolicy.OFFLINE.allows(place):
        for company_id in companies:
            raise _refusal(name, company_id, ModelPolicy.OFFLINE, place)


def settle(
    session: Session, container: Container, companies: Iterable[str], *, asked: str | None, allow: bool | None
) -> None:
    """Write the consent that `--allow-model` gives, take it back with `--forbid-model`, or see that it is there. It is
    given for all providers that the settings name: who reads, who writes letters, who is asked instead.

    Where the provider was asked for by name a company without consent is a UsageError, and nothing is fed; where it
    only stands in the configuration, or consent was just taken back, such a company is read here, which a note tells.
    """
    settings, consent = container.settings, container.consent
    names = registry.named(settings)
    if allow is False:
        _tell(session, consent.take_back(companies), "messages stay on this machine again")
        return
    outside = _outside(names, settings)
    if not outside:
        return
    place = registry.furthest(outside, settings)
    if allow:
        whom = ", ".join(outside)
        _tell(session, consent.give(companies, place), f"messages may now go to {whom}; `--forbid-model` takes it back")
        return
    instead = {settings.outreach.provider: "writes none of its letters", names[0]: "read on this machine instead"}
    for company_id, policy in consent.missing(companies, place).items():
        for name in outside:
            needed = registry.place_of(name, settings)
            if policy.allows(needed) or name not in instead:
                continue
            if asked and name == names[0]:
                raise _refusal(name, company_id, policy, needed)
            session.note(f"[yellow]{escape(_why(name, company_id, policy, needed))}:[/] {instead[name]}")


def _tell(session: Session, companies: list[str], what: str) -> None:
    if companies:
        session.note(escape(f"{', '.join(companies)}: {what}"))


def _refusal(name: str, company_id: str, policy: ModelPolicy, place: ModelPolicy) -> UsageError:
    why = _why(name, company_id, policy, place)
    return UsageError(f"{why}: nothing was sent; with --allow-model its messages go to {name}")


def _why(name: str, company_id: str, policy: ModelPolicy, place: ModelPolicy) -> str:
    return f"company {company_id}: its model_policy is {policy.value}, {name} needs {place.value}"


def spent(name: str, totals: CallTotals) -> str:
    """`gemini: 3 calls, 12,345 tokens in, 678 out, $0.0328`."""
    calls = f"{totals.calls} call{'' if totals.calls == 1 else 's'}"
    tokens = f"{totals.input_tokens:,} tokens in, {totals.output_tokens:,} out"
    return f"{name}: {calls}, {tokens}, ${totals.cost_usd:.4f}"
