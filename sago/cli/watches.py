"""`sago watch`: why somebody said no, and what is waited for."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from sago.cli.days import day_option
from sago.cli.explain import explain
from sago.cli.firms import ensured, firm_of, require_firm
from sago.cli.lookup import CompanyOption, Wanted, me, opened, require_known, table, the_one
from sago.cli.proposals import confirmed, tell
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.cli.voices import VoiceFolder, voice_of
from sago.domain.companies import DEFAULT_FIRM, Person
from sago.domain.watches import Direction, Watch
from sago.outreach.addressing import person as person_of
from sago.outreach.addressing import unaddressed
from sago.outreach.conditions import parse_all
from sago.outreach.proposing import Proposals, propose, propose_with
from sago.outreach.watching import Kept, drop_watch, keep_watch
from sago.outreach.watching import weights as weights_of
from sago.ports import Transaction
from sago.report.phrases import one_line

Conditions = Annotated[list[str] | None, typer.Option("--when", help="What to wait for: 'arr >= 2M'. Repeatable.")]
MetOn = Annotated[date | None, day_option("--met", "--met-on", help="Day you met; events of that day count.")]
Weights = Annotated[
    list[str] | None, typer.Option("--weight", help="How much a type matters: enterprise_deal=1.0. Repeatable.")
]
AcceptProposed = Annotated[
    bool, typer.Option("--accept-proposed", help="Without --when: wait for what the rules propose, unasked.")
]

group = typer.Typer(no_args_is_help=True, help="Why you said no, and what you wait for.")
group.command("explain")(explain)


@group.command("add")
def add_watch(
    company: Annotated[str, typer.Argument(help="Company id, as in `sago company list`.")],
    when: Conditions = None,
    reason: Annotated[str, typer.Option(help="Why you said no, in your words.")] = "",
    met_on: MetOn = None,
    investor: Annotated[str | None, typer.Option(help="'Dana Reed <dana@northgate.example>'.")] = None,
    direction: Annotated[Direction, typer.Option(help="Who writes to whom.")] = Direction.TO_FOUNDER,
    voice: VoiceFolder = None,
    weight: Weights = None,
    accept_proposed: AcceptProposed = False,
    firm: Annotated[str, typer.Option(help="Whose watch it is; sees what the founder shares with it.")] = DEFAULT_FIRM,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Remember why you said no, and what would change your mind; the same words again change nothing.

    Conditions: `arr >= 2M`, `nrr > 120%`, `mrr growth 3m >= 20%`, `enterprise_deal high >= 2 in 90d`,
    `no setback high in 60d`. Given only a reason, conditions are proposed, for you to confirm: by the model that
    writes letters, where the company's words may go to it. With neither it is a monthly update.

    Example: [bold]sago watch add scaleflow --when 'arr >= 2M' --reason 'ARR below 2M' --met 2026-03-02[/]
    """
    session = Session(as_json, verbose, quiet, config)
    conditions = parse_all(when) if when else ()
    weights = weights_of(weight or [])
    person = person_of(investor, "--investor") if investor else None
    reason = one_line(reason)
    with opened(session) as container:
        with container.database.begin() as tx:
            require_known(tx, company)
            profile = tx.companies.ensure(company, container.clock.now())
            firm_id = ensured(tx, firm)
            people = [*filter(None, [person]), *_investors(tx, company)]
        if reason and not conditions:
            if accept_proposed:
                proposals = propose(reason)
            else:
                proposals = propose_with(container.models, profile, reason, container.clock, people)
            conditions = confirmed(session, proposals, accepted=accept_proposed)
        watch = Watch(
            id=uuid4(),
            firm_id=firm_id,
            company_id=company,
            investor=person,
            met_on=met_on,
            reason=reason,
            conditions=conditions,
            direction=direction,
            weights=weights,
            voice=voice_of(session, voice, direction, person, profile, container.clock.now()),
            created_at=container.clock.now(),
        )
        lacking = unaddressed(watch, profile)
        with container.database.begin() as tx:
            kept = keep_watch(watch, tx)
    _say(session, kept)
    for each in lacking:
        session.note(f"[yellow]note:[/] {escape(each)}")


