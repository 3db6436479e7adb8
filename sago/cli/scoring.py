"""`sago eval`: a provider's reading of labelled messages, scored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sago.cli.columns import ColumnMap, column_map
from sago.cli.consent import AllowModel, Reader
from sago.cli.reader import FileReader
from sago.cli.session import EVERYDAY, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.errors import UsageError
from sago.evaluation.evaluation import PER_1000, Evaluation, Measured, evaluate
from sago.evaluation.labels import Label, read_labels
from sago.report.phrases import one_line

TITLE_LIMIT = 90
NOTHING = "–"
"""Stands where a share would be one of nothing."""


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("eval", rich_help_panel=EVERYDAY)(evaluate_file)


def evaluate_file(
    messages: Annotated[Path, typer.Argument(metavar="MESSAGES", help="CSV, or any file `sago run` reads.")],
    gold: Annotated[Path, typer.Argument(metavar="GOLD", help="The labelled events, one JSON object a line.")],
    provider: Reader = None,
    show: Annotated[bool, typer.Option("--show", help="Name each event missed, false or told twice.")] = False,
    company: Annotated[str | None, typer.Option(help="Company of rows that name none.")] = None,
    mapping: ColumnMap = None,
    allow_model: AllowModel = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Read labelled messages and print how much of it was found, how truly, and how sure the figures are.

    The interval behind a figure is what companies like these would give in 95 of 100 cases; a single company has none.
    Where there is nothing to take a share of, a – stands (null with --json).
    A provider that sends messages to a server needs --allow-model.

    Example: [bold]sago eval messages.csv gold.jsonl --show[/]
    """
    session = Session(as_json, verbose, quiet, config)
    labels = read_labels(gold)
    if not labels:
        session.note(
            f"{escape(str(gold))}: has no label, so each event found counts as false; "
            "a label is one JSON object a line, see labelled/README.md"
        )
    reader = FileReader(session, provider, allow_model=allow_model)
    evaluation = Evaluation(
        {
            read.company_id: evaluate(read.company_id, read.messages, read.events, labels)
            for read in reader.read(messages, company, column_map(mapping))
        }
    )
    _check_companies(labels, evaluation, gold, messages)
    if as_json:
        session.emit(_as_json(evaluation))
    else:
        session.out.print(_by_type(evaluation), _figures(evaluation.figures()), sep="\n")
        if show:
            session.out.print(_differences(evaluation), soft_wrap=True)
    raise typer.Exit(1 if reader.failed else 0)


def _check_companies(labels: Sequence[Label], evaluation: Evaluation, gold: Path, messages: Path) -> None:
    absent = sorted({label.company_id for label in labels} - evaluation.companies.keys())
    if absent:
        raise UsageError(f"{gold}: labels of {', '.join(absent)}, of which {messages} has no message")


def _by_type(evaluation: Evaluation) -> Table:
    table = Table("type", box=box.SIMPLE_HEAD)
    for head in ("labelled", "found", "precision", "recall", "F1"):
        table.add_column(head, justify="right")
    for event_type, (labelled, found, *shares) in evaluation.types().items():
        table.add_row(event_type.value, str(labelled), str(found), *(_shown(share, 2) for share in shares))
    return table


def _figures(figures: dict[str, Measured]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 1))
    for name, (value, interval) in figures.items():
        digits = 1 if name == PER_1000 else 3
        spread = f"{interval.low:.{digits}f} – {interval.high:.{digits}f}" if interval else ""
        table.add_row(name, _shown(value, digits), spread)
    return table


def _shown(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _differences(evaluation: Evaluation) -> Text:
    """Each event that is not as labelled, by company; titles may hold words of messages and are never markup."""
    lines = []
    for company_id, comparison in evaluation.companies.items():
        rows = [
            *(("missed", e.event_type, e.title, e.message_ids) for e in comparison.missed),
            *(("false", e.event_type, e.title, e.message_ids) for e in comparison.false),
            *(("twice", e.event_type, e.title, e.message_ids) for e in comparison.duplicates),
        ]
        lines += [
            f"{company_id}  {what:<6}  {event_type.value:<21}  {one_line(title, TITLE_LIMIT)}  {' '.join(ids)}"
            for what, event_type, title, ids in rows
        ]
    return Text("\n".join(lines))


def _as_json(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "figures": {
            name: {"value": value, "interval": list(interval) if interval else None}
            for name, (value, interval) in evaluation.figures().items()
        },
        "types": {event_type.value: score._asdict() for event_type, score in evaluation.types().items()},
    }
