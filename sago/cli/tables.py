"""Tables that keep their words whole at any width: columns where they fit, else each row on lines of its own."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sago.report.phrases import one_line

LEAST = 18
"""A column is folded to fewer characters only where it needs no more: text in a narrower one is hard to read."""
GAP = 2
EDGES = 2


def laid_out(
    heads: Sequence[str], rows: Sequence[Sequence[str]], width: int, right: Sequence[str] = ()
) -> RenderableType:
    """The rows in a table of `width` characters, the columns named in `right` flush right; below each other where a
    word would be broken or a column too narrow to read. Nothing is left out, and no cell is read as markup."""
    told = [[one_line(cell) for cell in row] for row in rows]
    widths = _widths(heads, told, width - EDGES - GAP * (len(heads) - 1))
    return Group(*(_stacked(heads, row) for row in told)) if widths is None else _table(heads, told, widths, right)


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Of each column, those that want little more first; None where the room is too small for what all of them need."""
    columns = [[head, *cells] for head, *cells in zip(heads, *rows, strict=True)]
    whole = [max(cell_len(cell) for cell in column) for column in columns]
    words = [max((cell_len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    widths = [min(most, max(word, LEAST)) for most, word in zip(whole, words, strict=True)]
    left = room - sum(widths)
    if left < 0:
        return None
    missing = sorted((most - least, place) for place, (least, most) in enumerate(zip(widths, whole, strict=True)))
    for done, (more, place) in enumerate(missing):
        given = min(more, left // (len(missing) - done))
        widths[place] += given
        left -= given
    return widths


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[str]) -> Table:
    # Rich counts characters, not cells, when it takes the blank off a line's end; only "fold" then cuts no letter.
    grid = Table(box=box.SIMPLE, header_style="bold", pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for head, width in zip(heads, widths, strict=True):
        grid.add_column(head, width=width, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _stacked(heads: Sequence[str], row: Sequence[str]) -> RenderableType:
    """The first cell, and below it each that holds something, beside its head."""
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for head, cell in zip(heads[1:], row[1:], strict=True):
        if cell:
            grid.add_row(head, Text(cell))
    return Group(Text(row[0], "bold", overflow="fold"), Padding(grid, (0, 0, 1, GAP)))
