"""`sago dlq`: what could not be taken, why, and once more when the cause is mended."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.lookup import opened, table
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.batches import DeadLetter
from sago.domain.dead_letters import origin_in, short_id
from sago.errors import InvalidMessageError, UsageError
from sago.report.phrases import one_line, visible

Origin = Annotated[
    str, typer.Argument(metavar="ID", help="The id of `sago dlq list` or of the API, or the origin or its beginning.")
]

dlq = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be taken, and why.")


def register(app: typer.Typer) -> None:
    """Add the commands to their panel."""
    app.add_typer(dlq, name="dlq", rich_help_panel=OPERATE)


@dlq.command("list")
def list_letters(
    topic: Annotated[str | None, typer.Option(help="Of one topic, as slack-messages.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """The newest dead letters with their reasons.

    Example: [bold]sago dlq list --topic slack-messages[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        letters = tx.ledger.dead_letters(topic=topic, limit=limit)
    if as_json:
        for letter in letters:
            session.emit(_row(letter))
        return
    table(
        session, ("id", "failed", "topic", "reason", "message, origin"), [_cells(each) for each in letters], "none yet"
    )


@dlq.command()
def show(
    origin: Origin,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """One dead letter whole, with its original bytes.

    Example: [bold]sago dlq show 3f1c9a02[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        letter = _find(container, origin)
    row = _row(letter) | {"value": letter.value.decode("utf-8", "replace")}
    if as_json:
        session.emit(row)
        return
    for name, value in row.items():
        session.out.print(f"{name:>12}  {visible(str(value))}", markup=False, soft_wrap=True)


@dlq.command()
def replay(
    origin: Annotated[str | None, typer.Argument(metavar="ID", help="As for `show`.")] = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="All whose company could not be told.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Send a dead letter's message again, once the cause is mended; what a vendor sent is read and routed anew.

    Example: [bold]sago dlq replay 3f1c9a02[/], and once a channel has its company [bold]sago dlq replay --unassigned[/]
    """
    if (origin is None) is not unassigned:
        raise UsageError("say which: the id of a dead letter, or --unassigned; see `sago dlq list`")
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        if origin is not None:
            letter = _find(container, origin)
            message = container.replaying.replay(letter)
            session.emit({"replayed": letter.origin}) if as_json else session.out.print(
                Text(f"{one_line(message.id)} is sent again")
            )
        elif _replay_unassigned(container, session):
            raise typer.Exit(1)


def _replay_unassigned(container: Container, session: Session) -> int:
    """How many still are."""
    letters, still = container.replaying.unassigned(), 0
    for letter in letters:
        try:
            container.replaying.replay(letter)
        except InvalidMessageError as error:
            still += 1
            if session.as_json:
                session.emit({"refused": letter.origin, "reason": error.reason})
        else:
            if session.as_json:
                session.emit({"replayed": letter.origin})
    if not session.as_json:
        session.out.print(f"{len(letters) - still} sent again, {still} still without a company")
    return still


def _find(container: Container, origin: str) -> DeadLetter:
    with container.database.begin() as tx:
        for name in (origin, origin_in(origin)):
            if name and (letter := tx.ledger.dead_letter(name)):
                return letter
        every = tx.ledger.dead_letters(replayed=True, limit=10_000)
    near = [each for each in every if each.origin.startswith(origin) or short_id(each.origin) == origin.lower()]
    if len(near) == 1:
        return near[0]
    how = "no dead letter has this id or origin" if not near else f"{len(near)} dead letters begin so; give more of it"
    raise UsageError(f"{origin}: {how}; see `sago dlq list`")


def _row(letter: DeadLetter) -> dict[str, str | int | None]:
    return {
        "id": short_id(letter.origin),
        "origin": letter.origin,
        "topic": letter.topic,
        "company_id": letter.company_id,
        "message_id": letter.message_id,
        "error": letter.error,
        "error_type": letter.error_type,
        "failed_at": letter.failed_at.isoformat(),
        "attempts": letter.attempts,
    }


def _cells(letter: DeadLetter) -> tuple[str, ...]:
    named = letter.message_id and letter.message_id not in letter.origin
    where = f"{letter.message_id}, {_short(letter.origin)}" if named else _short(letter.origin)
    return short_id(letter.origin), f"{letter.failed_at:%Y-%m-%d %H:%M}", letter.topic, letter.error, where


def _short(origin: str) -> str:
    """A file's hash is told by its first characters."""
    digest, colon, line = origin.partition(":")
    return f"{digest[:8]}…:{line}" if colon and len(digest) == 64 else origin
