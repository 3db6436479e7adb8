"""`sago run`: the whole pipeline on a file of the user's own, through Kafka, Celery and the stores."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated

import typer
from rich.markup import escape

from sago.bootstrap import Container, build
from sago.cli.columns import ColumnMap, column_map, told
from sago.cli.consent import ChangeConsent, Reader, check_providers, refuse_strangers, settle, spent, with_reader
from sago.cli.feeding import Run
from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.cli.transient import transient_stack
from sago.config import Settings
from sago.domain.messages import COMPANY_ID, Message
from sago.errors import TransientError, UsageError
from sago.llm.registry import named
from sago.report import screen
from sago.sources.files import count_rows, read_path
from sago.stores.clock import SystemClock

STOPPED = "[yellow]stopped:[/] what was stored is kept; run the same command again to go on"
LOOK = "`sago events list`"
"""Asks the stack: one that lived for a command alone is gone by then."""
REFUSED_SHOWN = 20
"""Refused rows told one by one; the report lists them all."""


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("run", rich_help_panel=EVERYDAY)(run)


def run(
    path: Annotated[
        Path | None, typer.Argument(help="CSV, Slack export .zip, .mbox, .eml or a folder of .eml.")
    ] = None,
    company: Annotated[str | None, typer.Option(help="Company of rows that name none.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("output"),
    provider: Reader = None,
    allow_model: ChangeConsent = None,
    mapping: ColumnMap = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Read a file, find the events in it, judge the watches and lay out the letters.

    Uses the running stack, else starts one and stops it afterwards. Every row is accounted for:
    read = stored + dead-lettered + duplicates. A provider that sends messages to a server reads only companies that
    allow it; --allow-model remembers that for the companies of this file until --forbid-model takes it back.

    Example: [bold]sago run mails.mbox --company scaleflow[/]
    """
    session = Session(as_json, verbose, quiet, config)
    settings = session.settings
    path = path or settings.data_file_path
    columns = column_map(mapping)
    if company is not None and not re.match(COMPANY_ID, company):
        raise UsageError(f"--company {company}: write it in small letters, digits, - and _, as in acme-4")
    fallback = company or settings.company_id
    check_file(path, fallback, columns)
    check_providers(named(with_reader(settings, provider)), settings, allow=allow_model)
    if provider and allow_model is None and not settings.has_servers and not has_data(settings.state_dir):
        # no need to start servers to find that nobody has allowed anything
        refuse_strangers(provider, settings, companies_of(path, fallback, columns, SystemClock().now()))
    make_folder(out)
    with stack_for(session, settings, out, provider) as running:
        container = build(running)
        try:
            companies = companies_of(path, fallback, columns, container.clock.now())
            settle(session, container, companies, asked=provider, allow=allow_model)
            done = feed_file(session, container, path, fallback, columns)
            data = done.report(out)
        finally:
            container.close()
    if as_json:
        counts = {"events": len(data.events), "letters": len(data.letters)}
        session.emit(done.figures() | counts | done.costs() | done.left_out())
    else:
        session.out.print(screen(data, out, LOOK if settings.has_servers else f"`sago up`, then {LOOK}"))
    if done.spent.calls:
        session.note(escape(spent(running.extraction.provider, done.spent)))
    raise typer.Exit(exit_code(done))


def check_file(path: Path, company: str, columns: dict[str, str]) -> None:
    """Raise UsageError for a file of which no row can be read, before anything is started for it."""
    read_path(path, company_id=company, mapping=columns, now=SystemClock().now())


def make_folder(out: Path) -> None:
    """Make the report's folder; raises UsageError where nothing can be written into it, before any work is done."""
    try:
        for folder in (out, out / "outreach"):
            folder.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UsageError(
            f"--out {out}: is no folder that can be written into ({error.strerror}); name another"
        ) from error


def has_data(state_dir: Path) -> bool:
    """Whether an embedded Postgres has ever been made there."""
    return (state_dir / "postgres").exists()


def companies_of(path: Path, company: str, columns: dict[str, str], now: datetime) -> Iterator[str]:
    """The companies of a file's messages, read when asked for."""
    rows = read_path(path, company_id=company, mapping=columns, now=now)
    return (row.company_id for row in rows if isinstance(row, Message))


@contextmanager
def stack_for(session: Session, settings: Settings, out: Path, provider: str | None) -> Iterator[Settings]:
    """The running stack's settings, else those of one that lives as long as the block."""
    if settings.has_servers:
        if provider and provider != settings.extraction.provider:
            raise UsageError(
                f"--provider {provider}: the running stack reads with {settings.extraction.provider}; "
                "run `sago down` first, or set extraction.provider in config.yaml"
            )
        yield settings
        return
    with transient_stack(session, settings.state_dir, out, provider=provider) as running:
        yield running


def feed_file(session: Session, container: Container, path: Path, company: str, columns: dict[str, str]) -> Run:
    """Feed the file, read and merge everything, compose the letters; the figures so far even when cut short."""
    done = Run(container, session.note)
    now = container.clock.now()
    rows = read_path(path, company_id=company, mapping=columns, now=now, ignored=done.ignored)
    with session.progress() as bars:
        try:
            done.feed(rows, count_rows(path), bars)
            for line in done.refused()[:REFUSED_SHOWN]:
                session.note(f"[yellow]refused:[/] {escape(line)}")
            for line in told(done.ignored):
                session.note(line)
            done.extract(bars)
            done.write_letters(bars)
            for reason in done.letters_refused:
                session.note(f"[yellow]no letter:[/] {escape(reason)}")
        except TransientError as error:
            session.note(f"[red]unfinished:[/] {escape(str(error))}")
            done.unfinished = True
        except KeyboardInterrupt:
            session.note(STOPPED)
            raise
    return done


def exit_code(done: Run) -> int:
    """0 when every row is accounted for, 1 when nothing was done or something is unaccounted."""
    account = done.account
    nothing = account.stored + account.duplicates == 0
    return 1 if done.unfinished or account.unaccounted or nothing else 0
