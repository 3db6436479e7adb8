"""Each part writes its own rows and section, and no other's; what is flat and what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.store.memory import Series, flat
from bench.store.page import PAGE, Finding, Row, write
from sago.config import PROJECT

PARTS = ("against", "imported", "sizes", "companies", "crossing", "soak", "ingest", "steady", "events")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return Path(shutil.copy(PAGE, tmp_path / "performance.md"))


def finding(part: str, key: str) -> Finding:
    return Finding(part, [Row(key, "a row", "≥ 1 ×", "2 (1 – 3) ×", met=False)], ["| a table |", f"of {part}"])


def test_a_part_leaves_the_others_alone(page: Path) -> None:
    write(finding("against", "1"), "first", page)
    write(finding("sizes", "3"), "second", page)
    write(finding("against", "1"), "third", page)
    text = page.read_text(encoding="utf-8")
    assert "`third`" in text
    assert "`second`" in text
    assert "`first`" not in text
    assert text.count("of against") == 1
    assert text.count("| a row |") == 2
    assert str(PROJECT) not in text


@pytest.mark.parametrize("part", PARTS)
def test_the_page_has_a_place_for_every_part(page: Path, part: str) -> None:
    write(Finding(part, [], ["found"]), "command", page)
    assert "found" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("key", ["1", "2", "2b", "3", "4", "5", "6", "7", "8", "9", "A1", "A2", "A3"])
def test_the_page_has_a_row_for_every_target(page: Path, key: str) -> None:
    write(Finding("soak", [Row(key, "a row", "-", "-", met=True)], []), "command", page)


def test_a_part_without_a_place_is_an_error(page: Path) -> None:
    with pytest.raises(ValueError, match="section other"):
        write(Finding("other", [], []), "command", page)


def test_flat_is_within_a_tenth_of_the_second_fifth() -> None:
    series = Series()
    for n in range(50):
        series.add(n, {"steady": 100.0 + n % 3, "warming": 50.0 if n < 10 else 100.0, "growing": 100.0 + n})
    assert flat(series, ["steady", "warming"])
    assert not flat(series, ["growing"])
    assert series.fifths("warming") == [50.0, 100.0, 100.0, 100.0, 100.0]
