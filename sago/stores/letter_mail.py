"""A letter as a mail (RFC 5322): plain text, and HTML that says the same in the same order.

The text's lines are paragraphs: each mail program wraps them to its own width (quoted-printable carries them). The HTML
is one column without pictures, links or anything from elsewhere; it sets no colours, so that a dark screen stays dark.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from email.errors import HeaderParseError
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import groupby

from sago.domain.companies import Person
from sago.domain.letters import Letter

DOMAIN = "sago.invalid"
"""Of Message-IDs: reserved by RFC 2606, so that it never names a real host."""
LONGEST_NAME = 200
"""Characters of a name in a header."""
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,500}>")
_BULLET = re.compile(r"[-*•]\s+")
_NUMBER = re.compile(r"\d{1,2}[.)]\s+")

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<style>:root {{ color-scheme: light dark }}</style>
</head>
<body style="margin: 0; padding: 16px">
<div style="max-width: 36em; font: 16px/1.5 -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; \
overflow-wrap: break-word">
{blocks}
</div>
</body>
</html>
"""
_PARAGRAPH = '<p style="margin: 0 0 16px">{}</p>'
_LIST = '<{0} style="margin: 0 0 16px; padding: 0 0 0 1.25em">\n{1}\n</{0}>'
_ITEM = '<li style="margin: 0 0 6px">{}</li>'


def as_mail(letter: Letter) -> EmailMessage:
    """The letter as an unsent message (`X-Unsent: 1`); a reply names the mail it answers (RFC 5322, 3.6.4)."""
    mail = EmailMessage()
    mail["From"] = _address(letter.sender)
    if letter.recipient:
        mail["To"] = _address(letter.recipient)
    mail["Subject"] = one_line(letter.subject)
    mail["Date"] = format_datetime(letter.created_at)
    mail["Message-ID"] = f"<{letter.id}@{DOMAIN}>"
    for name, value in _threading(letter):
        mail[name] = value
    mail["X-Unsent"] = "1"
    body = _UNWRITABLE.sub(" ", letter.draft.body.replace("\r\n", "\n").replace("\r", "\n")).strip()
    headings = {line.heading for line in letter.draft.highlights}
    mail.set_content(body + "\n", charset="utf-8", cte="quoted-printable")
    mail.add_alternative(as_html(body, headings), subtype="html", charset="utf-8", cte="quoted-printable")
    return mail


def as_html(body: str, headings: Sequence[str] | set[str] = ()) -> str:
    """A letter's text as a page: blank lines part paragraphs, lines that begin alike make a list; a list's lines lead
    with one of these headings in bold. Nothing in the text is markup."""
    blocks = (part for block in re.split(r"\n\s*\n", body.strip()) for part in _blocks(block, headings))
    return _PAGE.format(blocks="\n".join(blocks))


def one_line(text: str) -> str:
    """No line ends, no control and no unseen characters: they could begin a header of their own, or hide a name."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _threading(letter: Letter) -> Iterator[tuple[str, str]]:
    """Only what is a Message-ID: the other ends wrote them."""
    thread = letter.thread
    if thread is None or not _MESSAGE_ID.fullmatch(thread.in_reply_to):
        return
    yield "In-Reply-To", thread.in_reply_to
    yield "References", " ".join(each for each in thread.references if _MESSAGE_ID.fullmatch(each))


def _address(person: Person) -> Address | Group:
    """Name and address; without a usable address the name as an empty group, which RFC 6854 allows also in From."""
    name = one_line(person.name)[:LONGEST_NAME]
    try:
        return Address(name, addr_spec=one_line(person.email)) if person.email else Group(name)
    except (ValueError, IndexError, HeaderParseError):
        return Group(name)


def _blocks(block: str, headings: Sequence[str] | set[str]) -> Iterator[str]:
    for kind, lines in groupby(block.split("\n"), key=_kind):
        if kind == "p":
            yield _PARAGRAPH.format("<br>\n".join(html.escape(line.strip()) for line in lines))
        else:
            items = (
                _item(re.sub(_BULLET if kind == "ul" else _NUMBER, "", line.strip(), count=1), headings)
                for line in lines
            )
            yield _LIST.format(kind, "\n".join(items))


def _kind(line: str) -> str:
    if _BULLET.match(line.strip()):
        return "ul"
    return "ol" if _NUMBER.match(line.strip()) else "p"


def _item(text: str, headings: Sequence[str] | set[str]) -> str:
    heading, colon, rest = text.partition(":")
    if colon and heading in headings:
        return _ITEM.format(f"<strong>{html.escape(heading)}:</strong>{html.escape(rest)}")
    return _ITEM.format(html.escape(text))
