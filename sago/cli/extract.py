"""`sago extract`: extraction and fold alone on a CSV, without servers, as the pipeline does them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sago.cli.columns import ColumnMap, column_map
from sago.cli.consent import AllowModel, Reader
from sago.cli.reader import FileReader
from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.report.data import event_row


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("extract", rich_help_panel=EVERYDAY)(extract)


def extract(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or any file `sago run` reads.")],
    provider: Reader = None,
    company: Annotated[str | None, typer.Option(help="Company of rows that name none.")] = None,
    mapping: ColumnMap = None,
    allow_model: AllowModel = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Print the events of a file as JSON lines, without starting anything.

    A row that is no message is told on stderr and the rest is read; exit 1 where no row is one, or a message could
    not be read. A provider that sends messages to a server needs --allow-model.

    Example: [bold]sago extract messages.csv > events.jsonl[/]
    """
    session = Session(as_json, verbose, quiet, config)
    reader = FileReader(session, provider, allow_model=allow_model)
    found = 0
    for company_read in reader.read(path, company, column_map(mapping)):
        found += len(company_read.events)
        for event in company_read.events:
            session.emit(event_row(event))
    if not found:
        session.note(f"{path}: no events")
    raise typer.Exit(1 if reader.failed else 0)
