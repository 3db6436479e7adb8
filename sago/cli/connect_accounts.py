"""`sago connect list`, `show`, `share`, `route`, `pull` and `remove`: accounts that are connected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.markup import escape

from sago.bootstrap import Container
from sago.cli.connect_choice import chosen, has_terminal, named
from sago.cli.connect_output import as_json_of, not_taken_back, say_account, say_accounts, shared, told_of
from sago.cli.connect_waiting import send_due, wait_until_read
from sago.cli.lookup import me, opened, require_known
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.connections import EVERY_CONTAINER, Connection, ConnectionState
from sago.domain.messages import COMPANY_ID
from sago.errors import ConfigError, UsageError
from sago.pipeline.connecting import name_of, the_connection
from sago.pipeline.source_health import health_of_sources
from sago.report.phrases import one_line
from sago.sources.accounts import Accounts, Choice

DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}")
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="As in `sago connect list`, or its first characters.")]


def add_to(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("list")(list_accounts)
    group.command("show")(show)
    group.command("share")(share)
    group.command("route")(route)
    group.command("pull")(pull)
    group.command("remove")(remove)


def list_accounts(
    as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None
) -> None:
    """List the accounts, how far each is read, and what is wrong.

    Example: [bold]sago connect list[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        now = container.clock.now()
        with container.database.begin() as tx:
            healthy = {each.id: each for each in health_of_sources(tx, now)}
            rows = [(each, healthy[each.id]) for each in tx.connections.all() if each.id in healthy]
        if as_json:
            for each, _ in rows:
                session.emit(as_json_of(told_of(container, each)))
            return
        say_accounts(session, rows, now)


def show(
    account: Account,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Show one account: routes, and of each stream how far, how new, what is wrong and how to mend it.

    Example: [bold]sago connect show T0123ABC[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        told = told_of(container, _found(container, account))
        if as_json:
            session.emit(as_json_of(told))
            return
        kind = container.accounts(told.connection.source).container
        say_account(session, told, container.clock.now(), kind)


def share(
    account: Account,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", "--label", help="A channel or label, by name or id. Repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All there are, and will be.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Read exactly these channels or labels from now on, in place of those before; asks where none is named.

    Example: [bold]sago connect share T0123ABC --channel general --channel sales[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if every and channel:
        raise UsageError("--all: names everything already; leave the others out")
    if not (every or channel or has_terminal()):
        raise UsageError("nobody can be asked what to share: name it by --channel, or give --all")
    with opened(session) as container:
        connection, accounts = _with_accounts(container, account)
        containers = (EVERY_CONTAINER,) if every else _choose(session, container, accounts, connection, channel)
        reader = container.sources.get(connection.source)
        if reader is None:
            raise ConfigError(f"there is no source {connection.source}")
        changed = container.connecting.share(
            connection, containers, lambda each: reader.streams(each, container.sources.vendor(each)), me()
        )
        send_due(container)
        if as_json:
            session.emit(as_json_of(told_of(container, changed)))
        session.note(escape(f"{name_of(changed)}: {shared(changed, accounts.container)} from now on"))


def route(
    account: Account,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", "--label", metavar="NAME=COMPANY", help="Repeatable.")
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option("--domain", metavar="DOMAIN=COMPANY", help="Mail alone: of people in it. Repeatable."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Companies that are not known yet are new ones.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Say whose messages are: by channel or label first, of a mail then by the domains of the people in it.
    `general=` takes a route away.

    Example: [bold]sago connect route T0123ABC --channel acme-deals=acme --new[/]

    Example: [bold]sago connect route team@fund.example --domain acme.example=acme[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        connection, accounts = _with_accounts(container, account)
        wanted = [("domain", _domain(key), company) for key, company in _pairs(domain, "--domain")]
        if accounts.container == "channel" and any(company for _, _, company in wanted):
            raise UsageError(
                f"--domain: goes by the addresses in a mail, and {accounts.vendor} has none; use --channel"
            )
        if pairs := _pairs(channel, "--channel"):
            choices = _choices(container, accounts, connection, [key for key, _ in pairs])
            for key, company in pairs:
                wanted += [("container", each, company) for each in named([key], choices, accounts.container)]
        require_companies(container, [company for _, _, company in wanted], new)
        keep_companies(container, [company for _, _, company in wanted])
        routes = container.connecting.route(connection.id, wanted)
    if as_json:
        session.emit([each.model_dump(mode="json", exclude={"connection_id"}) for each in routes])
        return
    for each in routes:
        kind = accounts.container if each.kind == "container" else each.kind
        session.out.print(escape(f"{kind} {each.key} → {each.company_id}"))
    if not routes:
        session.note(escape(f"no routes: all is {connection.company_id or 'unassigned'}"))


def pull(
    account: Account,
    wait: Annotated[bool, typer.Option("--wait", help="Look on until all is read.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Read what is new at once. Ctrl-C stops looking on, not the reading.

    Example: [bold]sago connect pull T0123ABC --wait[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        connection = _found(container, account)
        if connection.state is not ConnectionState.ACTIVE:
            mend = f"`sago connect {connection.source}`"
            again = "" if mend in connection.reason else f"; connect it again: {mend}"
            raise UsageError(f"{name_of(connection)}: {connection.reason}{again}")
        since = container.clock.now()
        container.connecting.pull(connection.id)
        send_due(container)
        well = wait_until_read(session, container, connection, since) if wait else True
        if as_json:
            session.emit(as_json_of(told_of(container, connection)))
        elif not wait:
            session.note(escape(f"{name_of(connection)}: is being read; `sago connect show {connection.account}`"))
    if not well:
        raise typer.Exit(1)


def remove(
    account: Account,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Let an account go: its token is revoked and deleted, nothing is read any more. Messages stay.

    Example: [bold]sago connect remove T0123ABC[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        connection, accounts = _with_accounts(container, account)
        if not yes and not has_terminal():
            raise UsageError("nobody can be asked: give --yes")
        if not yes:
            typer.confirm(
                f"Let {one_line(name_of(connection))} ({one_line(connection.name)}) go?", abort=True, err=True
            )
        why = container.taking_back(connection)
        container.connecting.remove(connection, me())
        if as_json:
            session.emit({"removed": name_of(connection), "revoked": not why})
        if why:
            session.note(escape(f"the token is deleted here, {not_taken_back(accounts, why)}"))
        else:
            session.note("the token is revoked and deleted")
        session.note(
            "messages stay; `sago erase` takes out a person's words, `sago share revoke` what a firm was shown"
        )


def require_companies(container: Container, companies: Iterable[str | None], new: bool) -> None:
    """Raises UsageError where one is no id, or without `new` not known; empty is none."""
    with container.database.begin() as tx:
        for company in filter(None, companies):
            if not re.match(COMPANY_ID, company):
                wanted = "write it in small letters, digits, - and _, as in acme-4"
                raise UsageError(f"company {one_line(company, 60)}: {wanted}")
            try:
                require_known(tx, None if new else company)
            except UsageError as error:
                raise UsageError(f"{error}; add --new where it is a new one") from None


def keep_companies(container: Container, companies: Iterable[str | None]) -> None:
    """They are known from now on."""
    with container.database.begin() as tx:
        for company in filter(None, companies):
            tx.companies.ensure(company, container.clock.now())


def _found(container: Container, account: str) -> Connection:
    with container.database.begin() as tx:
        return the_connection(tx, one_line(account, 120))


def _with_accounts(container: Container, account: str) -> tuple[Connection, Accounts]:
    connection = _found(container, account)
    return connection, container.accounts(connection.source)


def _choose(
    session: Session, container: Container, accounts: Accounts, connection: Connection, wanted: list[str] | None
) -> tuple[str, ...]:
    choices = _choices(container, accounts, connection, wanted or [])
    if wanted:
        return named(wanted, choices, accounts.container)
    return chosen(session, choices, accounts.container, connection.containers)


def _choices(container: Container, accounts: Accounts, connection: Connection, wanted: list[str]) -> list[Choice]:
    """What there is; nobody is asked where all that is wanted is shared by its id already."""
    if wanted and all(each in connection.containers for each in wanted):
        return [Choice(each, each) for each in wanted]
    return accounts.choices(container.sources.vendor(connection))


def _pairs(written: list[str] | None, option: str) -> list[tuple[str, str]]:
    pairs = []
    for each in written or []:
        key, equals, company = (part.strip() for part in each.rpartition("="))
        if not key or not equals:
            example = "acme.example=acme" if option == "--domain" else "general=acme"
            raise UsageError(f"{option} {one_line(each, 60)}: write it as NAME=COMPANY, as {example}")
        pairs.append((key, company))
    return pairs


def _domain(written: str) -> str:
    domain = written.lower().removeprefix("@")
    if not DOMAIN.fullmatch(domain):
        raise UsageError(f"--domain {one_line(written, 60)}: is no domain; write it as acme.example")
    return domain
