"""The words that every form of the report shares: verdicts, what was said at the meeting, the line of figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sago.domain.letters import Letter
from sago.domain.watches import Direction, Outcome, Verdict, Watch
from sago.domain.wording import day, plain
from sago.report.data import ReportData

LABELS = {
    Outcome.NOW: "NOW",
    Outcome.NOT_YET: "NOT YET",
    Outcome.DO_NOT_WRITE: "DO NOT WRITE",
    Outcome.UPDATE: "UPDATE",
}
KINDS = {
    "update": "company update, in the founder's name",
    "to founder": "letter to the founder",
    "to investor": "letter to the investor, in the founder's name",
}
"""What a letter is, in a column of a list and in full."""
_WORDS = {"read": "messages read", "dead_lettered": "refused"}
_OF_ONE = {"read": "message read", "duplicates": "duplicate", "batches": "batch"}
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


def letter_kind(letter: Letter, watches: Iterable[Watch]) -> str:
    """One of KINDS: who writes stands with the letter's watch; where that was removed, most likely as watches are."""
    is_update = ":" not in letter.window
    guess = Direction.TO_INVESTOR if is_update else Direction.TO_FOUNDER
    direction = next((watch.direction for watch in watches if watch.id == letter.watch_id), guess)
    if direction is Direction.TO_FOUNDER:
        return "to founder"
    return "update" if is_update else "to investor"


def kind_of(letter: Letter, data: ReportData) -> str:
    """The letter's kind in full."""
    return KINDS[letter_kind(letter, (verdict.watch for verdict in data.verdicts))]


def plumbing(figures: Mapping[str, float]) -> str:
    """`1,000 messages read · 996 stored · 3 refused · 1 duplicate · 5 batches · 4.2 s`."""
    return " · ".join(_figure(name, value) for name, value in figures.items())


def _figure(name: str, value: float) -> str:
    if name == "seconds":
        return f"{value:.1f} s"
    words = _WORDS | (_OF_ONE if value == 1 else {})
    return f"{plain(value)} {words.get(name, name.replace('_', ' '))}"


def counted(count: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
