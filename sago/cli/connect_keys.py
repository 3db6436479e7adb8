"""`sago connect key` and `rekey`: what seals the tokens."""

from __future__ import annotations

import typer
from rich.markup import escape

from sago.cli.lookup import opened
from sago.cli.session import AsJson, ConfigFile, Quiet, Session, Verbose


def add_to(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("key")(key)
    group.command("rekey")(rekey)


def key(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Print a new key for tokens, before those in use, as a line for .env. Keep a copy where the backups are not.

    Example: [bold]sago connect key >> .env && chmod 600 .env[/]
    """
    from sago.stores.fernet_vault import VARIABLE, new_key

    session = Session(as_json, verbose, quiet, config)
    before = session.settings.sources.token_keys
    keys = [new_key(), *filter(None, [before.get_secret_value() if before else ""])]
    if as_json:
        session.emit({VARIABLE: ",".join(keys)})
    else:
        typer.echo(f"{VARIABLE}={','.join(keys)}")
    session.note(
        "next: restart the stack, then `sago connect rekey`; then the old keys can go"
        if before
        else "without it no token can be read: keep a copy, apart from backups of the data"
    )


def rekey(as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False, config: ConfigFile = None) -> None:
    """Seal every token with the newest key; run it again where it was killed. Exit 1 where no key opens one.

    Example: [bold]sago connect rekey[/]
    """
    session = Session(as_json, verbose, quiet, config)
    with opened(session) as container:
        done = container.connecting.rekey()
    if as_json:
        session.emit(done._asdict())
    else:
        session.out.print(f"{done.sealed} sealed with the newest key")
    for name in done.lost:
        again = f"`sago connect {name.partition('/')[0]}`"
        session.note(f"[red]no key opens {escape(name)}[/]: put the one that did back behind the new, or {again}")
    if done.lost:
        raise typer.Exit(1)
