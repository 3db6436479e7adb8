"""`sago extract` prints events of a file as JSON lines and needs no server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli.extract import register
from sago.errors import ConfigError, UsageError

HEADER = "id,is_chat,chat_sender,email_sender,timestamp,content,company_id\n"
ROWS = (
    "c1,true,kim,,2025-10-06T09:00:00Z,Contoso signed for three years at $120k a year,acme\n"
    "m1,false,,kim@acme.example,2025-10-07T09:00:00Z,Contoso signed a three year contract,acme\n"
    "c2,true,lee,,2025-10-06T09:00:00Z,lunch?,other\n"
)


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    app.command("second")(lambda: None)
    return CliRunner().invoke(app, ["extract", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "messages.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8")
    return path


def test_one_event_of_chat_and_mail_with_the_files_own_ids(file: Path) -> None:
    result = run(str(file))
    (line,) = result.stdout.splitlines()
    event = json.loads(line)
    assert (result.exit_code, event["company_id"], event["event_type"]) == (0, "acme", "enterprise_deal")
    assert event["message_ids"] == ["c1", "m1"]
    assert event["evidence"][0] == {"message_id": "c1", "quote": "Contoso signed for three years at $120k a year"}
    assert {"name": "annual contract value", "value": 120000.0, "unit": "USD"} in event["metrics"]
    assert {"id", "title", "severity", "timeline", "source_messages", "occurred_at", "is_active"} <= event.keys()


def test_the_same_file_gives_the_same_lines(file: Path) -> None:
    assert run(str(file)).stdout == run(str(file)).stdout


def test_the_provider_can_be_chosen(file: Path) -> None:
    assert run(str(file), "--provider", "marker").stdout == ""


def test_an_unknown_provider_is_one_line(file: Path) -> None:
    assert isinstance(run(str(file), "--provider", "oracle").exception, ConfigError)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert isinstance(run(str(tmp_path / "none.csv")).exception, UsageError)


def test_a_bad_row_is_told_and_the_rest_is_read(file: Path) -> None:
    file.write_text(HEADER + "x,true,kim,,not a time,hello,acme\n" + ROWS, encoding="utf-8")
    result = run(str(file))
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 1)
    assert "left out" in result.stderr


def test_a_file_without_any_message_ends_with_one(file: Path) -> None:
    file.write_text(HEADER + "x,true,kim,,not a time,hello,acme\n", encoding="utf-8")
    assert run(str(file)).exit_code == 1
