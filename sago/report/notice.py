"""A notice as a mail: subject, plain text, and HTML without anything fetched, clicked or counted.

Words of messages are data: they stand on one line, without control characters, and no mail program finds a link or an
address in them to click on.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined

from sago.domain.companies import Person
from sago.domain.events import CATALOGUE, Metric
from sago.domain.notices import Change, Item, Notice, Said, ToldCondition, ToldEvent, ToldFigure
from sago.domain.watches import Outcome
from sago.domain.wording import day, figure, metric_label, metric_phrase
from sago.report.phrases import counted, one_line, visible

SUBJECT_LIMIT = 90
QUOTE_LIMIT = 240
"""Characters of a quote shown."""
TITLES_SHOWN = 3
"""Of further events; the others are counted."""
WIDTH = 72
_LINK = re.compile(r"(?<=\w)(?=[.@][^\W\d_])|(?<=:)(?=//)")
_NO_LINK = "\u200b"
_WORDS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"]
BADGES = {
    Change.MET: "WRITE NOW",
    Change.AGAINST: "DO NOT WRITE",
    Change.OVER: "NO LONGER",
    Change.DRAFT: "READY FOR YOU",
    Change.CORRECTED: "CORRECTED",
    Change.WITHDRAWN: "WITHDRAWN",
    Change.MOVED: "NOT YET",
}
TONES = {Change.MET: "now", Change.DRAFT: "now", Change.MOVED: "wait", Change.CORRECTED: "wait"}
"""Others are told in the colour of what stops."""


def notice_mail(notice: Notice, sender: Person) -> EmailMessage:
    """The mail: plain text first, HTML beside it."""
    mail = EmailMessage()
    mail["From"] = _address(sender)
    mail["To"] = _address(notice.recipient)
    mail["Subject"] = subject(notice)
    mail.set_content(plain(notice), charset="utf-8")
    mail.add_alternative(html(notice), subtype="html", charset="utf-8")
    return mail


def _address(person: Person) -> Address:
    return Address(one_line(person.name), addr_spec=one_line(person.email or ""))


def subject(notice: Notice) -> str:
    """What moved, in at most 90 characters: `ScaleFlow: ARR passed the $2M you asked for`."""
    names = notice.companies
    others = len(names) - 1
    lead = notice.items[0]
    said = f"{one_line(lead.company, 36)}: {_gist(lead)}"
    if not others:
        return _cut(said)
    with_others = f"{said}, and news of {counted(others, 'other')}"
    if lead.change is Change.MET and len(with_others) <= SUBJECT_LIMIT:
        return with_others
    return f"{_number(len(names))} of your companies moved"


def _cut(text: str) -> str:
    return one_line(text, SUBJECT_LIMIT)


def _number(count: int) -> str:
    return _WORDS[count] if count < len(_WORDS) else str(count)


def _gist(item: Item) -> str:
    """An item in a few words."""
    if item.change is Change.MET:
        return _reached(item)
    if item.change is Change.MOVED:
        moving = next((each for each in item.conditions if _has_moved(each)), None)
        return f"{_move(moving)}, not yet" if moving else "not yet"
    if item.change is Change.DRAFT:
        draft = _draft(item)
        return draft[0].lower() + draft[1:]
    return {
        Change.AGAINST: "a setback speaks against writing",
        Change.OVER: f"what {asker(item)} asked for holds no longer",
        Change.CORRECTED: "a figure you were told was corrected",
        Change.WITHDRAWN: "something you were told was withdrawn",
    }[item.change]


def _reached(item: Item) -> str:
    new = [each for each in item.conditions if not each.held_before]
    if len(new) == 1 and new[0].is_figure and new[0].op in (">=", ">"):
        asked = figure(new[0].value, new[0].unit)
        return f"{new[0].label} passed the {asked} {one_line(asker(item), 24)} asked for"
    if len(new) == 1 and not new[0].is_figure and new[0].op in (">=", ">"):
        return f"the {new[0].label} {one_line(asker(item), 24)} asked for"
    return f"all {one_line(asker(item), 24)} asked for holds now"


def asker(item: Item) -> str:
    """`you`, or the investor's name where the founder is told."""
    return item.asked_by or "you"


