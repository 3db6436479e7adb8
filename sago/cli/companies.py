"""`sago company`: what a company is called, and who speaks for it in letters."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sago.cli.lookup import opened, require_known, table
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.companies import Company
from sago.errors import UsageError
from sago.outreach.addressing import person
from sago.report.phrases import one_line

FOUNDER = "'Alex Reyes <alex@scaleflow.example>'"

group = typer.Typer(no_args_is_help=True, help="What a company is called, and who its founder is.")


@group.command("list")
def list_companies(
    as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None
) -> None:
    """List the companies whose messages are known.

    Example: [bold]sago company list[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        found = tx.companies.all()
    if as_json:
        for company in found:
            session.emit(company.model_dump(mode="json"))
        return
    rows = [(each.company_id, each.name, _founder(each), each.model_policy.value) for each in found]
    table(
        session, ("id", "name", "founder", "read by"), rows, "no companies yet: bring messages in, `sago ingest FILE`"
    )


@group.command("set")
def set_company(
    company: Annotated[str, typer.Argument(help="Company id, as in `sago company list`.")],
    name: Annotated[str | None, typer.Option(help="As letters write it.")] = None,
    founder: Annotated[str | None, typer.Option(help=f"{FOUNDER}.")] = None,
    title: Annotated[str | None, typer.Option(help="The founder's office, under letters of theirs.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say what a company is called and who its founder is; what is not given stays. Letters that are written already
    keep the name and address they have.

    Example: [bold]sago company set scaleflow --name ScaleFlow --founder 'Alex Reyes <alex@scaleflow.example>'[/]
    """
    session = Session(as_json, verbose, quiet, config)
    changes = _changes(name, founder, title)
    if not changes:
        raise UsageError("nothing to set: give --name, --founder or --title")
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        changed = tx.companies.ensure(company, container.clock.now()).model_copy(update=changes)
        tx.companies.save(changed)
    if as_json:
        session.emit(changed.model_dump(mode="json"))
    session.note(escape(f"{changed.company_id}: {changed.name}; {_founder(changed)}"))


def _changes(name: str | None, founder: str | None, title: str | None) -> dict[str, str]:
    """Raises UsageError for what cannot stand in a letter's head."""
    changes = {}
    if name is not None:
        changes["name"] = person(name, "--name", "ScaleFlow").name
    if founder is not None:
        known = person(founder, "--founder", FOUNDER)
        changes["founder"] = known.name
        if known.email:
            changes["founder_email"] = known.email
    if title is not None:
        changes["founder_title"] = person(title, "--title", "CEO").name
    return changes


def _founder(company: Company) -> str:
    address = f" <{company.founder_email}>" if company.founder_email else ", without an address"
    return one_line(f"{company.founder}{address}") if company.founder else "no founder known"
