"""`sago generate-data`: realistic messages with the labels of what happened in them."""

from __future__ import annotations

import shlex
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from sago.cli.days import day_option
from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.errors import UsageError
from sago.sample.generate import DEFAULT_START
from sago.sample.stories import Written, write_csv


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("generate-data", rich_help_panel=EVERYDAY)(generate_data)


def generate_data(
    rows: Annotated[int, typer.Option(min=1, help="Messages of all companies together.")] = 1000,
    companies: Annotated[int, typer.Option(min=1, help="Three are told by hand, further ones made up.")] = 3,
    seed: Annotated[int, typer.Option(help="Same seed, same messages.")] = 7,
    start: Annotated[date | None, day_option(help=rf"First day of its month \[{DEFAULT_START}].")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help=r"File to write, labels beside it \[data/full_data.csv].")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Write a month of chat and mail of companies that never existed, and beside it what happened in it.

    Letters can be approved while their news is fresh: begin the month 40 days ago to try that.

    Example: [bold]sago generate-data --rows 20000 --companies 50 --out data/large.csv[/]
    """
    session = Session(as_json, verbose, quiet, config)
    path = out or session.settings.data_file_path
    try:
        first = start or DEFAULT_START
        written = write_csv(path, rows=rows, companies=companies, seed=seed, start=first)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file with --out") from error
    _say(session, written, companies)


def _say(session: Session, written: Written, companies: int) -> None:
    if session.as_json:
        session.emit(
            {
                "path": str(written.path),
                "labels_path": str(written.labels_path),
                "rows": written.rows,
                "companies": companies,
                "labels": written.labels,
            }
        )
        return
    session.out.print(
        f"{written.path}: {written.rows} messages of {companies} {'company' if companies == 1 else 'companies'}\n"
        f"{written.labels_path}: {written.labels} labelled events\n"
        f"Next: [bold]sago run {shlex.quote(str(written.path))}[/]",
        soft_wrap=True,
    )
