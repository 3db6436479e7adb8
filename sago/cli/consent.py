"""Whether a command's messages may go to a model outside the house: asked before anything is fed or sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.session import Session
from sago.config import Settings
from sago.domain.model_calls import CallTotals
from sago.domain.outreach import ModelPolicy
from sago.errors import ConfigError, UsageError
from sago.llm import registry

AllowModel = Annotated[
    bool, typer.Option("--allow-model", help="Let these companies' messages go to the provider's vendor.")
]
NO_KEY = "gemini needs a key: put GEMINI_API_KEY=… into .env, or choose --provider offline"


def place_of(name: str) -> ModelPolicy:
    """How far a provider lets text go; raises ConfigError for a name that is not in the table."""
    return registry.provider(name).place


def check_provider(name: str, settings: Settings, *, allow: bool) -> None:
    """Raise ConfigError for an unknown provider or one without its key, UsageError for a consent without an object."""
    place = place_of(name)
    if place is ModelPolicy.OFFLINE and allow:
        raise UsageError(f"--allow-model: {name} reads on this machine, there is nothing to allow")
    key = settings.gemini.api_key
    if name == "gemini" and not (key and key.get_secret_value().strip()):
        raise ConfigError(NO_KEY)


def refuse_strangers(name: str, companies: Iterable[str]) -> None:
    """Raise UsageError for the first company where none is known yet and the provider needs more than the default."""
    place = place_of(name)
    if not ModelPolicy.OFFLINE.allows(place):
        for company_id in companies:
            raise _refusal(name, company_id, ModelPolicy.OFFLINE, place)


def settle(session: Session, container: Container, companies: Iterable[str], *, asked: str | None, allow: bool) -> None:
    """Write the consent that `--allow-model` gives, or see that it is there.

    Where the provider was asked for by name a company without consent is a UsageError, and nothing is fed; where it
    only stands in the configuration such a company is read here, which a note tells.
    """
    name = container.settings.extraction.provider
    place = place_of(name)
    if place is ModelPolicy.OFFLINE:
        return
    named = set(companies)
    if allow:
        permit(container, named, place)
        return
    refused = forbidding(container, named, place)
    for company_id, policy in sorted(refused.items()):
        if asked:
            raise _refusal(name, company_id, policy, place)
        session.note(f"[yellow]{escape(_why(name, company_id, policy, place))}:[/] read on this machine instead")


def _refusal(name: str, company_id: str, policy: ModelPolicy, place: ModelPolicy) -> UsageError:
    why = _why(name, company_id, policy, place)
    return UsageError(f"{why}: nothing was sent; with --allow-model its messages go to {name}")


def _why(name: str, company_id: str, policy: ModelPolicy, place: ModelPolicy) -> str:
    return f"company {company_id}: its model_policy is {policy.value}, {name} needs {place.value}"


def forbidding(container: Container, companies: Iterable[str], place: ModelPolicy) -> dict[str, ModelPolicy]:
    """The companies whose policy does not let text go to `place`, with that policy; unknown ones have the default."""
    with container.database.begin() as tx:
        known = {company_id: tx.companies.get(company_id) for company_id in companies}
    policies = {
        company_id: company.model_policy if company else ModelPolicy.OFFLINE for company_id, company in known.items()
    }
    return {company_id: policy for company_id, policy in policies.items() if not policy.allows(place)}


def permit(container: Container, companies: Iterable[str], place: ModelPolicy) -> None:
    """Save the consent of these companies, so that every worker sees it; an unknown company is made first."""
    now = container.clock.now()
    with container.database.begin() as tx:
        for company_id in sorted(companies):
            company = tx.companies.ensure(company_id, now)
            if not company.model_policy.allows(place):
                tx.companies.save(company.model_copy(update={"model_policy": place}))


def spent(name: str, totals: CallTotals) -> str:
    """`gemini: 3 calls, 12,345 tokens in, 678 out, $0.0328`."""
    calls = f"{totals.calls} call{'' if totals.calls == 1 else 's'}"
    tokens = f"{totals.input_tokens:,} tokens in, {totals.output_tokens:,} out"
    return f"{name}: {calls}, {tokens}, ${totals.cost_usd:.4f}"
