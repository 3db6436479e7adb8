"""`sago erase`: a person asked that nothing of theirs is kept."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer
from pydantic import ValidationError
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.lookup import Because, me, opened
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.erasures import Erased, Erasure
from sago.errors import UsageError
from sago.report.phrases import one_line

OUTSIDE = (
    "Kafka keeps its records until their retention is over, backups theirs; "
    "reports and files that were written before still hold what they hold"
)
SENDER = "The person, as stored: `sago dlq show` has it, and the column `sender` of the table `observations`."
MESSAGE = "One message in all versions; `sago events show` has the ids."


def register(app: typer.Typer) -> None:
    """Add the command to its panel."""
    app.command("erase", rich_help_panel=OPERATE)(erase)


def erase(
    company: Annotated[str, typer.Option("--company", help="Whose messages.")],
    because: Because,
    sender: Annotated[str | None, typer.Option("--sender", help=SENDER)] = None,
    message: Annotated[str | None, typer.Option("--message", metavar="ID", help=MESSAGE)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Take a person's words out of every store, and out of what still comes. Cannot be undone.

    One of --sender and --message is needed; each form of a person's name is a sender of its own.

    Example: [bold]sago erase --company scaleflow --sender "Ana <ana@x.example>" --because "asked on 3 March"[/]

    Example: [bold]sago erase --company scaleflow --message slack:1042 --because "sent by mistake"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        erasure = _erasure(container, company, because, sender, message)
        rows = container.erasing.matching(erasure)
        whom = one_line(sender or message or "")
        session.note(f"{rows} stored rows of {company} are of {whom}")
        if not yes:
            typer.confirm("Empty them, now and whenever more come?", abort=True, err=True)
        done = _apply(session, container, erasure)
    if as_json:
        session.emit(erasure.model_dump(mode="json") | done._asdict())
    else:
        _say(session, done)
    session.note(OUTSIDE)


def _erasure(container: Container, company: str, because: str, sender: str | None, message: str | None) -> Erasure:
    if not because.strip():
        raise UsageError("--because is empty: say why, for whoever reads it later")
    if bool(sender) == bool(message):
        raise UsageError("name either --sender or --message")
    if message and not message.partition(":")[2]:
        raise UsageError(f"--message {one_line(message, 60)}: names no message, as slack:1042 does")
    try:
        return Erasure(
            id=uuid4(),
            company_id=company,
            message_id=message,
            sender=sender,
            because=because,
            requested_by=me(),
            requested_at=container.clock.now(),
        )
    except ValidationError as error:
        raise UsageError(f"--company {one_line(company, 60)}: is no company id") from error


def _apply(session: Session, container: Container, erasure: Erasure) -> Erased:
    """Erase, then queue again what waited of the company: that part of the buffer was emptied as a whole."""
    with session.progress() as bars:
        task = bars.add_task("erasing", total=5)

        def step(name: str) -> None:
            bars.update(task, description=name, advance=1)

        done = container.erasing.erase(erasure, container.clock.now(), step)
        step("queueing again")
        container.recovery.requeue(erasure.company_id, container.clock.now())
    return done


def _say(session: Session, done: Erased) -> None:
    counts = {
        "raw rows emptied": done.rows,
        "observations deleted": done.observations,
        "dead letters emptied": done.dead_letters,
        "events folded anew or gone": done.events,
        "letters without their text": done.letters,
    }
    for what, count in counts.items():
        session.out.print(f"{count:>8}  {what}")
    for letter_id in done.kept_letters:
        session.out.print(Text(f"stays: letter {letter_id} was approved or sent and cites them"))
