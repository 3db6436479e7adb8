"""`sago events`: events with their proof, and a person's word when one is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.lookup import Because, CompanyOption, Wanted, me, opened, require_known, table, the_one
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.contradictions import Contradiction, contradictions
from sago.domain.events import CATALOGUE, Event, Rejection
from sago.domain.wording import day, metric_phrase, titled
from sago.errors import UsageError
from sago.evaluation.judged import judged
from sago.outreach import deciding
from sago.pipeline.extraction import refold
from sago.pipeline.folding import fold
from sago.ports import Transaction
from sago.report import event_row
from sago.report.phrases import counted, one_line, visible

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
        against = _contradictions(tx, {event.company_id for event in found})
    if as_json:
        for event in found:
            session.emit(_row(event, against.get(event.id, ())))
        return
    cells = [_event_cells(event, against.get(event.id, ())) for event in found]
    table(session, ("id", "company", "day", "kind", "what"), cells, "no events yet")


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
        with container.database.begin() as tx:
            against = _contradictions(tx, {found.company_id}).get(found.id, ())
    if as_json:
        session.emit(_row(found, against))
        return
    session.out.print(Text(titled(found), style="bold"))
    kind = CATALOGUE[found.event_type].label
    session.out.print(Text(f"{found.company_id} · {kind} · {found.severity} · {day(found.occurred_at)} · {found.id}"))
    if found.metrics:
        session.out.print(Text(" · ".join(metric_phrase(metric) for metric in found.metrics)))
    for each in against:
        session.out.print(Text(f"contradicts {_short(each.other.event_id)}: {each.text}", style="yellow"))
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
    """Say that an event is wrong; your word survives every later reading of the messages, until `restore`.

    Example: [bold]sago events reject 3f2a91c0 --because "that was the other Delta"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    _require_reason(because)
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
    session.note(f'to take it back: sago events restore {_short(found.id)} --because "…"')


@group.command("rejected")
def list_rejected(
    company: CompanyOption = None,
    every: Annotated[bool, typer.Option("--all", help="Those taken back too: by whom, when and why.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List the rejected events, latest word first: who said when and why that they are wrong.

    Example: [bold]sago events rejected --company scaleflow --all[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        found = _rejections(tx, company, in_force=not every)
    if as_json:
        for rejection in found:
            session.emit(rejection.model_dump(mode="json"))
        return
    heads = ("id", "company", "day", "by", "because", *(("taken back",) if every else ()))
    table(session, heads, [_word_cells(each)[: len(heads)] for each in found], "no event is rejected")


@group.command("restore")
def restore_event(
    event: Annotated[str, typer.Argument(help="Id as `sago events rejected` shows it, or its first characters.")],
    because: Because,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Take back every rejection of an event, whoever said it, so that the event is there again; each is kept, with
    your name and reason.

    Example: [bold]sago events restore 3f2a91c0 --because "it was our Delta after all"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    _require_reason(because)
    with opened(session) as container:
        with container.database.begin() as tx:
            by_event = {rejection.event_id: rejection for rejection in _rejections(tx)}
        wanted = the_one("rejected event", event, list(by_event.values()), lambda rejection: rejection.event_id)
        restored = deciding.restore_event(
            wanted.company_id,
            wanted.event_id,
            database=container.database,
            fold=fold,
            who=me(),
            why=because,
            at=container.clock.now(),
        )
    back = restored.event
    if as_json:
        taken_back = [rejection.model_dump(mode="json") for rejection in restored.rejections]
        session.emit({"restored": str(back.id) if back else None, "taken_back": taken_back})
    session.note(
        f"{counted(len(restored.rejections), 'rejection')} taken back; "
        + (f"see it: sago events show {_short(back.id)}" if back else "no message tells this event any more")
    )


@group.command("export")
def export_events(
    out: Annotated[Path, typer.Option("--out", help="Folder for messages.csv and gold.jsonl.")],
    company: CompanyOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Write what people have judged as labelled messages, for `sago eval`.

    The messages of rejected events come without a label, those of events in approved letters with theirs. The files
    hold whole messages.

    Example: [bold]sago events export --out judged[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        with container.database.begin() as tx:
            require_known(tx, company)
            companies = [company] if company else [each.company_id for each in tx.companies.all()]
        found = judged(container.database, container.raw, companies)
    if not found.messages:
        session.note("nothing to export: no event was rejected and no letter approved yet")
        raise typer.Exit(1)
    found.write(out)
    if as_json:
        session.emit({"out": str(out), "messages": len(found.messages), "labels": len(found.labels)})
    session.note(
        f"{counted(len(found.messages), 'message')} and {counted(len(found.labels), 'label')} in {out}; "
        f"next: sago eval {out / 'messages.csv'} {out / 'gold.jsonl'}"
    )


def _event(container: Container, wanted: str) -> Event:
    with container.database.begin() as tx:
        return the_one("event", wanted, tx.events.find(), lambda event: event.id)


def _require_reason(because: str) -> None:
    if not because.strip():
        raise UsageError("--because is empty: say why, for whoever reads the log")


def _word_cells(word: Rejection) -> tuple[str, ...]:
    back = f"{word.restored_at:%Y-%m-%d} {word.restored_by}: {word.restored_because}" if word.restored_at else ""
    return (
        _short(word.event_id), word.company_id, f"{word.rejected_at:%Y-%m-%d}", word.rejected_by, word.because, back
    )  # fmt: skip


def _rejections(tx: Transaction, company: str | None = None, *, in_force: bool = True) -> list[Rejection]:
    """Of this company or of all, the latest first."""
    companies = [company] if company else [each.company_id for each in tx.companies.all()]
    found = chain.from_iterable(tx.events.rejections(company_id, in_force=in_force) for company_id in companies)
    return sorted(found, key=lambda rejection: rejection.rejected_at, reverse=True)


def _contradictions(tx: Transaction, companies: Iterable[str]) -> dict[UUID, list[Contradiction]]:
    return contradictions(point for company in companies for point in tx.events.metric_points(company))


def _row(event: Event, against: Sequence[Contradiction]) -> dict[str, Any]:
    """As `events.jsonl` has it, and the ids of the events that state another figure."""
    return event_row(event) | {"contradicts": list(dict.fromkeys(str(each.other.event_id) for each in against))}


def _event_cells(event: Event, against: Sequence[Contradiction]) -> tuple[str, ...]:
    kind = CATALOGUE[event.event_type].label
    others = ", ".join(dict.fromkeys(_short(each.other.event_id) for each in against))
    title = titled(event)
    what = f"{title} (contradicts {others})" if others else title
    return (_short(event.id), event.company_id, f"{event.occurred_at:%Y-%m-%d}", kind, what)


def _short(event_id: UUID) -> str:
    return str(event_id)[:8]
