"""The words that every form of the report shares: verdicts, what was said at the meeting, the line of figures."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sago.domain.outreach import Outcome, Verdict
from sago.domain.wording import day, plain
from sago.report.data import ReportData

LABELS = {
    Outcome.NOW: "NOW",
    Outcome.NOT_YET: "NOT YET",
    Outcome.DO_NOT_WRITE: "DO NOT WRITE",
    Outcome.UPDATE: "UPDATE",
}
_WORDS = {"read": "messages read", "dead_lettered": "refused"}
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Without control characters and bidirectional overrides, with which a message could redraw a screen."""
    return _HIDDEN.sub("", text.replace("\r\n", "\n"))


def one_line(text: str, limit: int | None = None) -> str:
    """On one line, cut at `limit` characters with an ellipsis."""
    flat = " ".join(visible(text).split())
    return flat if limit is None or len(flat) <= limit else f"{flat[: limit - 1].rstrip()}…"


def passed_on(verdict: Verdict, data: ReportData) -> str:
    """`You passed on ScaleFlow on 2 March: “ARR below 2M”`: the report is the investor's."""
    watch = verdict.watch
    when = f" on {day(watch.met_on, beside=data.as_of)}" if watch.met_on else ""
    reason = f": “{one_line(watch.reason)}”" if watch.reason else ""
    return f"You passed on {data.name(watch.company_id)}{when}{reason}"


def plumbing(figures: Mapping[str, float]) -> str:
    """`1,000 messages read · 996 stored · 3 refused · 1 duplicates · 5 batches · 4.2 s`."""
    parts = [
        f"{value:.1f} s" if name == "seconds" else f"{plain(value)} {_WORDS.get(name, name.replace('_', ' '))}"
        for name, value in figures.items()
    ]
    return " · ".join(parts)
