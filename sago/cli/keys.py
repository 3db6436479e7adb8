"""`sago keys`: who may call the HTTP API, and what each key opens."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape

from sago.cli.connect_accounts import keep_companies, require_companies
from sago.cli.days import day_of
from sago.cli.firms import firm_of
from sago.cli.lookup import Because, me, opened, table, the_one
from sago.cli.session import OPERATE, AsJson, ConfigFile, Quiet, Session, Verbose
from sago.domain.keys import EVERY, ApiKey, problem_of
from sago.errors import UsageError
from sago.ports import Transaction
from sago.report.phrases import one_line

LASTS = "365d"
"""A key that nobody renews ends within a year."""
LONGEST = 3650
"""Days."""
NAMED = re.compile(
    r"(?:sago_|key:)?([0-9a-f]{8}(?:(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?)(?:_.*)?", re.DOTALL | re.IGNORECASE
)
"""By its prefix, its id, as the audit log names it, or the key itself, whose secret part is left unread. Never by less:
its end is for good."""

group = typer.Typer(no_args_is_help=True, help="Keys of the HTTP API: who holds one, and what it opens.")


def register(app: typer.Typer) -> None:
    """Add the commands to their panel."""
    app.add_typer(group, name="keys", rich_help_panel=OPERATE)


@group.command("create")
def create(
    name: Annotated[str, typer.Option("--name", help="Who or what holds it, as 'Scaleflow's Slack bot'.")],
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="read or write (of a firm), ingest:COMPANY, share:COMPANY, operate; repeatable."),
    ],
    firm: Annotated[
        str | None, typer.Option("--firm", metavar="NAME", help="The firm whose key it is, by its name or id.")
    ] = None,
    expires: Annotated[
        str, typer.Option("--expires", metavar="WHEN", help="90d, its last day in UTC (2027-03-31), or never.")
    ] = LASTS,
    new: Annotated[bool, typer.Option("--new", help="Companies that are not known yet are new ones.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """Make a key and print it, this once: it is kept as a hash. On stdout stands the key alone, all else on stderr.

    Example: [bold]KEY=$(sago keys create --name crm --firm Northgate --scope read --scope write --expires 90d)[/]
    """
    session = Session(as_json, verbose, quiet, config)
    called = one_line(name, 101)
    if not called or len(called) > 100:
        raise UsageError("--name: say in 1 to 100 characters who or what holds the key")
    with opened(session) as container:
        now = container.clock.now()
        ends, firm_id = _end(expires, now), firm_of(firm) if firm is not None else None
        if problem := next((said for each in scope if (said := problem_of(each, firm_id))), None):
            raise UsageError(problem)
        with container.database.begin() as tx:
            _require_firm(tx, firm_id)
        require_companies(container, _companies(scope), new)
        if new:
            keep_companies(container, _companies(scope))
        key, row = container.keyring.issue(called, scope, firm_id, me(), ends)
    if as_json:
        session.emit({"key": key, **_as_json(row, now)})
    else:
        sys.stdout.write(f"{key}\n")
    end = f"until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "until it is revoked"
    session.note(escape(f"{row.prefix}, {row.name}: opens {', '.join(row.scopes)} {end}; it is not shown again"))


@group.command("list")
def list_keys(
    firm: Annotated[str | None, typer.Option("--firm", metavar="NAME", help="Only of this firm.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """List all keys, oldest first, those that open nothing any more too. No key can be told from it.

    Example: [bold]sago keys list --firm Northgate[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container, container.database.begin() as tx:
        firm_id = firm_of(firm) if firm is not None else None
        _require_firm(tx, firm_id)
        found, now = tx.keys.all(firm_id), container.clock.now()
    if as_json:
        for key in found:
            session.emit(_as_json(key, now))
        return
    heads = ("prefix", "name", "firm", "scopes", "created", "last used", "expires", "state")
    table(session, heads, [_cells(key, now) for key in found], "no keys yet: sago keys create --help")


@group.command("revoke")
def revoke(
    prefix: Annotated[str, typer.Argument(help="Its prefix of 8 characters, its id, or the key itself.")],
    because: Because,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    config: ConfigFile = None,
) -> None:
    """End a key, within five seconds wherever it is used. It stays in the list; again changes nothing.

    Example: [bold]sago keys revoke 1f0c93ab --because "the laptop was lost"[/]
    """
    session = Session(as_json, verbose, quiet, config)
    if not because.strip():
        raise UsageError("--because is empty: say why, for whoever reads it later")
    wanted = NAMED.fullmatch(prefix.strip())
    if wanted is None:
        raise UsageError(
            "a key is named by the 8 hex digits of its prefix, as 1f0c93ab, or its id: see `sago keys list`"
        )
    with opened(session) as container:
        with container.database.begin() as tx:
            name = (lambda key: key.id) if "-" in wanted[1] else (lambda key: key.prefix)
            found = the_one("key", wanted[1], tx.keys.all(), name)
        ended = container.keyring.revoke(found.prefix, me(), because)
        now = container.clock.now()
    if as_json:
        session.emit(_as_json(ended, now))
    at = f"{ended.revoked_at:%Y-%m-%d %H:%M} UTC"
    told = f"revoked {at}" if found.revoked_at is None else f"was revoked {at} already; no other reason is kept"
    session.note(escape(f"{ended.prefix}, {ended.name}: {told}"))


def _end(written: str, now: datetime) -> datetime | None:
    """Raises UsageError for what is neither a number of days, nor a day to come, nor `never`."""
    if written == "never":
        return None
    if days := re.fullmatch(r"([0-9]{1,5})d", written):
        if not 1 <= int(days[1]) <= LONGEST:
            raise UsageError(f"--expires {written}: from 1d to {LONGEST}d, or never")
        return now + timedelta(days=int(days[1]))
    try:
        last = day_of(written)
    except typer.BadParameter:
        said = one_line(written, 40) or "''"
        raise UsageError(f"--expires {said}: write 90d, its last day as 2027-03-31, or never") from None
    if last > (now + timedelta(days=LONGEST)).date():
        raise UsageError(f"--expires {last}: is more than {LONGEST} days away; write a day before, or never")
    end = datetime.combine(last, time.min, UTC) + timedelta(days=1)
    if end <= now:
        raise UsageError(f"--expires {last}: is over; to end a key use `sago keys revoke`")
    return end


def _companies(scopes: list[str]) -> list[str]:
    """Those that the scopes name."""
    named = (scope.partition(":")[2] for scope in scopes)
    return [company for company in named if company and company != EVERY]


def _require_firm(tx: Transaction, firm_id: str | None) -> None:
    """Raises UsageError, naming those that are known; None is any."""
    firms = tx.shares.firms()
    if firm_id is not None and firm_id not in firms:
        known = ", ".join(firms) or "none yet"
        raise UsageError(
            f"--firm {firm_id}: not known; known are: {known}. A share begins one: sago share grant COMPANY --firm NAME"
        )


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "holds" if key.holds_at(now) else "expired"


def _cells(key: ApiKey, now: datetime) -> tuple[str, ...]:
    used = f"{key.used_at:%Y-%m-%d %H:%M}" if key.used_at else "never"
    end = f"{key.expires_at - timedelta(milliseconds=1):%Y-%m-%d}" if key.expires_at else "never"
    created = f"{key.created_at:%Y-%m-%d}"
    return (
        key.prefix,
        key.name,
        key.firm_id or "",
        ", ".join(key.scopes),
        created,
        used,
        end,
        _state(key, now),
    )


def _as_json(key: ApiKey, now: datetime) -> dict[str, Any]:
    return key.model_dump(mode="json", exclude={"key_sha256"}) | {"state": _state(key, now)}
