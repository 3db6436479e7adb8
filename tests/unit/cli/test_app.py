"""`sago` itself, without a command."""

from __future__ import annotations

import importlib.metadata

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
