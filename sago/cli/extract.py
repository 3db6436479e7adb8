"""`sago extract`: extraction and fold alone on a CSV, without servers, as the pipeline does them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sago.cli.consent import READERS, AllowModel, check_provider, place_of, spent
from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.config import Settings
from sago.domain.messages import CompactMessage, Message
from sago.domain.outreach import ModelPolicy
from sago.errors import UsageError
from sago.llm import registry
from sago.pipeline.reading import Reading
from sago.report.data import event_row
from sago.sources.files import BadRow, read_path
from sago.stores.clock import SystemClock
from sago.stores.memory.model_calls import MemoryCallLedger


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("extract", rich_help_panel=EVERYDAY)(extract)


def extract(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or any file `sago run` reads.")],
    provider: Annotated[str | None, typer.Option(help=READERS)] = None,
    company: Annotated[str | None, typer.Option(help="Company of rows that name none.")] = None,
    allow_model: AllowModel = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Print the events of a file as JSON lines, without starting anything.

    A row that is no message is told on stderr and the rest is read; exit 1 where no row is one, or a message could
    not be read. A provider that sends messages to a vendor needs --allow-model.

    Example: [bold]sago extract messages.csv > events.jsonl[/]
    """
    session = Session(as_json, verbose, quiet, config)
    settings = session.settings
    name = provider or settings.extraction.provider
    _check_consent(name, settings, allow=allow_model)
    clock, calls = SystemClock(), MemoryCallLedger()
    started = clock.now()
    messages, bad = _rows(path, company or settings.company_id, started)
    reading = Reading(
        registry.load(name, settings, calls, clock),
        clock,
        lambda line: session.note(escape(line)),
        chunk=settings.cache.message_limit,
        context=settings.extraction.context_messages,
        attempts=settings.extraction.max_attempts,
    )
    try:
        for company_id in sorted(messages):
            for event in reading.events(company_id, list(messages[company_id].values())):
                session.emit(event_row(event))
    finally:
        if calls.calls:
            session.note(spent(name, calls.totals(list(messages), started)))
    for row in bad:
        session.note(f"{path}:{row.line}: left out: {row.reason}")
    for reason, count in sorted(reading.dropped.items()):
        session.note(f"dropped {count} × {reason}")
    raise typer.Exit(1 if reading.left_out or not messages else 0)


def _check_consent(name: str, settings: Settings, *, allow: bool) -> None:
    """There are no servers here that could remember a consent: it is given with each call."""
    check_provider(name, settings, allow=allow or None)
    if place_of(name) is not ModelPolicy.OFFLINE and not allow:
        raise UsageError(f"--provider {name} sends the messages to a vendor: nothing was sent; add --allow-model")


def _rows(
    path: Path, company_id: str, now: datetime
) -> tuple[dict[str, dict[tuple[str, int], CompactMessage]], list[BadRow]]:
    """Company → its messages, each version once; and the rows that are none. Raises UsageError for a file that cannot
    be read at all."""
    messages: dict[str, dict[tuple[str, int], CompactMessage]] = {}
    bad: list[BadRow] = []
    for row in read_path(path, company_id=company_id, mapping={}, now=now):
        if isinstance(row, Message):
            messages.setdefault(row.company_id, {}).setdefault(row.key, row.compact())
        else:
            bad.append(row)
    return messages, bad
