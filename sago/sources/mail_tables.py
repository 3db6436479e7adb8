"""Tables laid out in columns, as long as that costs no more room than a mail may take: a column is as wide as its
widest cell in every row, so a few letters can ask for gigabytes of blanks."""

from __future__ import annotations

from itertools import zip_longest

from inscriptis.model.canvas import Canvas
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_document_state import HtmlDocumentState
from inscriptis.model.table import Table
from inscriptis.model.tag import CustomHtmlTagHandlerMapping

ROOM = 2_000_000
"""Letters, blanks included, of all the tables that are laid out together."""


class _Room:
    """What is left of it."""

    def __init__(self) -> None:
        self.left = ROOM


class _Bounded(Table):  # type: ignore[misc]
    """Its cells stand one below the other where there is no room for columns."""

    room: _Room

    def get_text(self) -> str:
        heights = [max((cell.normalize_blocks() for cell in row.columns), default=0) for row in self.rows]
        widths = [[max(map(len, cell.blocks)) for cell in row.columns] for row in self.rows]
        columns = max(map(len, widths), default=0)
        if max(sum(heights), 1) * columns <= self.room.left:
            widest = [max(each) for each in zip_longest(*widths, fillvalue=0)]
            self.room.left -= (sum(heights) + 1) * (sum(widest) + columns)
            if self.room.left >= 0:
                return str(super().get_text())
        lines = (line for row in self.rows for cell in row.columns for line in cell.blocks if line.strip())
        return "\n".join(lines) + "\n"


def layout() -> ParserConfig:
    """How one mail is laid out."""
    room = _Room()

    def start(state: HtmlDocumentState, _: dict[str, str]) -> None:
        state.tags[-1].set_canvas(Canvas())
        table = _Bounded(state.tags[-1].canvas.left_margin, state.config.table_cell_separator)
        table.room = room
        state.current_table.append(table)

    return ParserConfig(custom_html_tag_handler_mapping=CustomHtmlTagHandlerMapping({"table": start}, {}))
