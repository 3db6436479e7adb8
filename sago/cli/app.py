"""All commands, each registered in its panel."""

from __future__ import annotations

import tomllib
from typing import Annotated

import typer

from sago.cli import (
    backtest,
    connect,
    data,
    dead_letters,
    demo,
    erase,
    extract,
    feed,
    keys,
    people,
    run,
    scoring,
    stack,
)
from sago.cli.session import fail
from sago.config import PROJECT
from sago.errors import SagoError

app = typer.Typer(
    name="sago",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help='Remembers why an investor said "too early", and says when the reason no longer holds.',
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        # From the checkout: the container image has the code, and no record of an installation.
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        typer.echo(f"sago {project['version']}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and leave.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """What stands before a command's name."""


for command in (demo, run, extract, scoring, data, people, backtest, connect, stack, feed, dead_letters, erase, keys):
    command.register(app)


def main() -> None:
    """Run the command line; every error Sago raises on purpose ends as one line on stderr."""
    try:
        app()
    except SagoError as error:
        fail(error)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
