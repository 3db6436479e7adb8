"""`sago watch`: why somebody said no, and what is waited for."""

from __future__ import annotations

from datetime import datetime
from email.utils import parseaddr
from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from sago.cli.lookup import CompanyOption, Wanted, opened, require_known, table, the_one
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.cli.voices import VoiceFolder, voice_of
from sago.domain.companies import Person
from sago.domain.watches import Direction, Watch
from sago.errors import UsageError
from sago.outreach.conditions import asked_currency, parse
from sago.report.phrases import one_line

group = typer.Typer(no_args_is_help=True, help="Why you said no, and what you wait for.")


@group.command("add")
def add_watch(
    company: Annotated[str, typer.Argument(help="Company id, as in `sago watch list`.")],
    when: Annotated[list[str] | None, typer.Option("--when", help="What to wait for: 'arr >= 2M'. Repeatable.")] = None,
    reason: Annotated[str, typer.Option(help="Why you said no, in your words.")] = "",
    met_on: Annotated[
        datetime | None, typer.Option("--met", "--met-on", formats=["%Y-%m-%d"], help="Day you met.")
    ] = None,
    investor: Annotated[str | None, typer.Option(help="'Dana Reed <dana@northgate.example>'.")] = None,
    direction: Annotated[Direction, typer.Option(help="Who writes to whom.")] = Direction.TO_FOUNDER,
    voice: VoiceFolder = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Remember why you said no, and what would change your mind; the same words again change nothing.

    Example: [bold]sago watch add scaleflow --when 'arr >= 2M' --reason 'ARR below 2M' --met 2026-03-02[/]
    """
    session = Session(as_json, verbose, quiet, config)
    conditions = tuple(parse(text) for text in when or [])
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        profile, now = tx.companies.ensure(company, container.clock.now()), container.clock.now()
        person = _person(investor)
        watch = Watch(
            id=uuid4(),
            company_id=company,
            investor=person,
            met_on=met_on.date() if met_on else None,
            reason=reason,
            conditions=conditions,
            direction=direction,
            voice=voice_of(session, voice, direction, person, profile, now),
            created_at=now,
        )
        twin = next((each for each in tx.outreach.watches(company) if _meaning(each) == _meaning(watch)), None)
        if twin is None:
            tx.outreach.add_watch(watch)
        elif watch.voice and watch.voice != twin.voice:
            twin = twin.model_copy(update={"voice": watch.voice})
            tx.outreach.add_watch(twin)
    _say(session, twin or watch, is_new=twin is None)


@group.command("list")
def list_watches(
    company: CompanyOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List what is waited for.

    Example: [bold]sago watch list --json[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        found = tx.outreach.watches(company)
    if as_json:
        for watch in found:
            session.emit(watch.model_dump(mode="json"))
        return
    table(session, ("id", "company", "met", "waits for", "reason"), [_watch_cells(w) for w in found], "no watches yet")


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
        tx.outreach.remove_watch(found.id)
    if as_json:
        session.emit({"removed": str(found.id)})
    session.note(f"removed {found.id}")


def _person(text: str | None) -> Person | None:
    """`Dana Reed <dana@northgate.example>` or a bare name; raises UsageError for an address alone."""
    if not text:
        return None
    name, email = parseaddr(text) if "<" in text else (text, "")
    if not name.strip() or "@" in name:
        raise UsageError(f"--investor {text}: write it as 'Dana Reed <dana@northgate.example>'")
    return Person(name=name.strip(), email=email or None)


def _meaning(watch: Watch) -> tuple[object, ...]:
    """What two watches must not share: both would write the same letter."""
    conditions = frozenset(
        (each.kind, each.name, each.op, each.value, asked_currency(each)) for each in watch.conditions
    )
    return watch.company_id, watch.investor, watch.met_on, watch.reason, conditions, watch.direction


def _say(session: Session, watch: Watch, *, is_new: bool) -> None:
    if not is_new:
        session.note(f"is there already: {watch.id}")
    if session.as_json:
        session.emit(watch.model_dump(mode="json"))
    elif is_new:
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
