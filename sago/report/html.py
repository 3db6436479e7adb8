"""`report.html`: one file without scripts and without anything fetched, light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from sago.domain.events import CATALOGUE
from sago.domain.wording import day, metric_phrase, titled
from sago.report.data import ReportData
from sago.report.phrases import LABELS, counted, kind_of, one_line, passed_on, plumbing, visible
from sago.report.tables import write_text


def write_html(data: ReportData, path: Path) -> None:
    """Write the report; everything in it is escaped by the template engine."""
    text = (
        environment()
        .get_template("report.html.j2")
        .render(
            data=data,
            labels=LABELS,
            kinds=CATALOGUE,
            passed_on=passed_on,
            kind_of=kind_of,
            counted=counted,
            plumbing=plumbing(data.figures),
            day=day,
        )
    )
    write_text(path, text)


def environment() -> Environment:
    """Templates of the report; what they show is escaped."""
    made = Environment(
        loader=PackageLoader("sago.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"visible": visible, "line": one_line, "phrase": metric_phrase, "titled": titled}
    return made
