"""`sago` itself, without a command."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator

import typer
from click import Command
from rich.text import Text
from typer.testing import CliRunner

from sago.cli.app import app


def test_it_says_its_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"sago {importlib.metadata.version('sago')}\n")


def test_its_help_says_what_it_is_for_and_no_name_gives_it_too() -> None:
    for arguments in (["--help"], []):
        assert 'Remembers why an investor said "too early"' in " ".join(
            CliRunner().invoke(app, arguments).output.split()
        )


def commands(of: Command, name: str) -> Iterator[tuple[str, Command]]:
    yield name, of
    for each, command in getattr(of, "commands", {}).items():
        yield from commands(command, f"{name} {each}")


def test_no_word_of_a_help_text_is_taken_for_markup() -> None:
    """`[now]` is a colour to Rich: it vanishes, and leaves a blank before the stop."""
    told = [
        (name, Text.from_markup(text).plain)
        for name, command in commands(typer.main.get_command(app), "sago")
        for text in (command.help, *(getattr(each, "help", None) for each in command.params))
        if text
    ]
    assert len(told) > 300
    assert [each for each in told if re.search(r"\w\)? +[.,;:](?:\s|$)", each[1])] == []
