"""`sago connect`: accounts at vendors whose messages are read, with leave of whoever owns them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import typer
from pydantic import SecretStr
from rich.markup import escape

from sago.bootstrap import Container
from sago.cli import connect_accounts, connect_keys
from sago.cli.connect_browser import code_of, listening
from sago.cli.connect_choice import chosen, has_terminal, named
from sago.cli.connect_output import as_json_of, say_connected, slowness, told_of
from sago.cli.connect_waiting import send_due
from sago.cli.days import day_option
from sago.cli.lookup import me, opened
from sago.cli.session import CONNECT, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.connections import EVERY_CONTAINER, Connection, Token
from sago.domain.wording import day
from sago.errors import AccountRefusedError, ConfigError, UsageError
from sago.pipeline.connecting import Wanted
from sago.sources.accounts import Account, Accounts, Choice
from sago.sources.oauth import ask, exchange
from sago.sources.visits import Visit

Channels = Annotated[list[str] | None, typer.Option("--channel", help="A channel to share, by name or id. Repeatable.")]
Labels = Annotated[list[str] | None, typer.Option("--label", help="A label to share, as INBOX. Repeatable.")]
Every = Annotated[bool, typer.Option("--all", help="Share all there are, and will be.")]
CompanyId = Annotated[str | None, typer.Option("--company", metavar="ID", help="Whose messages these are.")]
New = Annotated[bool, typer.Option("--new", help="The company is a new one.")]
Since = Annotated[date | None, day_option("--since", help="Read back to this day; else only what is said from now on.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the listener on 127.0.0.1.")]
TokenFrom = Annotated[str | None, typer.Option("--token", metavar="-", help="`-`: read the token from stdin.")]
Redirect = Annotated[
    str | None, typer.Option("--redirect-url", help="https address that leads to --port: through the browser.")
]

group = typer.Typer(no_args_is_help=True, help="Slack and Gmail: connect an account, share channels, let it go.")
connect_accounts.add_to(group)
connect_keys.add_to(group)


def register(app: typer.Typer) -> None:
    """Add the group to its panel."""
    app.add_typer(group, name="connect", rich_help_panel=CONNECT)


class Options(NamedTuple):
    """What both commands take."""

    containers: list[str] | None
    every: bool
    company: str | None
    new: bool
    since: date | None


@group.command("slack")
def connect_slack(
    manifest: Annotated[bool, typer.Option("--manifest", help="Print the app's manifest, and leave.")] = False,
    url: Annotated[str | None, typer.Option("--url", help="With --manifest: the API's https address.")] = None,
    token: TokenFrom = None,
    redirect_url: Redirect = None,
    port: Port = None,
    channel: Channels = None,
    every: Every = False,
    company: CompanyId = None,
    new: New = False,
    since: Since = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Connect a Slack workspace, or renew its token and choice.

    Make an app from the manifest at api.slack.com/apps, install it, and paste its Bot User OAuth Token when asked.
    Slack takes days for what was said before: an export file (`sago run export.zip`) takes minutes.

    Example: [bold]sago connect slack --manifest --url https://sago.example.com[/]

    Example: [bold]sago connect slack --channel general --company acme --since 2026-01-01[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if manifest:
        return _print_manifest(session, url)
    if url is not None:
        raise UsageError("--url: goes with --manifest")
    if token not in (None, "-"):
        raise UsageError("--token: takes `-` alone, and reads stdin: all on this machine see a command's arguments")
    options = Options(channel, every, company, new, since)

    def got(container: Container, accounts: Accounts) -> Token:
        if redirect_url is None:
            if port is not None:
                raise UsageError("--port: needs --redirect-url, for Slack sends browsers to https addresses only")
            return _pasted(token)
        if urlsplit(redirect_url).scheme != "https" or port is None:
            raise UsageError("--redirect-url: write an https address, and with --port where it leads to")
        return _through_browser(session, container, accounts, options, port, redirect_url)

    return _connect(session, "slack", options, got)


@group.command("gmail")
def connect_gmail(
    port: Port = None,
    label: Labels = None,
    every: Every = False,
    company: CompanyId = None,
    new: New = False,
    since: Since = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Connect a Gmail mailbox, or renew its token and choice.

    Needs an OAuth client of your own (README); Google Takeout's mbox (`sago run mails.mbox`) needs none.

    Example: [bold]sago connect gmail --label INBOX --company acme[/]
    """
    session = Session(as_json, verbose, quiet, config)
    options = Options(label, every, company, new, since)
    _connect(session, "gmail", options, lambda c, a: _through_browser(session, c, a, options, port or 0, None))


