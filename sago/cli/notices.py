"""`sago notices`: who is mailed what is new in their companies, and what the next mail would say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape
from rich.text import Text

from sago.bootstrap import Container
from sago.cli.days import moment_option
from sago.cli.lookup import Wanted, opened, table, the_one
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.mails import Contact, address_of
from sago.domain.notices import Notice
from sago.errors import ConfigError, UsageError
from sago.outreach.digests import readers
from sago.report.notice import html, subject
from sago.report.notice_text import plain
from sago.report.phrases import one_line

group = typer.Typer(no_args_is_help=True, help="Mails of what is new, to those in whose name letters go.")
WIDEST = 80

Email = Annotated[str, typer.Argument(help="Mail address of an investor or a founder.")]


@group.command("on")
def turn_on(
    email: Email,
    at: Annotated[int | None, typer.Option(min=0, max=23, help="Hour of their day [8].", show_default=False)] = None,
    timezone: Annotated[
        str | None,
        typer.Option(help="Where they are, as in Europe/Berlin.", show_default="the house's"),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Mail somebody what is new, once a day at their hour, for each firm that names them; nothing without news.

    Example: [bold]sago notices on dana@northgate.example --at 8 --timezone Europe/Berlin[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        reader = next(iter(readers(tx).get(address_of(email), ())), None)
        known = tx.contacts.get(email)
        hour = at if at is not None else known.digest_at if known and known.digest_at is not None else 8
        name = known.name if known else reader.person.name if reader else address_of(email)
        contact = _contact(email, name, timezone or (known.timezone if known else None), hour)
        tx.contacts.save(contact)
        suppressed = tx.contacts.suppression(email)
        outreach, smtp = container.settings.outreach, container.settings.smtp
    if as_json:
        session.emit(contact.model_dump(mode="json"))
    session.note(f"{contact.email} is told what is new at {hour}:00, {contact.timezone or outreach.timezone}")
    if reader is None:
        session.note(_nobody(contact.email))
    if suppressed:
        session.note(escape(f"they get no mail: {suppressed.because}; see `sago outreach unsuppress`"))
    if smtp.host and not outreach.notice.sender:
        session.note("[yellow]outreach.notice.sender is not set: nobody is there in whose name the mails could go[/]")


@group.command("off")
def turn_off(
    email: Email,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Mail somebody no more notices; one that waits does not go either. Letters are not concerned.

    Example: [bold]sago notices off dana@northgate.example[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        known = tx.contacts.get(email)
        if known is None:
            raise UsageError(f"{one_line(email, 60)}: gets no notices; see `sago notices list`")
        contact = known.model_copy(update={"digest_at": None})
        tx.contacts.save(contact)
    if as_json:
        session.emit(contact.model_dump(mode="json"))
    session.note(f"{contact.email} gets no notices")


@group.command("list")
def list_readers(
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List everybody in whose name letters go, or who was told something: when they are told, and the last notice.

    Example: [bold]sago notices list[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        names = {email: first.person.name for email, (first, *_) in readers(tx).items()}
        contacts = {contact.email: contact for contact in tx.contacts.all()}
        known = {email: contacts.get(email) or Contact(email=email, name=name) for email, name in names.items()}
        rows = [
            (contact, [notice for notice in tx.notices.of(email) if notice.items])
            for email, contact in sorted((contacts | known).items())
        ]
        house = container.settings.outreach.timezone
    if as_json:
        for contact, notices in rows:
            told = [{"id": str(notice.id), "day": str(notice.day)} for notice in notices]
            session.emit(contact.model_dump(mode="json") | {"notices": told})
        return
    cells = [_cells(contact, notices, house) for contact, notices in rows]
    table(session, ("address", "name", "told at", "last notice"), cells, "nobody yet: `sago watch add` names people")


@group.command("preview")
def preview(
    email: Annotated[str | None, typer.Argument(help="Only this person's.")] = None,
    as_of: Annotated[
        datetime | None, moment_option("--as-of", help="As of then (UTC) \\[now].", show_default=False)
    ] = None,
    to: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="As HTML too; of one person.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show what the next notice would say; nothing is sent, and nothing counts as told.

    Example: [bold]sago notices preview dana@northgate.example --html notice.html[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if to and email is None:
        raise UsageError("--html FILE: holds one notice; say whose, as in `sago notices preview EMAIL --html FILE`")
    with opened(session) as container:
        notices = _previewed(container, email, as_of)
    for notice in notices:
        _print(session, notice)
    if not notices:
        session.note("nothing new to tell")
    elif to:
        _write(to, html(notices[0]))
        others = f"; of {len(notices)} firms' the first" if len(notices) > 1 else ""
        session.note(f"written: {escape(str(to))}{others}")


@group.command("show")
def show(
    notice: Wanted,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show a notice as it went out, or waits to.

    Example: [bold]sago notices show 77c0d1aa[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        people = {*(contact.email for contact in tx.contacts.all()), *readers(tx)}
        told = [each for email in sorted(people) for each in tx.notices.of(email) if each.items]
        found = the_one("notice", notice, told, lambda each: each.id)
    _print(session, found)


def _nobody(email: str) -> str:
    """What notices mean for somebody in whose name no letter would go."""
    return (
        f"[yellow]note:[/] {escape(email)} is in no watch, so nothing is mailed there until one names them: who said "
        f"no by `sago watch add COMPANY --investor 'NAME <{escape(email)}>'`, a founder by `sago company set`; those "
        "who are in one: `sago notices list`"
    )


def _contact(email: str, name: str, timezone: str | None, hour: int) -> Contact:
    try:
        return Contact(email=email, name=name, timezone=timezone, digest_at=hour)
    except ValidationError as error:
        where = {each["loc"][0] for each in error.errors()}
        if "timezone" in where:
            raise UsageError(f"--timezone {timezone}: is no time zone; write it as in Europe/Berlin") from error
        raise UsageError(f"{one_line(email, 60)}: is no mail address; write it as dana@northgate.example") from error


def _previewed(container: Container, email: str | None, as_of: datetime | None) -> list[Notice]:
    """Raises UsageError for an address in whose name no letter goes."""
    with container.database.begin() as tx:
        people = readers(tx)
    if email is not None and address_of(email) not in people:
        raise UsageError(f"{one_line(email, 60)}: no letter goes in their name; see `sago notices list`")
    wanted = [address_of(email)] if email else sorted(people)
    moment = as_of or container.clock.now()
    return [notice for each in wanted for notice in container.digests.preview(each, moment)]


def _print(session: Session, notice: Notice) -> None:
    if session.as_json:
        session.emit(notice.model_dump(mode="json"))
        return
    session.out.print(Text(subject(notice), style="bold"))
    session.out.print(Text(f"to {notice.email}\n", style="dim"))
    session.out.print(Text(plain(notice, min(session.out.width, WIDEST))), soft_wrap=True)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--html {path}: cannot be written ({error.strerror})") from error


def _cells(contact: Contact, notices: list[Notice], house: str) -> tuple[str, ...]:
    at = "off" if contact.digest_at is None else f"{contact.digest_at}:00 {contact.timezone or house}"
    last = f"{str(notices[-1].id)[:8]}, {notices[-1].day}" if notices else ""
    return contact.email, contact.name, at, last