@group.command("propose")
def propose_conditions(
    reason: Annotated[str, typer.Argument(help="Why you said no, in your words.")],
    company: Annotated[str | None, typer.Option(help="Whose model_policy says which model may be asked.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Propose conditions from the words of a reason; nothing is added. Exit code 1 where there is none.

    By rules, in this process; with --company by the model that writes its letters, where its words may go there.

    Example: [bold]sago watch propose "ARR below 2M, no enterprise logo"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    proposals = _proposed(session, company, one_line(reason)) if company else propose(one_line(reason))
    tell(session, proposals)
    if not proposals.conditions:
        raise typer.Exit(1)


@group.command("list")
def list_watches(
    company: CompanyOption = None,
    firm: Annotated[str | None, typer.Option(metavar="NAME", help="Only this firm's, by its name or id.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List what is waited for, and of several firms by which.

    Example: [bold]sago watch list --firm Northgate[/]
    """
    session = Session(as_json, verbose, quiet, config)
    wanted = firm_of(firm) if firm else None
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        require_firm(tx, wanted)
        found = [each for each in tx.outreach.watches(company) if wanted in (None, each.firm_id)]
    if as_json:
        for watch in found:
            session.emit(watch.model_dump(mode="json"))
        return
    heads = ["id", "company", "met", "waits for", "reason"]
    rows = [list(_watch_cells(each)) for each in found]
    if len({each.firm_id for each in found}) > 1:
        heads.insert(1, "firm")
        for row, each in zip(rows, found, strict=True):
            row.insert(1, each.firm_id)
    table(session, heads, rows, "no watches yet")


@group.command("remove")
def remove_watch(
    watch: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Stop waiting; letters already composed stay.

    Example: [bold]sago watch remove 0b5c1c1e[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        found = the_one("watch", watch, tx.outreach.watches(), lambda each: each.id)
        drop_watch(found, tx, me(), container.clock.now())
    if as_json:
        session.emit({"removed": str(found.id)})
    session.note(f"removed {found.id}")


def _proposed(session: Session, company: str, reason: str) -> Proposals:
    with opened(session) as container:
        with container.database.begin() as tx:
            require_known(tx, company)
            profile = tx.companies.ensure(company, container.clock.now())
            people = _investors(tx, company)
        return propose_with(container.models, profile, reason, container.clock, people)


def _investors(tx: Transaction, company: str) -> list[Person]:
    return [watch.investor for watch in tx.outreach.watches(company) if watch.investor]


def _say(session: Session, kept: Kept) -> None:
    watch = kept.watch
    if not kept.is_new:
        session.note(f"is there already{', now with these weights' if kept.is_reweighed else ''}: {watch.id}")
    if session.as_json:
        session.emit(watch.model_dump(mode="json"))
    elif kept.is_new:
        session.out.print(str(watch.id), soft_wrap=True)
        session.note(escape(_understood(watch)))


def _understood(watch: Watch) -> str:
    """`scaleflow: Dana Reed, met on 2026-03-02, waits for arr >= 2M, because “ARR below 2M”; …`."""
    who = watch.investor.name if watch.investor else "the investor"
    met = f", met on {watch.met_on}," if watch.met_on else ""
    because = f", having said no because “{one_line(watch.reason)}”" if watch.reason else ""
    writes = "the founder" if watch.direction is Direction.TO_FOUNDER else "the investor, in the founder's name"
    return (
        f"{watch.company_id}: {one_line(who)}{met} waits for {_waits_for(watch)}{because}; the letter goes to {writes}"
    )


def _waits_for(watch: Watch) -> str:
    return ", ".join(condition.text for condition in watch.conditions) or "nothing: a periodic update"


def _watch_cells(watch: Watch) -> tuple[str, ...]:
    return (str(watch.id)[:8], watch.company_id, str(watch.met_on or ""), _waits_for(watch), watch.reason)
