"""`sago events`: events with their proof, and a person's word when one is wrong."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.lookup import Because, CompanyOption, Wanted, me, opened, require_known, table, the_one
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.events import CATALOGUE, Event, Rejection
from sago.domain.wording import day, metric_phrase
from sago.errors import UsageError
from sago.outreach import deciding
from sago.pipeline.extraction import refold
from sago.report import event_row
from sago.report.phrases import one_line, visible

group = typer.Typer(no_args_is_help=True, help="Events with their proof, and your word when one is wrong.")


@group.command("list")
def list_events(
    company: CompanyOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List active events, newest first.

    Example: [bold]sago events list --company scaleflow[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        found = tx.events.find(company, limit=limit)
    if as_json:
        for event in found:
            session.emit(event_row(event))
        return
    table(session, ("id", "company", "day", "kind", "what"), [_event_cells(event) for event in found], "no events yet")


@group.command("show")
def show_event(
    event: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show one event with its figures and every quote that proves it.

    Example: [bold]sago events show 3f2a91c0[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = _event(container, event)
    if as_json:
        session.emit(event_row(found))
        return
    session.out.print(Text(found.title, style="bold"))
    kind = CATALOGUE[found.event_type].label
    session.out.print(Text(f"{found.company_id} · {kind} · {found.severity} · {day(found.occurred_at)} · {found.id}"))
    if found.metrics:
        session.out.print(Text(" · ".join(metric_phrase(metric) for metric in found.metrics)))
    for proof in found.evidence:
        session.out.print(Text(f"\n“{visible(proof.quote)}”").append(f"\n{one_line(proof.message_id)}", "dim"))


@group.command("reject")
def reject_event(
    event: Wanted,
    because: Because,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say that an event is wrong; your word survives every later reading of the messages.

    Example: [bold]sago events reject 3f2a91c0 --because "that was the other Delta"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if not because.strip():
        raise UsageError("--because is empty: say why, for whoever reads the log")
    with opened(session) as container:
        found = _event(container, event)
        rejection = Rejection(
            company_id=found.company_id,
            event_id=found.id,
            because=because,
            rejected_by=me(),
            rejected_at=container.clock.now(),
        )
        withdrawn = deciding.reject_event(
            rejection, database=container.database, drafts=container.drafts, refold=refold
        )
    if as_json:
        session.emit(rejection.model_dump(mode="json"))
    session.note(
        f"rejected {found.id}; drafts withdrawn: {len(withdrawn)}; the next `outreach.schedule` writes them anew"
    )


def _event(container: Container, wanted: str) -> Event:
    with container.database.begin() as tx:
        return the_one("event", wanted, tx.events.find(), lambda event: event.id)


def _event_cells(event: Event) -> tuple[str, ...]:
    kind = CATALOGUE[event.event_type].label
    return (str(event.id)[:8], event.company_id, f"{event.occurred_at:%Y-%m-%d}", kind, event.title)
