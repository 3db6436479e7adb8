"""HTML mail as the text its reader sees, laid out; what is hidden from the eye is left out, for it is read by nobody.

Left out: what styles hide (`display: none`, `visibility`, `opacity`, no size, no height, far off the page, written in
the colour it stands on), styles, scripts, comments with the conditional ones, and what a mail program marks as a
signature. Lines of a `blockquote` begin with `> `, as in a mail in plain text.
"""

from __future__ import annotations

import re

import lxml.etree
import lxml.html
from inscriptis import Inscriptis
from inscriptis.model.config import ParserConfig

from sago.sources import mail_tables
from sago.sources.mail_css import Line, Look, Rules, declarations

_NO_LETTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML cannot hold, and lxml refuses."""
_BARE_HEX = re.compile(r"[0-9a-fA-F]{6}")
_UNSEEN = frozenset(
    ("script", "style", "head", "title", "template", "svg", "math", "object", "embed", "iframe", "audio", "video")
) | {"select", "datalist", "canvas", "map", "applet"}
_SIGNATURES = ("gmail_signature", "moz-signature", "ms-outlook-mobile-signature", "applemailsignature")
_OUTLOOKS = re.compile(r"border:none;border-left:solid[^;]{1,40}1\.5pt;padding:0(?:cm|in)0(?:cm|in)0(?:cm|in)4\.0pt")
MOST_QUOTES = 300
"""Of more only the lines are kept: nobody reads them."""
_DEEPEST = 60
"""Of what is nested deeper only the lines are kept: the layout is made by recursion."""
_MOST_ELEMENTS = 30_000
"""Of more only the lines are kept: laying out takes its time for each."""
_IN_LINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "kbd",
        "label",
        "mark",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
    ]
)


def html_to_text(markup: str) -> str:
    """What a person reads of it; never raises."""
    tree = _tree(markup)
    if tree is None:
        return ""
    is_plain = _leave_out_hidden(tree)
    layout = None if is_plain else mail_tables.layout()
    _break_at_rules(tree)
    _mark_quotes(tree, layout)
    return _laid_out(tree, layout)


def _tree(markup: str) -> lxml.html.HtmlElement | None:
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    data = _NO_LETTER.sub("", markup).encode("utf-8", "replace")
    try:
        return lxml.html.document_fromstring(data, parser=parser)
    except (lxml.etree.LxmlError, ValueError, AssertionError):
        return None  # nothing but blanks, or comments


def _leave_out_hidden(tree: lxml.html.HtmlElement) -> bool:
    """Blank every text that is not seen; whether what is left is nested too deep, or too much, to be laid out."""
    rules = Rules([style.text or "" for style in tree.iter("style")])
    looks: dict[lxml.html.HtmlElement, tuple[Look, int, Line]] = {}
    deepest = 0
    for element in tree.iter():
        parent = element.getparent()
        above, depth, outer = looks[parent] if parent is not None else (Look(), 0, None)
        line = Line(_marks(element), outer)
        look = above if above.is_gone else _look(element, above, rules.of_element(line))
        looks[element] = look, depth + 1, line
        if not look.is_seen:
            element.text = _blank(element.text)
        if not above.is_seen:
            element.tail = _blank(element.tail)
        deepest = max(depth, deepest)
    return deepest > _DEEPEST or len(looks) > _MOST_ELEMENTS


def _marks(element: lxml.html.HtmlElement) -> frozenset[str]:
    named = [f"#{element.get('id')}"] if element.get("id") else []
    return frozenset([str(element.tag), *(f".{name}" for name in element.get("class", "").split()), *named])


def _look(element: lxml.html.HtmlElement, above: Look, by_sheets: dict[str, str]) -> Look:
    names = element.get("class", "").split()
    marks = " ".join([*names, element.get("id", ""), element.get("data-smartmail", "")]).lower()
    if element.tag in _UNSEEN or element.get("hidden") is not None or any(mark in marks for mark in _SIGNATURES):
        return above.gone()
    said: dict[str, str] = {}
    for attribute, name in (("bgcolor", "background-color"), ("color", "color"), ("text", "color")):
        if (value := element.get(attribute)) and (attribute != "text" or element.tag == "body"):
            said[name] = f"#{value}" if _BARE_HEX.fullmatch(value) else value.lower()
    said |= by_sheets
    said |= declarations(element.get("style", ""))
    if element.get("background"):
        said["background-image"] = "url()"
    if element.tag == "a":
        said.setdefault("color", "of a link")
    return above.with_(said)


def _blank(text: str | None) -> str | None:
    return " " if text and text[:1].isspace() else None


def _break_at_rules(tree: lxml.html.HtmlElement) -> None:
    """inscriptis knows no `hr`: what stands below one begins a line."""
    for rule in list(tree.iter("hr")):
        rule.tag = "br"


def _mark_quotes(tree: lxml.html.HtmlElement, layout: ParserConfig | None) -> None:
    for number, quote in enumerate(_outer_quotes(tree)):
        tail, quote.tail = quote.tail, None
        text = _laid_out(quote, layout if number < MOST_QUOTES else None)
        for child in list(quote):
            quote.remove(child)
        quote.tag = "pre"
        quote.attrib.clear()
        quote.text = "\n".join(f"> {line}".rstrip() for line in _NO_LETTER.sub("", text).split("\n")) if text else None
        quote.tail = tail


def _outer_quotes(tree: lxml.html.HtmlElement) -> list[lxml.html.HtmlElement]:
    """Those that stand in no other."""
    found = []
    walk = lxml.etree.iterwalk(tree, events=("start",), tag=("blockquote", "div"))
    for _, element in walk:
        if _is_quote(element):
            found.append(element)
            walk.skip_subtree()
    return found


def _is_quote(element: lxml.html.HtmlElement) -> bool:
    """A mail program's own indenting has neither a border nor a name. A `div` is one where it has Outlook's border, or
    Gmail's name and nothing inside that says where the quote begins."""
    if element.tag == "div":
        if _OUTLOOKS.search(element.get("style", "").replace(" ", "").lower()):
            return True
        is_gmails = "gmail_quote" in element.get("class", "").split()
        return is_gmails and not element.xpath("boolean(.//blockquote | .//*[contains(@class, 'gmail_attr')])")
    style = declarations(element.get("style", ""))
    named = element.get("type") == "cite" or element.get("cite") or element.get("class")
    return bool(named) or not style.get("border", "").startswith("none")


def _laid_out(tree: lxml.html.HtmlElement, layout: ParserConfig | None) -> str:
    try:
        return str(Inscriptis(tree, layout).get_text()).strip() if layout else _lines(tree)
    except (ValueError, RecursionError, AttributeError, TypeError, IndexError):
        return _lines(tree)


def _lines(tree: lxml.html.HtmlElement) -> str:
    """Its text with nothing but the ends of lines."""
    said = []
    for event, element in lxml.etree.iterwalk(tree, events=("start", "end")):
        end = "" if element.tag in _IN_LINE else "\n"
        text = (element.text if event == "start" else element.tail if element is not tree else "") or ""
        text = text if event == "start" and element.tag == "pre" else re.sub(r"\s+", " ", text)
        said.append(f"{end}{text}")
    lines = (line.strip() for line in "".join(said).split("\n"))
    return "\n".join(line for line in lines if line)
