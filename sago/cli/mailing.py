"""`sago outreach deliver`, `outbox`, `recall`, `suppress` …: letters on their way out, and who gets none."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from sago.bootstrap import Container
from sago.cli.letters.chosen import letter_named
from sago.cli.lookup import Because, Wanted, me, opened, table
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.letters import Letter
from sago.domain.mails import Contact, Mail, MailState, Suppression, is_address
from sago.errors import UsageError
from sago.outreach.delivery import Round
from sago.report.phrases import one_line

Email = Annotated[str, typer.Argument(help="A mail address.")]
NEXT = {
    MailState.UNKNOWN: "it may have arrived: look at the server's log, then `sago outreach resolve`",
    MailState.REFUSED: "it has not arrived",
}


def register(group: typer.Typer) -> None:
    """Add the commands to `sago outreach`."""
    for command in (deliver, outbox, recall, suppress, unsuppress, suppressed, contact):
        group.command(command.__name__)(command)


def deliver(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go and why others wait.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Send now what is approved, no longer to be undone, and may go; what beat does by itself all the time.

    Example: [bold]sago outreach deliver --dry-run[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        done = container.delivery.rehearse() if dry_run else container.delivery.deliver()
        waiting, fresh = _others(container, done), container.delivery.undoable()
    if as_json:
        session.emit(_round(done, waiting, dry_run=dry_run))
    else:
        rows = [_cells(mail, would_go=dry_run) for mail in (*done.mails, *waiting)]
        rows += [(str(each.id)[:8], "approved", _reader(each), "", why) for each, why in done.unmailable]
        rows += [
            (str(each.id)[:8], "approved", _reader(each), _when(at), "can be undone until then") for each, at in fresh
        ]
        table(session, ("letter", "state", "to", "next", "why"), rows, "nothing is approved, and nothing waits")
    if done.problem:
        session.note(f"[bold]stopped:[/] {one_line(done.problem, 300)}")
    counts = Counter("would go" if dry_run and mail.state is MailState.CLAIMED else mail.stage for mail in done.mails)
    session.note(", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing sent")
    if done.problem:
        raise typer.Exit(1)


def outbox(
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List mails on their way out, each with when it is tried next, and why it waits.

    Example: [bold]sago outreach outbox --all[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        with container.database.begin() as tx:
            shown = None if every else [state for state in MailState if state.is_open or state is MailState.UNKNOWN]
            found = tx.mails.find(shown)
        closed = [each for each in container.breakers.open() if each.name == container.mailer.name]
        problem = container.generations.problem()
    if as_json:
        for mail in found:
            session.emit(mail.model_dump(mode="json"))
    else:
        table(session, ("letter", "state", "to", "next", "why"), [_cells(mail) for mail in found], "nothing waits")
    for each in closed:
        session.note(
            f"[bold]{each.name} is out[/] since {_when(each.since)}, asked again at {_when(each.until)}; nothing is "
            f"lost: {one_line(each.reason, 200)}"
        )
    if problem:
        session.note(f"[bold]nothing leaves the house:[/] {one_line(problem, 300)}")


def recall(
    letter: Wanted,
    because: Because,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Take a queued letter back: it is a draft again. What is being sent at this moment cannot be called back.

    Example: [bold]sago outreach recall 77c0d1aa --because "she called me"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        found = letter_named(container, letter)
        mail = container.suppressing.recall(found.id, container.clock.now(), me(), because)
    if as_json:
        session.emit(mail.model_dump(mode="json"))
    session.note(f"recalled {found.id}: it is a draft again")


def suppress(
    email: Email,
    because: Because,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """No mail to this address from now on; what waits for it is cancelled.

    Example: [bold]sago outreach suppress dana@northgate.example --because "asked on the phone"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    _require_address(email)
    with opened(session) as container:
        word = Suppression(email=email, because=because, who=me(), at=container.clock.now())
        cancelled = container.suppressing.suppress(word)
    if as_json:
        session.emit({"email": word.email, "cancelled": [str(mail.ref) for mail in cancelled]})
    session.note(f"{word.email} gets no mail; {len(cancelled)} cancelled")


def unsuppress(
    email: Email,
    because: Because,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Mail to this address again, where it was refused by mistake or its owner says so.

    Example: [bold]sago outreach unsuppress dana@northgate.example --because "she wrote again"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    _require_address(email)
    with opened(session) as container:
        container.suppressing.unsuppress(email, container.clock.now(), me(), because)
    if as_json:
        session.emit({"email": email, "suppressed": False})
    session.note(f"{one_line(email)} may get mail again")


def suppressed(
    as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None
) -> None:
    """List the addresses that get no mail, newest first.

    Example: [bold]sago outreach suppressed[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        found = tx.contacts.suppressions()
    if as_json:
        for each in found:
            session.emit(each.model_dump(mode="json"))
        return
    rows = [(each.email, _when(each.at), each.who, each.because) for each in found]
    table(session, ("address", "since", "who", "because"), rows, "everybody gets mail")


def contact(
    email: Email,
    name: Annotated[str | None, typer.Option(help="How they are called.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Theirs, as in Europe/Berlin.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say in which time zone somebody is written to. What is not given stays; `sago notices on` sets their notices.

    Example: [bold]sago outreach contact dana@northgate.example --timezone America/New_York[/]
    """
    session = Session(as_json, verbose, quiet, config)
    _require_address(email)
    given = {"name": name, "timezone": timezone}
    changes = {key: value for key, value in given.items() if value is not None}
    with opened(session) as container, container.database.begin() as tx:
        known = tx.contacts.get(email) or Contact(email=email, name=email)
        try:
            saved = Contact.model_validate(known.model_dump() | changes)
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            option = f"--{str(wrong['loc'][0]).replace('_', '-')}"
            raise UsageError(f"{option}: {wrong['msg'].removeprefix('Value error, ')}") from None
        tx.contacts.save(saved)
    if as_json:
        session.emit(saved.model_dump(mode="json"))
    at = f", notices at {saved.digest_at}:00" if saved.digest_at is not None else ""
    session.note(f"{saved.email}: {saved.timezone or 'outreach.timezone'}{at}")


def _others(container: Container, done: Round) -> list[Mail]:
    """Mails that wait and that the round did not come to."""
    seen = {mail.id for mail in done.mails}
    with container.database.begin() as tx:
        waiting = tx.mails.find([MailState.QUEUED])
    return [mail for mail in waiting if mail.id not in seen]


def _round(done: Round, waiting: list[Mail], *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "queued": [str(mail.ref) for mail in done.queued],
        "mails": [mail.model_dump(mode="json") for mail in done.mails],
        "waiting": [mail.model_dump(mode="json") for mail in waiting],
        "unmailable": [{"letter": str(letter.id), "why": why} for letter, why in done.unmailable],
        "problem": done.problem,
    }


def _cells(mail: Mail, *, would_go: bool = False) -> tuple[str, ...]:
    state = "would go" if would_go and mail.state is MailState.CLAIMED else mail.stage
    upcoming = _when(mail.next_attempt_at) if mail.state is MailState.QUEUED else ""
    why = "; ".join(filter(None, (mail.error, NEXT.get(mail.state))))
    return (str(mail.ref)[:8], state, mail.address, upcoming, why)


def _reader(letter: Letter) -> str:
    return letter.recipient.name if letter.recipient else "nobody yet"


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _require_address(email: str) -> None:
    if not is_address(email):
        raise UsageError(f"{one_line(email, 60)}: is no mail address, as in dana@northgate.example")
