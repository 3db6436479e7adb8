"""`sago erase`: a person asked that nothing of theirs is kept."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.lookup import Because, me, opened
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.erasures import Erased, Erasure
from sago.domain.messages import COMPANY_ID_IN_WORDS
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
    person: Annotated[bool, typer.Option("--person", help="Whatever account of the person it comes from.")] = False,
    message: Annotated[str | None, typer.Option("--message", metavar="ID", help=MESSAGE)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Take a person's words out of every store, and out of what still comes. Cannot be undone.

    One of --sender and --message is needed. A sender's account goes with its id and address; --person takes their
    other accounts along, as `sago people show` has them.

    Example: [bold]sago erase --company scaleflow --sender "Ana <ana@x.example>" --because "asked on 3 March"[/]

    Example: [bold]sago erase --company scaleflow --message slack:1042 --because "sent by mistake"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        erasure = _erasure(container, company, because, sender, message)
        erasures = _of_all_forms(session, container, erasure, whole=person)
        rows = sum(container.erasing.matching(each) for each in erasures)
        whom = ", ".join(one_line(each.sender or each.message_id or "") for each in erasures)
        session.note(escape(f"{rows} stored rows of {company} are of {whom}"))
        if sender and not person:
            _offer(session, container, company, sender)
        if not yes:
            typer.confirm("Empty them, now and whenever more come?", abort=True, err=True)
        done = _apply(session, container, erasures)
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
        raise UsageError(f"--company {one_line(company, 60)}: is no company id: {COMPANY_ID_IN_WORDS}") from error


def _of_all_forms(session: Session, container: Container, erasure: Erasure, *, whole: bool) -> list[Erasure]:
    """One for each form in which messages name the sender."""
    if erasure.sender is None:
        if whole:
            raise UsageError("--person goes with --sender: a message is one message, whoever wrote it")
        return [erasure]
    forms = container.persons.senders(erasure.company_id, erasure.sender, whole=whole)
    for each in forms.shared:
        session.note(
            escape(f"stays: messages of {one_line(each)}, as others are called so too; --sender takes them all")
        )
    return [erasure, *(erasure.model_copy(update={"id": uuid4(), "sender": each}) for each in forms.theirs[1:])]


def _offer(session: Session, container: Container, company: str, sender: str) -> None:
    """Say where else the person is known."""
    for each in container.persons.persons_named(company, sender):
        others = [one for one in each.identities if not one.is_named(sender)]
        if others:
            known = ", ".join(f"{one.source} {one.native_id}" for one in others)
            session.note(escape(f"{each.name} also writes as {known}: --person takes these along"))


def _apply(session: Session, container: Container, erasures: list[Erasure]) -> Erased:
    """Erase, then queue again what waited of the company: that part of the buffer was emptied as a whole."""
    with session.progress() as bars:
        task = bars.add_task("erasing", total=2 + 4 * len(erasures))

        def step(name: str) -> None:
            bars.update(task, description=name, advance=1)

        done = container.erasing.erase_all(erasures, container.clock.now(), step)
        step("queueing again")
        container.recovery.requeue(erasures[0].company_id, container.clock.now())
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
