"""The pages that a reader of our mails may see: one file, no script, nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

Which = Literal["ask", "done", "unknown"]


class _Words(NamedTuple):
    status: int
    heading: str
    text: str
    button: str = ""


WORDS: dict[Which, _Words] = {
    "ask": _Words(
        200,
        "No more of these mails?",
        "One click, and no further letter or notice comes to the address that this link was sent to.",
        "I want no more mails",
    ),
    "done": _Words(
        200,
        "Done",
        "No further letter or notice comes to the address that the link was sent to. What was waiting has been "
        "cancelled. If this was a mistake, answer to the last mail you got: a person can undo it.",
    ),
    "unknown": _Words(
        404,
        "We do not know this link",
        "Perhaps a line break cut it: copy the whole of it from the mail. Or answer to the mail and say that you want "
        "no more: a person reads it.",
    ),
}
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
}


def page(which: Which) -> HTMLResponse:
    """The page; its form, where it has one, goes to where the page lies."""
    words = WORDS[which]
    return HTMLResponse(_template().render(words=words), words.status, headers=HEADERS)


@cache
def _template() -> Template:
    loader = PackageLoader("sago.api", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("page.html.j2")
