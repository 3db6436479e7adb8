"""The labelled companies are whole: their quotes stand in their messages, and their labels name messages there are."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sago.config import PROJECT
from sago.domain.events import EventType
from sago.evaluation.labels import read_labels

FOLDER = PROJECT / "labelled"
COMPANIES = sorted(path.parent.name for path in FOLDER.glob("*/gold.jsonl"))
UNSEEN = set((FOLDER / "unseen.txt").read_text(encoding="utf-8").split())


def texts(company: str) -> dict[str, str]:
    with (FOLDER / company / "messages.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row["content"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("company", COMPANIES)
def test_each_message_of_a_label_is_there_and_holds_its_words(company: str) -> None:
    known = texts(company)
    for label in read_labels(FOLDER / company / "gold.jsonl"):
        assert label.company_id == company
        assert set(label.message_ids) <= known.keys(), label.title
        assert {words.message_id for words in label.evidence} == set(label.message_ids), label.title
        assert all(words.quote in known[words.message_id] for words in label.evidence), label.title


def test_ids_are_of_one_company_and_those_kept_unseen_are_there() -> None:
    ids = [message_id for company in COMPANIES for message_id in texts(company)]
    assert len(ids) == len(set(ids))
    assert set((FOLDER / "unseen.txt").read_text(encoding="utf-8").split()) < set(COMPANIES)


def test_the_development_set_is_not_among_them(shared: Path) -> None:
    with (shared / "eval" / "dev" / "messages.csv").open(newline="", encoding="utf-8") as file:
        theirs = {row["content"] for row in csv.DictReader(file) if len(row["content"]) > 20}
    assert not [text for company in COMPANIES for text in texts(company).values() if text in theirs]


@pytest.mark.parametrize("name", ["everyday", "told"])
def test_single_statements_have_their_context_and_known_types(name: str) -> None:
    lines = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(line["statement"].strip() and line["before"].split()[0] in ("chat", "mail") for line in lines)
    told = [EventType(event_type) for line in lines for event_type in line.get("types", ())]
    assert set(told) == (set(EventType) if name == "told" else set())
    said = {text for company in COMPANIES if company in UNSEEN for text in texts(company).values()}
    assert not [line for line in lines if len(line["statement"]) > 20 and line["statement"] in said]
