"""`sago extract`: extraction and fold alone on a CSV, without servers, as the pipeline does them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.batches import ExtractionRequest
from sago.domain.events import Event, Observation
from sago.domain.messages import CompactMessage, Message
from sago.llm import registry
from sago.pipeline.chunking import chunks
from sago.pipeline.folding import fold
from sago.pipeline.grounding import ground
from sago.ports import Model
from sago.report.data import event_row
from sago.sources.files import BadRow, read_path
from sago.stores.clock import SystemClock


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("extract", rich_help_panel=EVERYDAY)(extract)


def extract(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or any file `sago run` reads.")],
    provider: Annotated[str | None, typer.Option(help="Who reads the messages [offline].")] = None,
    company: Annotated[str | None, typer.Option(help="Company of rows that name none.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Print the events of a file as JSON lines, without starting anything.

    A row that is no message is told on stderr and the rest is read; exit 1 where no row is one.

    Example: [bold]sago extract messages.csv > events.jsonl[/]
    """
    session = Session(as_json, verbose, quiet, config)
    settings = session.settings
    model = registry.load(provider or settings.extraction.provider)
    now = SystemClock().now()
    messages, bad = _rows(path, company or settings.company_id, now)
    reading = _Reading(model, settings.cache.message_limit, settings.extraction.context_messages, now)
    for company_id in sorted(messages):
        for event in reading.events(company_id, list(messages[company_id].values())):
            session.emit(event_row(event))
    for row in bad:
        session.note(f"{path}:{row.line}: left out: {row.reason}")
    for reason, count in sorted(reading.dropped.items()):
        session.note(f"dropped {count} × {reason}")
    raise typer.Exit(0 if messages else 1)


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


class _Reading:
    """One provider over companies' messages: chunks, grounding and fold of the pipeline, in one process."""

    def __init__(self, model: Model, chunk_size: int, context: int, now: datetime) -> None:
        self.model = model
        self.chunk_size = chunk_size
        self.context = context
        self.now = now
        self.dropped: Counter[str] = Counter()

    def events(self, company_id: str, messages: Sequence[CompactMessage]) -> list[Event]:
        """The events of one company, oldest first."""
        observations: list[Observation] = []
        for chunk in chunks(_newest_versions(messages), self.chunk_size):
            before = [m for m in messages if m.sent_at < chunk[0].sent_at]
            context = sorted(before, key=lambda m: (m.sent_at, m.id))[-self.context :] if self.context else []
            observations.extend(self._chunk(company_id, chunk, context))
        return fold(company_id, observations, []).events

    def _chunk(
        self, company_id: str, chunk: Sequence[CompactMessage], context: Iterable[CompactMessage]
    ) -> list[Observation]:
        request = ExtractionRequest(
            company_id=company_id,
            company_name=company_id.replace("-", " ").title(),
            messages=tuple(chunk),
            context=tuple(context),
        )
        observations, dropped = ground(
            self.model.extract(request),
            chunk,
            company_id=company_id,
            extractor=self.model.name,
            extractor_version=self.model.version,
            recorded_at=self.now,
        )
        self.dropped.update(dropped)
        return observations


def _newest_versions(messages: Iterable[CompactMessage]) -> list[CompactMessage]:
    newest: dict[str, CompactMessage] = {}
    for message in sorted(messages, key=lambda m: m.version):
        newest[message.id] = message
    return list(newest.values())
