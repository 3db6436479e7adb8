"""`sago generate-data`."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sago.cli import data
from sago.errors import UsageError

app = typer.Typer()
data.register(app)


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_says_what_it_wrote_and_what_comes_next(tmp_path: Path) -> None:
    out = tmp_path / "month.csv"
    said = " ".join(run("--rows", "120", "--out", out).split())
    assert "120 messages of 3 companies" in said
    assert f"sago run {out}" in said
    assert len(out.read_text(encoding="utf-8")) > 1000


def test_the_help_names_the_file_that_is_written_by_default() -> None:
    assert "data/full_data.csv" in run("--help")


def test_json(tmp_path: Path) -> None:
    out = tmp_path / "month.csv"
    said = json.loads(run("--rows", "90", "--companies", "4", "--seed", "3", "--json", "--out", out))
    assert (said["rows"], said["companies"], said["path"]) == (90, 4, str(out))
    assert Path(said["labels_path"]).is_file()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        run("--out", tmp_path / "file" / "month.csv")
