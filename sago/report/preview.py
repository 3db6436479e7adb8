"""What a firm would see of a company as a page for the founder: one file, nothing fetched, wide and narrow."""

from __future__ import annotations

from pathlib import Path

from sago.domain.companies import EVERY_SOURCE
from sago.domain.events import CATALOGUE
from sago.domain.sharing import Preview, Seen
from sago.domain.wording import day, figure, metric_label
from sago.report.html import environment
from sago.report.phrases import LABELS, counted
from sago.report.tables import write_text


def told_figures(seen: Seen) -> list[tuple[str, str, str]]:
    """Each figure as it is told, once: its metric, the value or its band, and its day."""
    points = [(metric_label(p.metric), figure(p.value, p.unit), day(p.as_of)) for p in seen.metric_points]
    bands = [(metric_label(p.metric), p.band.text, day(p.as_of)) for p in seen.bands or () if p.band]
    return list(dict.fromkeys(points + bands))


def write_preview(preview: Preview, path: Path) -> None:
    """Write the page; everything in it is escaped by the template engine."""
    text = (
        environment()
        .get_template("preview.html.j2")
        .render(
            preview=preview,
            share=preview.share,
            is_whole=EVERY_SOURCE in preview.share.sources,
            figures=told_figures(preview.seen),
            labels=LABELS,
            kinds=CATALOGUE,
            counted=counted,
            day=day,
        )
    )
    write_text(path, text)
