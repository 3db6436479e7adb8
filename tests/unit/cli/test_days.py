"""Days and moments as options take them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import typer
from typer.testing import CliRunner

from sago.cli.app import app
from sago.cli.days import day_of, moment_of


def test_a_day_and_a_moment_are_read_as_they_are_written() -> None:
    assert day_of(" 2026-10-20") == date(2026, 10, 20)
    assert moment_of("2026-10-20") == datetime(2026, 10, 20, tzinfo=UTC)
    assert moment_of("2026-10-20T08:30") == datetime(2026, 10, 20, 8, 30, tzinfo=UTC)
    assert moment_of("2026-10-20T08:30:00+02:00").utcoffset() == timezone(timedelta(hours=2)).utcoffset(None)


@pytest.mark.parametrize("written", ["20.10.2026", "2026-02-30", "yesterday", "", "2026-10-20T08:00"])
def test_what_is_no_day_says_how_a_day_is_written(written: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no day; write it as 2026-10-20"):
        day_of(written)


def test_what_is_no_moment_says_how_one_is_written() -> None:
    with pytest.raises(typer.BadParameter, match="is no moment; write it as 2026-10-20, or 2026-10-20T08:00"):
        moment_of("at noon")


@pytest.mark.parametrize(
    "arguments",
    [
        ("watch", "add", "scaleflow", "--when", "arr >= 2M", "--met"),
        ("watch", "explain", "--as-of"),
        ("backtest", "--company", "scaleflow", "--when", "arr >= 2M", "--from"),
        ("share", "grant", "scaleflow", "--firm", "Northgate", "--until"),
        ("notices", "preview", "--as-of"),
        ("generate-data", "--start"),
    ],
)
def test_every_option_that_takes_one_names_itself_and_shows_an_example(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*arguments, "20.10.2026"])
    told = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 2
    assert f"Invalid value for '{arguments[-1]}'" in told
    assert "write it as 2026-10-20" in told
    assert "%" not in told