def headline(item: Item, today: date) -> str:
    """An item in one sentence, to stand behind its badge; days of another year than today's with their year."""
    if item.change is Change.MET:
        return f"All {inert(asker(item))} asked for holds."
    if item.change is Change.DRAFT:
        return f"{_draft(item)}."
    if item.change is Change.AGAINST:
        setback = next(iter(item.against), None)
        but = (
            f", but on {day(setback.occurred_at, beside=today)}: {inert(setback.title)}"
            if setback
            else ", but a setback is recent"
        )
        return f"What {inert(asker(item))} asked for holds{but}"
    if item.change is Change.CORRECTED:
        return "; ".join(_corrected(each) for each in item.events)
    if item.change is Change.WITHDRAWN:
        return f"Held no more: {'; '.join(_withdrawn(each, today) for each in item.events)}"
    because = item.because.replace("you asked", f"{asker(item)} asked")
    moved = [each for each in item.conditions if not each.holds and _has_moved(each)]
    was = ", ".join(f"{each.label} {figure(each.before or 0, each.unit)}" for each in moved)
    return inert(because.rstrip(".") + (f". When you last looked: {was}." if was else "."))


def _draft(item: Item) -> str:
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


def _has_moved(told: ToldCondition) -> bool:
    return told.before is not None and told.seen is not None and _shown(told.before, told) != _shown(told.seen, told)


def _shown(value: float, told: ToldCondition) -> str:
    return figure(value, told.unit)


def _move(told: ToldCondition) -> str:
    """`ARR $1.4M → $2.1M`."""
    if told.seen is None:
        return f"{told.label} {inert(told.note)}".strip()
    before = f"{_shown(told.before, told)} → " if told.before is not None and _has_moved(told) else ""
    return f"{told.label} {before}{_shown(told.seen, told)}"


def condition_line(told: ToldCondition) -> str:
    """`ARR $1.4M → $2.1M (MRR $175k → ARR $2.1M)`."""
    note = f" ({inert(told.note)})" if told.note and told.seen is not None else ""
    if not told.is_figure and told.value == 0 and not told.seen:
        return f"No {told.label}"
    line = f"{_move(told)}{note}"
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


def html(notice: Notice) -> str:
    """For mail programs: styles inline, colours for dark screens beside them; everything is escaped by the template."""
    environment = Environment(
        loader=PackageLoader("sago.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (headline, condition_line, event_line, said_by, quote, more, inert, visible, is_full, show_conditions)
    environment.filters |= {each.__name__: each for each in shown}
    environment.filters["body"] = body
    return environment.get_template("notice.html.j2").render(
        notice=notice,
        subject=subject(notice),
        companies=by_company(notice),
        badges=BADGES,
        tone=lambda item: TONES.get(item.change, "stop"),
        opening=opening(notice),
        held_over=held_over(notice) if notice.held_over else "",
    )


def body(text: str) -> str:
    """A letter's text with its lines kept."""
    return "\n".join(inert(line) for line in visible(text).split("\n"))


def opening(notice: Notice) -> str:
    """`Dana Reed, this is new as of 20 November 2026.`"""
    return f"{inert(notice.recipient.name)}, this is new as of {day(notice.day)}."


def plain(notice: Notice, width: int = WIDTH) -> str:
    """The same as text, in lines of at most `width` characters; commands are not broken."""
    return "\n".join(_plain(notice, width)) + "\n"


def _plain(notice: Notice, width: int) -> Iterator[str]:
    yield from _wrapped(opening(notice), width)
    for company, items in by_company(notice):
        name = inert(company)
        yield from ("", name.upper() if len(name) <= width else name, "-" * min(len(name), width))
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
    yield from ("", f"  The draft{to}")
    yield from _wrapped(f"Subject: {inert(letter.subject)}", width, "  | ", "  |   ")
    yield "  |"
    for line in body(letter.body).split("\n"):
        hanging = "  |   " if line.startswith("- ") else "  | "
        yield from _wrapped(line, width, "  | ", hanging) if line else ["  |"]
    short = str(letter.id)[:8]
    yield from (
        "",
        "  Next",
        f"    read it     sago outreach show {short}",
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
