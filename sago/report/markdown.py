"""`pipeline_results.md`: the report as text."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from sago.domain.events import CATALOGUE
from sago.domain.messages import native_id
from sago.domain.wording import day, metric_phrase, titled
from sago.report.data import ReportData
from sago.report.phrases import LABELS, kind_of, one_line, passed_on, plumbing, visible
from sago.report.tables import write_text

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


def write_markdown(data: ReportData, path: Path) -> None:
    """Write the report as Markdown; message text in it is escaped, so that it cannot become markup."""
    environment = Environment(  # noqa: S701  (Markdown, not HTML: every value passes through `md`)
        loader=PackageLoader("sago.report"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "md": escape,
        "line": one_line,
        "visible": visible,
        "native": native_id,
        "phrase": metric_phrase,
        "titled": titled,
    }
    text = environment.get_template("pipeline_results.md.j2").render(
        data=data,
        labels=LABELS,
        kinds=CATALOGUE,
        passed_on=passed_on,
        kind_of=kind_of,
        plumbing=plumbing(data.figures),
        day=day,
    )
    write_text(path, text)


def escape(text: str) -> str:
    """The text on one line with Markdown's special characters escaped."""
    return _SPECIAL.sub(r"\\\1", one_line(text))
