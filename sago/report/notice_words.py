"""The words of a notice, in both of its forms.

Words of messages are data: they stand on one line, without control characters, and no mail program finds a link or an
address in them to click on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from itertools import groupby

from sago.domain.events import CATALOGUE, Metric
from sago.domain.notices import Change, Item, Notice, Said, ToldCondition, ToldEvent, ToldFigure, ToldLetter
from sago.domain.watches import Outcome
from sago.domain.wording import day, figure, metric_label, metric_phrase
from sago.report.phrases import one_line, visible

QUOTE_LIMIT = 240
"""Characters of a quote shown."""
TITLES_SHOWN = 3
"""Of further events; the others are counted."""
BADGES = {
    Change.MET: "WRITE NOW",
    Change.AGAINST: "DO NOT WRITE",
    Change.OVER: "NO LONGER",
    Change.DRAFT: "READY FOR YOU",
    Change.CORRECTED: "CORRECTED",
    Change.WITHDRAWN: "WITHDRAWN",
    Change.MOVED: "NOT YET",
}
_LINK = re.compile(r"(?<=\w)(?=[.@][^\W\d_])|(?<=:)(?=//)")
_NO_LINK = "\u200b"


def asker(item: Item) -> str:
    """`you`, or the investor's name where the founder is told."""
    return item.asked_by or "you"


def headline(item: Item, today: date) -> str:
    """An item in one sentence, to stand behind its badge; days of another year than today's with their year."""
    if item.change is Change.MET:
        return f"All {inert(asker(item))} asked for holds."
    if item.change is Change.DRAFT:
        return f"{draft(item)}."
    if item.change is Change.AGAINST:
        setback = next(iter(item.against), None)
        but = (
            f", but told on {day(setback.occurred_at, beside=today)}: {inert(setback.title)}"
            if setback
            else ", but a setback is recent"
        )
        return f"What {inert(asker(item))} asked for holds{but}"
    if item.change is Change.CORRECTED:
        return "; ".join(_corrected(each) for each in item.events)
    if item.change is Change.WITHDRAWN:
        return f"Held no more: {'; '.join(_withdrawn(each, today) for each in item.events)}"
    because = item.because.replace("you asked", f"{asker(item)} asked")
    moved = [each for each in item.conditions if not each.holds and has_moved(each)]
    was = ", ".join(f"{each.label} {figure(each.before or 0, each.unit)}" for each in moved)
    return inert(because.rstrip(".") + (f". When you last looked: {was}." if was else "."))


def draft(item: Item) -> str:
    """What the draft is that waits: an update goes out in the founder's name."""
    return "The monthly update is ready" if item.outcome is Outcome.UPDATE and item.asked_by else "A letter is ready"


def _corrected(event: ToldEvent) -> str:
    changes = [
        f"{metric_label(each.name)} {_from(each)}{_now(each)}" for each in event.figures if each.before is not None
    ]
    return f"{inert(event.title)}: {', '.join(changes) or 'it stands again'}"


def _from(told: ToldFigure) -> str:
    return f"{figure(told.before, told.unit)} → " if told.before is not None else ""


def _now(told: ToldFigure) -> str:
    return "no longer stated" if told.value is None else figure(told.value, told.unit)


def _withdrawn(event: ToldEvent, today: date) -> str:
    return inert(event.title) or f"{CATALOGUE[event.kind].label} of {day(event.occurred_at, beside=today)}"


def has_moved(told: ToldCondition) -> bool:
    """Whether it is told with another figure than before."""
    return told.before is not None and told.seen is not None and _shown(told.before, told) != _shown(told.seen, told)


def _shown(value: float, told: ToldCondition) -> str:
    return figure(value, told.unit)


def move(told: ToldCondition) -> str:
    """`ARR $1.4M → $2.1M`."""
    if told.seen is None:
        return f"{told.label} {inert(told.note)}".strip()
    before = f"{_shown(told.before, told)} → " if told.before is not None and has_moved(told) else ""
    return f"{told.label} {before}{_shown(told.seen, told)}"


def condition_line(told: ToldCondition) -> str:
    """`ARR $1.4M → $2.1M (MRR $175k → ARR $2.1M)`."""
    note = f" ({inert(told.note)})" if told.note and told.seen is not None else ""
    if not told.is_figure and told.value == 0 and not told.seen:
        return f"No {told.label}{note}"
    line = f"{move(told)}{note}"
    return line[:1].upper() + line[1:]


def event_line(told: ToldEvent, today: date) -> str:
    """`Enterprise deal, 10 November · $240k contract`."""
    parts = [f"{CATALOGUE[told.kind].label}, {day(told.occurred_at, beside=today)}"]
    for each in told.figures:
        if each.value is not None:
            phrase = metric_phrase(Metric(name=each.name, value=each.value, unit=each.unit))
            parts.append(f"{_from(each)}{phrase}")
    return " · ".join(parts)


def said_by(said: Said, today: date) -> str:
    """`nell@orchard.example, 10 November`."""
    when = day(said.said_at, beside=today) if said.said_at else ""
    return ", ".join(filter(None, (inert(said.sender), when)))


def quote(said: Said) -> str:
    """The quote in quotation marks, on one line."""
    return f"“{inert(said.quote, QUOTE_LIMIT)}”"


def more(titles: Iterable[str]) -> str:
    """`and 4 more: one; two; three; …`."""
    shown = list(titles)
    listed = "; ".join(inert(each, 60) for each in shown[:TITLES_SHOWN])
    return f"and {len(shown)} more: {listed}{'; …' if len(shown) > TITLES_SHOWN else ''}"


def doubted(letter: ToldLetter) -> str:
    """Of a draft with passages that only a person can answer for; empty without."""
    if not letter.doubts:
        return ""
    what = "1 passage" if letter.doubts == 1 else f"{letter.doubts} passages"
    return f"Whoever approves it answers for {what} of it; which, says:"


def held_over(notice: Notice) -> str:
    """What did not fit in."""
    names = ", ".join(inert(each, 40) for each in dict.fromkeys(notice.held_over))
    return f"And {len(notice.held_over)} more, in the next mail: {names}"


def inert(text: str, limit: int | None = None) -> str:
    """Words of others on one line, with what a mail program would take for a link or an address broken invisibly."""
    return _LINK.sub(_NO_LINK, one_line(text, limit))


def by_company(notice: Notice) -> list[tuple[str, list[Item]]]:
    """The items under the names of their companies."""
    return [(name, list(items)) for name, items in groupby(notice.items, lambda item: item.company)]


def is_full(item: Item) -> bool:
    """Whether there is more to an item than its line."""
    return item.change in (Change.MET, Change.DRAFT)


def show_conditions(item: Item) -> bool:
    """Whether the item is about conditions; a new draft only brings what is new."""
    return item.change is Change.MET


def body(text: str) -> str:
    """A letter's text with its lines kept."""
    return "\n".join(inert(line) for line in visible(text).split("\n"))


def opening(notice: Notice) -> str:
    """`Dana Reed, this is new as of 20 November 2026.`"""
    return f"{inert(notice.recipient.name, 40)}, this is new as of {day(notice.day)}."