def _print_manifest(session: Session, url: str | None) -> None:
    from sago.sources.slack_accounts import manifest

    if url is not None and (urlsplit(url).scheme != "https" or not urlsplit(url).netloc):
        raise UsageError("--url: write the https address under which the API is reached from outside")
    typer.echo(manifest(url), nl=False)
    where = "paste it at https://api.slack.com/apps under Create New App, From a manifest; then install the app"
    session.note(where if url else f"{where}. Without --url Slack pushes nothing, and is asked instead")


def _connect(
    session: Session, source: str, options: Options, token_from: Callable[[Container, Accounts], Token]
) -> None:
    with opened(session) as container:
        accounts = container.accounts(source)
        _check(container, options)
        token = token_from(container, accounts)
        connection = _kept(session, container, accounts, source, token, options)
        send_due(container)
        if session.as_json:
            session.emit(as_json_of(told_of(container, connection)))
        else:
            say_connected(session, accounts, connection)


def _check(container: Container, options: Options) -> None:
    """What can be known before the person goes to the vendor."""
    if options.new and not options.company:
        raise UsageError("--new: say which company is new, by --company")
    if options.every and options.containers:
        raise UsageError("--all: names everything already; leave the others out")
    if not (options.containers or options.every or has_terminal()):
        raise UsageError("nobody can be asked what to share: name it by --channel or --label, or give --all")
    if options.since and options.since > container.clock.now().date():
        raise UsageError(f"--since {options.since}: has not come yet")
    container.vault.seal(Token(access=SecretStr("a try")), UUID(int=0))


def _kept(
    session: Session, container: Container, accounts: Accounts, source: str, token: Token, options: Options
) -> Connection:
    reader = container.sources.get(source)
    if reader is None:
        raise ConfigError(f"there is no source {source}")
    visit = Visit(accounts.vendor, accounts.api_url, token, reader.judge)
    try:
        whose = accounts.who(visit)
    except AccountRefusedError:
        raise UsageError(f"{accounts.vendor} does not take this token: copy it anew, whole") from None
    choices = accounts.choices(visit)
    containers = _shared(session, container, accounts, source, whose, choices, options)
    for each in choices:
        if each.id in containers and each.problem:
            session.note(f"[yellow]{escape(each.name)}:[/] {escape(each.problem)}")
    connect_accounts.require_companies(container, [options.company], options.new)
    since = datetime.combine(options.since, time.min, UTC) if options.since else None
    wanted = Wanted(containers, options.company, since)
    if since:
        session.note(escape(f"reads back to {day(since)}; {slowness(accounts)}"))
    connect_accounts.keep_companies(container, [options.company])
    account = (source, whose.account, whose.name)
    return container.connecting.connect(account, token, wanted, lambda each: reader.streams(each, visit), me())


def _shared(
    session: Session,
    container: Container,
    accounts: Accounts,
    source: str,
    whose: Account,
    choices: list[Choice],
    options: Options,
) -> tuple[str, ...]:
    if options.every:
        return (EVERY_CONTAINER,)
    if options.containers:
        return named(options.containers, choices, accounts.container)
    with container.database.begin() as tx:
        known = tx.connections.find(source, whose.account)
    session.note(escape(f"{accounts.vendor}: {whose.name}"))
    return chosen(session, choices, accounts.container, known.containers if known else ())


def _pasted(given: str | None) -> Token:
    """From stdin, or a prompt that shows nothing: an argument would be seen by everybody on this machine."""
    if given is None and not has_terminal():
        raise UsageError("nobody can be asked for the token: give it on stdin, with `--token -`")
    said = sys.stdin.readline() if given else typer.prompt("Bot User OAuth Token", hide_input=True, err=True)
    token = str(said).strip()
    if not token.isascii() or not token.isprintable() or " " in token or not token.startswith("xox"):
        raise UsageError("this is no token of Slack's: copy the Bot User OAuth Token, which begins with xoxb-")
    return Token(access=SecretStr(token))


def _through_browser(
    session: Session,
    container: Container,
    accounts: Accounts,
    options: Options,
    port: int,
    redirect_url: str | None,
) -> Token:
    """What is wrong with the company is told before: its answer is good for one token."""
    app = accounts.app()
    connect_accounts.require_companies(container, [options.company], options.new)
    with listening(port) as listener:
        question = ask(app, redirect_url or listener.address)

        def tell(address: str) -> None:
            session.note(f"open {escape(address)} in a browser on this machine, and agree there")

        code = code_of(listener, question, tell)
    token, _ = exchange(app, question, code, container.clock.now())
    return token
