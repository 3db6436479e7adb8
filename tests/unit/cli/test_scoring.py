"""`sago eval` prints how much of a labelled file was found, and names what was not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sago.cli.scoring import register
from sago.errors import UsageError

MESSAGES = (
    "id,is_chat,chat_sender,email_sender,timestamp,content,company_id\n"
    "c1,true,kim,,2025-10-06T09:00:00Z,Contoso signed for three years at $120k a year,acme\n"
    "c2,true,lee,,2025-10-06T09:30:00Z,lunch?,acme\n"
    "c3,true,lee,,2025-10-06T10:00:00Z,Globex signed for two years at $80k a year,beta\n"
)
DEAL = (
    '{{"company_id": "{}", "event_type": "{}", "severity": "high", "title": "{}",'
    ' "message_ids": ["{}"], "metrics": []}}\n'
)


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    app.command("second")(lambda: None)
    return CliRunner().invoke(app, ["eval", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "messages.csv").write_text(MESSAGES, encoding="utf-8")
    (tmp_path / "gold.jsonl").write_text(
        DEAL.format("acme", "enterprise_deal", "Contoso signed", "c1")
        + DEAL.format("acme", "hiring", "Somebody joined for lunch", "c2"),
        encoding="utf-8",
    )
    return tmp_path


def test_figures_and_types_as_json(folder: Path) -> None:
    result = run(str(folder / "messages.csv"), str(folder / "gold.jsonl"), "--json")
    scored = json.loads(result.stdout)
    assert result.exit_code == 0
    assert scored["figures"]["precision"]["value"] == 0.5
    assert scored["figures"]["recall"]["value"] == 0.5
    assert scored["figures"]["grounding"]["value"] == 1.0
    low, high = scored["figures"]["recall"]["interval"]
    assert low <= 0.5 <= high
    assert scored["types"]["enterprise_deal"] == {
        "labelled": 1, "found": 2, "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3),
    }  # fmt: skip


def test_a_table_for_people_and_each_difference_by_name(folder: Path) -> None:
    result = run(str(folder / "messages.csv"), str(folder / "gold.jsonl"), "--show")
    assert "macro F1" in result.stdout
    assert "acme  missed  hiring                 Somebody joined for lunch  c2" in result.stdout
    assert "beta  false   enterprise_deal" in result.stdout


@pytest.mark.parametrize(
    ("company", "message", "said"),
    [("nobody", "c1", "labels of nobody, of which"), ("acme", "c9", "there is no message c9")],
)
def test_labels_of_another_file_are_a_mistake(folder: Path, company: str, message: str, said: str) -> None:
    (folder / "gold.jsonl").write_text(DEAL.format(company, "funding", "Round closed", message), encoding="utf-8")
    result = run(str(folder / "messages.csv"), str(folder / "gold.jsonl"))
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


def test_columns_of_another_name_are_mapped(folder: Path) -> None:
    files = (str(folder / "messages.csv"), str(folder / "gold.jsonl"), "--json")
    plain = run(*files).stdout
    (folder / "messages.csv").write_text(MESSAGES.replace("content", "Body", 1), encoding="utf-8")
    assert "rename with --map content=Body" in str(run(*files).exception)
    assert run(*files, "--map", "content=Body").stdout == plain


def test_without_a_label_there_is_no_recall_to_show(folder: Path) -> None:
    (folder / "gold.jsonl").write_text("", encoding="utf-8")
    files = (str(folder / "messages.csv"), str(folder / "gold.jsonl"))
    result = run(*files)
    assert result.exit_code == 0
    said = " ".join(result.stderr.split())
    assert "has no label, so each event found counts as false; a label is one JSON object a line" in said
    rows = {tuple(line.split())[:-1]: line.split()[-1] for line in result.stdout.splitlines() if line.strip()}
    assert rows["macro", "F1"] == rows["recall",] == rows["metric", "recall"] == "–"
    assert ("enterprise_deal", "0", "2", "0.00", "–") in rows
    scored = json.loads(run(*files, "--json").stdout)
    assert scored["figures"]["recall"] == {"value": None, "interval": None}
    assert scored["figures"]["precision"]["value"] == 0.0
    assert scored["types"]["enterprise_deal"]["recall"] is None


@pytest.mark.parametrize("line", ["{half", "[]", '{"company_id": "acme"}', '{"event_type": 7}', "\udcff"])
def test_a_bad_label_is_told_in_plain_words(folder: Path, line: str) -> None:
    (folder / "gold.jsonl").write_text(line, encoding="utf-8", errors="surrogateescape")
    result = run(str(folder / "messages.csv"), str(folder / "gold.jsonl"))
    assert isinstance(result.exception, UsageError)
    said = str(result.exception)
    assert said.startswith(f"{folder / 'gold.jsonl'}:1: ")
    assert not {"pydantic", "Error", "Input", "Field", "codec"} & set(said.replace(":", " ").split())
