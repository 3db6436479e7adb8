"""What a run found, for people: one HTML file, the same as text, the events as JSON lines, and a last screen."""

from __future__ import annotations

from pathlib import Path

from sago.report.data import Proof, ReportData, event_row, gather
from sago.report.html import write_html
from sago.report.markdown import write_markdown
from sago.report.tables import write_events
from sago.report.terminal import screen

__all__ = [
    "Proof",
    "ReportData",
    "event_row",
    "gather",
    "screen",
    "write_all",
    "write_events",
    "write_html",
    "write_markdown",
]

HTML, MARKDOWN, EVENTS = "report.html", "pipeline_results.md", "events.jsonl"


def write_all(data: ReportData, folder: Path) -> None:
    """Write `report.html`, `pipeline_results.md` and `events.jsonl` into a folder that exists."""
    write_html(data, folder / HTML)
    write_markdown(data, folder / MARKDOWN)
    write_events(data, folder / EVENTS)
