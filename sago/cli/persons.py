"""`sago people`: who is who over Slack and mail, and what is proposed where that is doubtful."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.lookup import CompanyOption, Wanted, me, opened, require_known, table, the_one
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.identities import Decision, Participant, Person, Proposal

group = typer.Typer(no_args_is_help=True, help="Who is who over Slack and mail, and what is doubtful in it.")

Why = Annotated[str, typer.Option("--because", help="Your reason, kept in the audit log.")]
NOBODY = "nobody is known yet: connect a source, `sago connect slack`"


@group.command("list")
def list_people(
    company: CompanyOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List the persons whose messages are read. Who writes from one address in two places is one person; programs and
    mailboxes such as info@ are none.

    Example: [bold]sago people list --company scaleflow[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = [
            (name, each) for name in _companies(container, company) for each in container.persons.people(name).persons
        ]
    if as_json:
        for name, person in found:
            session.emit(_as_json(name, person))
        return
    rows = [
        (str(each.id)[:8], name, each.name, ", ".join(each.addresses), _accounts(each.identities))
        for name, each in found
    ]
    table(session, ("id", "company", "name", "addresses", "accounts"), rows, NOBODY)


@group.command("show")
def show(
    person: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show one person's accounts, and how messages name them: `sago erase --sender` takes any of these names.

    Example: [bold]sago people show 3f2a91c4[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        everybody = [
            (name, each) for name in _companies(container, None) for each in container.persons.people(name).persons
        ]
        company, found = the_one("person", person, everybody, lambda each: each[1].id)
    if as_json:
        session.emit(_as_json(company, found))
        return
    session.out.print(escape(f"{found.name}, of {company}"))
    rows = [
        (each.source, each.native_id, each.name, each.address, each.shown_as, f"{each.seen_at:%Y-%m-%d}")
        for each in found.identities
    ]
    table(session, ("source", "id", "name", "address", "shown as", "last seen"), rows, "")


@group.command("proposals")
def list_proposals(
    company: CompanyOption = None,
    decided: Annotated[bool, typer.Option("--decided", help="Those that somebody decided on.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List pairs that may be one person, with the reason. Nothing is joined until you confirm it.

    Example: [bold]sago people proposals[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        names = _companies(container, company)
        taken = [each for name in names for each in container.persons.decisions(name)] if decided else []
        open_ones = [(name, each) for name in names for each in _open(container, name)] if not decided else []
    if as_json:
        for value in [*map(_decision, taken), *(_proposal(*each) for each in open_ones)]:
            session.emit(value)
        return
    if decided:
        cells = [
            (str(each.id)[:8], each.company_id, str(each.verdict), each.reason, f"{each.who}, {each.at:%Y-%m-%d}")
            for each in taken
        ]
        table(session, ("id", "company", "decided", "reason", "by"), cells, "nothing was decided yet")
        return
    rows = [
        (str(each.id)[:8], name, f"{_named(each.one)} = {_named(each.other)}?", each.reason) for name, each in open_ones
    ]
    table(session, ("id", "company", "may be one", "reason"), rows, "nothing is doubtful")


@group.command("confirm")
def confirm(
    proposal: Wanted,
    because: Why = "",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say that two are one person. `sago people undo` takes it back.

    Example: [bold]sago people confirm 9b1c02de[/]
    """
    _decide(Session(as_json, verbose, quiet, config), proposal, "confirmed", because)


@group.command("reject")
def reject(
    proposal: Wanted,
    because: Why = "",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say that two are not one person; they are not proposed again. `sago people undo` takes it back.

    Example: [bold]sago people reject 9b1c02de --because "two Anas"[/]
    """
    _decide(Session(as_json, verbose, quiet, config), proposal, "rejected", because)


@group.command("undo")
def undo(
    proposal: Wanted,
    because: Why = "",
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Take back what was confirmed or rejected: everything is as if it had not been decided.

    Example: [bold]sago people undo 9b1c02de[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        taken = [each for name in _companies(container, None) for each in container.persons.decisions(name)]
        found = the_one("decision", proposal, taken, lambda each: each.id)
        container.persons.undo(found, me(), because)
    if as_json:
        session.emit(_decision(found) | {"verdict": "undone"})
    session.note(escape(f"{str(found.id)[:8]}: no longer {found.verdict}"))


def _decide(session: Session, proposal: str, verdict: Literal["confirmed", "rejected"], because: str) -> None:
    with opened(session) as container:
        everything = [(name, each) for name in _companies(container, None) for each in _open(container, name)]
        company, found = the_one("proposal", proposal, everything, lambda each: each[1].id)
        decision = container.persons.decide(company, found.id, verdict, me(), because)
    if session.as_json:
        session.emit(_decision(decision))
    session.note(escape(f"{str(found.id)[:8]}: {verdict}; `sago people undo {str(found.id)[:8]}` takes it back"))


def _companies(container: Container, company: str | None) -> list[str]:
    if company is None:
        return container.persons.companies()
    with container.database.begin() as tx:
        require_known(tx, company)
    return [company]


def _open(container: Container, company: str) -> tuple[Proposal, ...]:
    return container.persons.people(company).proposals


def _named(identity: Participant) -> str:
    name = identity.name or identity.native_id
    return f"{name} ({identity.source}{f', {identity.address}' if identity.address else ''})"


def _accounts(identities: tuple[Participant, ...]) -> str:
    return ", ".join(f"{each.source} {each.native_id}" for each in identities)


def _as_json(company: str, person: Person) -> dict[str, Any]:
    said = person.model_dump(mode="json")
    return {"company_id": company, "id": said["id"], "name": person.name, "identities": said["identities"]}


def _proposal(company: str, proposal: Proposal) -> dict[str, Any]:
    return {"company_id": company, **proposal.model_dump(mode="json")}


def _decision(decision: Decision) -> dict[str, Any]:
    return {"id": str(decision.id), **decision.model_dump(mode="json")}
