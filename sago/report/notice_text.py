"""A notice as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from datetime import date

from sago.domain.notices import Change, Item, Notice, Said, ToldEvent
from sago.report.notice_words import (
    BADGES,
    body,
    by_company,
    condition_line,
    doubted,
    event_line,
    headline,
    held_over,
    inert,
    is_full,
    more,
    opening,
    quote,
    said_by,
    show_conditions,
)

WIDTH = 72


def plain(notice: Notice, width: int = WIDTH) -> str:
    """The same as text, in lines of at most `width` characters; commands are not broken."""
    return "\n".join(_plain(notice, width)) + "\n"


def _plain(notice: Notice, width: int) -> Iterator[str]:
    yield from _wrapped(opening(notice), width)
    for company, items in by_company(notice):
        name = _wrapped(inert(company, 60).upper(), width)
        yield from ("", *name, "-" * max(map(len, name)))
        for number, item in enumerate(items):
            if number:
                yield ""
            yield from _wrapped(f"{BADGES[item.change]}  {headline(item, notice.day)}", width, hanging="  ")
            yield from _details(item, width, notice.day)
    if notice.held_over:
        yield ""
        yield from _wrapped(held_over(notice), width)
    yield ""
    yield from _wrapped("These mails come because you asked for them. To stop them:", width)
    yield f"  sago notices off {notice.email}"


def _details(item: Item, width: int, today: date) -> Iterator[str]:
    if not is_full(item):
        return
    for told in item.conditions if show_conditions(item) else ():
        yield ""
        yield from _wrapped(f"{condition_line(told)}; asked: {inert(told.text)}", width, "  ✓ ", "    ")
        if told.event and told.event.said:
            yield from _quoted(told.event.said, width, today)
    yield from _events("What changed since you last looked", item.events, width, today)
    if item.more:
        yield from _wrapped(more(item.more), width, "  ", "  ")
    yield from _events("What speaks against it", item.against, width, today)
    yield from _letter(item, width)


def _events(head: str, events: Iterable[ToldEvent], width: int, today: date) -> Iterator[str]:
    for number, told in enumerate(events):
        if number == 0:
            yield from ("", f"  {head}")
        yield from _wrapped(inert(told.title), width, "  - ", "    ")
        yield from _wrapped(event_line(told, today), width, "    ", "    ")
        if told.said:
            yield from _quoted(told.said, width, today)


def _quoted(said: Said, width: int, today: date) -> Iterator[str]:
    yield from _wrapped(quote(said), width, "    ", "    ")
    if who := said_by(said, today):
        yield from _wrapped(who, width, "      ", "      ")


def _letter(item: Item, width: int) -> Iterator[str]:
    if item.letter is None:
        if item.change is Change.MET:
            yield ""
            yield from _wrapped("No draft yet: it is written with the next planned run.", width, "  ", "  ")
        return
    letter = item.letter
    to = f" to {inert(letter.to)}" if letter.to else ""
    yield ""
    yield from _wrapped(f"The draft{to}", width, "  ", "  ")
    yield from _wrapped(f"Subject: {inert(letter.subject)}", width, "  | ", "  |   ")
    yield "  |"
    for line in body(letter.body).split("\n"):
        hanging = "  |   " if line.startswith("- ") else "  | "
        yield from _wrapped(line, width, "  | ", hanging) if line else ["  |"]
    short = str(letter.id)[:8]
    if told := doubted(letter):
        yield ""
        yield from _wrapped(told, width, "  ! ", "    ")
        yield f"    sago outreach show {short}"
    yield from (
        "",
        "  Next",
        f"    read it     sago outreach show {short}",
        f"    tick it     sago outreach tick {short}",
        f"    approve it  sago outreach approve {short}",
    )


def _wrapped(text: str, width: int, first: str = "", hanging: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=hanging,
        break_on_hyphens=False,
    ) or [first.rstrip()]
