"""`sago share`: what a founder lets a firm see; shown before consent, taken back with all that came of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.connect_output import not_taken_back
from sago.cli.days import day_option
from sago.cli.firms import Firm, firm_of
from sago.cli.lookup import Because, CompanyOption, me, opened, require_known, table
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.cli.share_output import cells, looked_for, say_left, say_preview, say_revoked
from sago.domain.companies import EVERY_SOURCE, Granularity, Share
from sago.domain.erasures import Erased
from sago.domain.sharing import words
from sago.errors import UsageError
from sago.outreach.giving import Wish
from sago.pipeline.revoking import Revoked
from sago.ports import Transaction
from sago.report.phrases import one_line
from sago.report.preview import write_preview

OUTSIDE = (
    "mails that were sent stay where they are; backups, reports and files written before still hold what they hold"
)
CompanyId = Annotated[str, typer.Argument(metavar="COMPANY", help="Company id, as in `sago share list`.")]
Sources = Annotated[str | None, typer.Option("--sources", help="As in slack,gmail; all where it is left out.")]
Figures = Annotated[Granularity | None, typer.Option("--granularity", help="How exactly figures are told \\[exact].")]
Until = Annotated[date | None, day_option("--until", help="The last day of it, in UTC.")]

group = typer.Typer(no_args_is_help=True, help="What a founder lets a firm see: preview, grant, revoke, verify.")


@group.command("list")
def list_shares(
    company: CompanyOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List who sees what, ended shares too.

    Example: [bold]sago share list --company scaleflow[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        require_known(tx, company)
        companies = [company] if company else [each.company_id for each in tx.companies.all()]
        shares, now = tx.shares.of(*companies), container.clock.now()
    if as_json:
        for share in shares:
            session.emit(share.model_dump(mode="json") | {"holds": share.holds_at(now)})
        return
    heads = ("company", "firm", "sources", "figures", "until", "state")
    table(session, heads, [cells(share, now) for share in shares], "no shares yet")


@group.command("grant")
def grant(
    company: CompanyId,
    firm: Firm,
    sources: Sources = None,
    granularity: Figures = None,
    until: Until = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Let a firm see a company, in place of what it saw before. Look at `sago share preview` first.

    Example: [bold]sago share grant scaleflow --firm Northgate --sources slack --granularity bands --until 2026-12-31[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        _require(container, company)
        wish, firm_id = _wish(container, sources, granularity, until), firm_of(firm)
        share, _ = container.giving.give(company, firm_id, one_line(firm, 200), wish, me())
    if as_json:
        session.emit(share.model_dump(mode="json"))
    session.note(escape(f"{company} with {share.firm_id}: {words(share)}"))


@group.command("preview")
def preview_share(
    company: CompanyId,
    firm: Firm,
    sources: Sources = None,
    granularity: Figures = None,
    until: Until = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write it as a page, too.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show exactly what an investor of the firm would see. With none of the three options: by the share that is given.

    Example: [bold]sago share preview scaleflow --firm Northgate --granularity bands --html preview.html[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        _require(container, company)
        wish = _wish(container, sources, granularity, until)
        shown = container.giving.preview(company, firm_of(firm), wish)
    if html:
        write_preview(shown, html)
        session.note(escape(f"written to {html}"))
    if as_json:
        session.emit(shown.to_json())
    else:
        say_preview(session, shown)


@group.command("revoke")
def revoke(
    company: CompanyId,
    firm: Firm,
    because: Because,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """End a share and erase what came of it, in every store, and the evidence that no other share covers. Cannot be
    undone. What came of a share whose last day is over goes by itself, within the hour.

    Example: [bold]sago share revoke scaleflow --firm Northgate --because "raised elsewhere"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if not because.strip():
        raise UsageError("--because is empty: say why, for whoever reads it later")
    with opened(session) as container:
        firm_id = firm_of(firm)
        with container.database.begin() as tx:
            require_known(tx, company)
            _given(tx, company, firm_id)
        if not yes:
            typer.confirm(f"End what {firm_id} sees of {company}, and erase what came of it?", abort=True, err=True)
        done = _revoke(session, container, firm_id, company, because)
    if as_json:
        evidence = _as_json(done.evidence) if done.evidence else None
        share = done.share.model_dump(mode="json")
        rest = {"letters": done.letters, "held_back": done.held_back, **done.derived._asdict(), "evidence": evidence}
        session.emit({"share": share, **rest, "sources": list(done.sources)})
    else:
        say_revoked(session, done)
    session.note(OUTSIDE)
    for account in done.evidence.accounts if done.evidence else ():
        accounts = container.accounts(account.account.partition("/")[0])
        told = not_taken_back(accounts, account.why) if account.why else f"its token is taken back at {accounts.vendor}"
        session.note(escape(f"{account.account}: {told}"))
    session.note(f"next: sago share verify {company} --firm {firm_id}")


@group.command("verify")
def verify(
    company: CompanyId,
    firm: Firm,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Prove what is left of a share that was revoked: look into every store. Exit 0 where nothing but hashes is left.

    Kafka is listed beside: its records go with its retention, and nothing reads them again for this company.

    Example: [bold]sago share verify scaleflow --firm Northgate[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        firm_id = firm_of(firm)
        with container.database.begin() as tx:
            require_known(tx, company)
            _given(tx, company, firm_id)
        left, held = container.ending.proof(firm_id, company)
    if as_json:
        kafka = [each._asdict() for each in held]
        told = {"left": left.counts, "evidence_too": left.is_whole, "sources": list(left.sources), "kafka": kafka}
        session.emit(told)
    else:
        say_left(session, left.counts, held)
    session.note(looked_for(left))
    if left.counts:
        raise typer.Exit(1)


def _as_json(evidence: Erased) -> dict[str, Any]:
    return evidence._asdict() | {"accounts": [each._asdict() for each in evidence.accounts]}


def _require(container: Container, company: str) -> None:
    with container.database.begin() as tx:
        require_known(tx, company)


def _wish(container: Container, sources: str | None, granularity: Granularity | None, until: date | None) -> Wish:
    end = datetime.combine(until, time.min, UTC) + timedelta(days=1) if until else None
    if end and end <= container.clock.now():
        raise UsageError(f"--until {until}: is over; to end a share use `sago share revoke`")
    return Wish(None if sources is None else _sources(container, sources), granularity, end)


def _sources(container: Container, sources: str | None) -> tuple[str, ...]:
    if sources is None or sources.strip() in (EVERY_SOURCE, "all"):
        return (EVERY_SOURCE,)
    named = tuple(dict.fromkeys(each.strip() for each in sources.split(",") if each.strip()))
    known = container.settings.kafka.topics
    if not named or (wrong := next((each for each in named if each not in known), None)):
        found = one_line(wrong or sources, 40) if named else "empty"
        raise UsageError(f"--sources {found}: is no source; known are {', '.join(known)}, or leave it out for all")
    return named


def _given(tx: Transaction, company: str, firm_id: str) -> Share:
    share = tx.shares.get(firm_id, company)
    if share is None:
        firms = ", ".join(each.firm_id for each in tx.shares.of(company)) or "none"
        raise UsageError(f"--firm {firm_id}: was never given a share of {company}; those that were: {firms}")
    return share


def _revoke(session: Session, container: Container, firm_id: str, company: str, because: str) -> Revoked:
    with session.progress() as bars:
        task = bars.add_task("revoking", total=7)

        def step(name: str) -> None:
            bars.update(task, description=name, advance=1)

        step("ending the share")
        ended = container.ending.begin(firm_id, company, me(), because)
        return container.ending.end(ended, me(), because, step)
