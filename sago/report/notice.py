"""A notice as a mail: its subject, plain text, and HTML without anything fetched, clicked or counted."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage

from jinja2 import Environment, PackageLoader, StrictUndefined

from sago.domain.companies import Person
from sago.domain.notices import Change, Item, Notice
from sago.domain.wording import figure
from sago.report import notice_words as words
from sago.report.notice_text import plain
from sago.report.phrases import counted, one_line, visible

SUBJECT_LIMIT = 90
TONES = {Change.MET: "now", Change.DRAFT: "now", Change.MOVED: "wait", Change.CORRECTED: "wait"}
"""Others are told in the colour of what stops."""
_WORDS = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"]


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
        moving = next((each for each in item.conditions if words.has_moved(each)), None)
        return f"{words.move(moving)}, not yet" if moving else "not yet"
    if item.change is Change.DRAFT:
        draft = words.draft(item)
        return draft[0].lower() + draft[1:]
    return {
        Change.AGAINST: "a setback speaks against writing",
        Change.OVER: f"what {words.asker(item)} asked for holds no longer",
        Change.CORRECTED: "a figure you were told was corrected",
        Change.WITHDRAWN: "something you were told was withdrawn",
    }[item.change]


def _reached(item: Item) -> str:
    new = [each for each in item.conditions if not each.held_before]
    if len(new) == 1 and new[0].is_figure and new[0].op in (">=", ">"):
        asked = figure(new[0].value, new[0].unit)
        return f"{new[0].label} passed the {asked} {one_line(words.asker(item), 24)} asked for"
    if len(new) == 1 and not new[0].is_figure and new[0].op in (">=", ">"):
        return f"the {new[0].label} {one_line(words.asker(item), 24)} asked for"
    return f"all {one_line(words.asker(item), 24)} asked for holds now"


def html(notice: Notice) -> str:
    """For mail programs: styles inline, colours for dark screens beside them; everything is escaped by the template."""
    environment = Environment(
        loader=PackageLoader("sago.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (
        words.headline, words.condition_line, words.event_line, words.said_by, words.quote, words.more, words.inert,
        words.is_full, words.show_conditions, words.body, words.doubted, visible,
    )  # fmt: skip
    environment.filters |= {each.__name__: each for each in shown}
    return environment.get_template("notice.html.j2").render(
        notice=notice,
        subject=subject(notice),
        companies=words.by_company(notice),
        badges=words.BADGES,
        tone=lambda item: TONES.get(item.change, "stop"),
        opening=words.opening(notice),
        held_over=words.held_over(notice) if notice.held_over else "",
    )
