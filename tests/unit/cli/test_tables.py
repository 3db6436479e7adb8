"""Tables at every width: words stay whole, and nothing is left out."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sago.cli.tables import laid_out

MAILS = ("letter", "state", "to", "next", "why")
ROWS = (
    ("7e5f329f", "queued", "dana@northgate.example", "2026-11-23 08:00 UTC", "no more than 1 in 7 days [caps]"),
    ("0b5c1c1e", "unknown", "ivo@fund.example", "", "timeout at mail.example.com:587: look at the server's log"),
)


def shown(rows: tuple[tuple[str, ...], ...], width: int, heads: tuple[str, ...] = MAILS) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(laid_out(heads, rows, width, right=("next",)))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_each_word_is_whole_and_each_line_fits(width: int) -> None:
    lines = shown(ROWS, width)
    assert max(len(line) for line in lines) <= width
    words = Counter(" ".join(lines).split())
    assert not Counter(word for row in ROWS for cell in row for word in cell.split()) - words


def test_a_wide_screen_has_columns_and_a_narrow_one_a_row_below_the_other() -> None:
    wide, narrow = shown(ROWS, 130), [line.rstrip() for line in shown(ROWS, 40)]
    assert wide[1].split() == list(MAILS)
    assert sum("UTC" in line for line in wide) == 1
    assert wide[3].split()[:3] == ["7e5f329f", "queued", "dana@northgate.example"]
    assert narrow[:5] == [
        "7e5f329f",
        "  state  queued",
        "  to     dana@northgate.example",
        "  next   2026-11-23 08:00 UTC",
        "  why    no more than 1 in 7 days [caps]",
    ]
    assert not [line for line in narrow if line.strip() == "next"], "an empty cell takes no line"


def test_what_a_cell_holds_is_never_markup() -> None:
    assert "[caps]" in " ".join(" ".join(shown(ROWS, 40)).split())


def test_a_word_of_wide_characters_that_fills_its_column_is_whole() -> None:
    word = "a" * 14 + "漢" * 5
    assert word in shown((("aaaa", word, f"{word} a"),), 58, ("one", "two", "three"))[3].split()[2]


@given(
    st.lists(st.tuples(*[st.text("ab cé漢", max_size=30)] * 3), min_size=1, max_size=4),
    st.integers(min_value=24, max_value=140),
)
def test_no_letter_is_lost_at_any_width(rows: list[tuple[str, ...]], width: int) -> None:
    lines = shown(tuple(rows), width, ("one", "two", "three"))
    held = Counter("".join("".join(row).replace(" ", "") for row in rows))
    assert not held - Counter("".join(lines).replace(" ", ""))
