"""The scores' digest changes with everything that a score depends on, and with nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.extraction.page import BEGIN, END, READ_BY, digest, stale, write
from sago.config import PROJECT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for place in READ_BY:
        shutil.copytree(PROJECT / place, tmp_path / place, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [
        "sago/llm/providers/offline/cues.py",
        "sago/llm/providers/offline/common_words.txt",
        "sago/prompts/extraction-2.txt",
        "sago/domain/everyday_words.txt",
        "sago/pipeline/retelling.py",
        "sago/pipeline/reading.py",
        "sago/evaluation/scoring.py",
        "labelled/mealmoor/gold.jsonl",
        "labelled/unseen.txt",
    ],
)
def test_what_a_score_depends_on_changes_it(project: Path, path: str) -> None:
    before = digest(project)
    file = project / path
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert digest(project) != before


def test_what_it_does_not_depend_on_leaves_it(project: Path) -> None:
    before = digest(project)
    (project / "labelled" / "README.md").write_text("other words", encoding="utf-8")
    assert digest(project) == before == digest()


def test_a_page_of_other_code_is_stale(project: Path, tmp_path: Path) -> None:
    page = tmp_path / "extraction.md"
    page.write_text(f"head\n{BEGIN}\n{END}\nfoot\n", encoding="utf-8")
    assert stale(page, project) is not None
    write([], "`make eval`.", page)
    assert stale(page, project) is None
    assert page.read_text(encoding="utf-8").endswith(f"{END}\nfoot\n")
