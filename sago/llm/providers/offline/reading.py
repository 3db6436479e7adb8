"""A message as its sender's own words: quotes, forwards, signatures and bulk mail cut, the rest in statements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import quotequail

from sago.domain.amounts import find_amounts
from sago.domain.messages import CompactMessage
from sago.domain.orders import gives_orders, own_lines
from sago.llm.providers.offline.hints import Hinted
from sago.llm.providers.offline.speech import corrects, is_taken_back, says_not

LONGEST = 12_000
"""Code points looked at: what a person has to say stands before that, logs and payloads do not."""
LONGEST_STATEMENT = 600
_OPENING = 2000
"""Code points in which a correction says that it is one."""
_WRAPPED = 60
"""A mail line of this length that ends without a stop goes on in the next."""


class Voice(StrEnum):
    """Who speaks: one of the company, somebody outside to the company, or nobody in person and in earnest: a bulk
    sender, whoever gives orders to a machine, or says in chat at the end that it was a joke."""

    OURS = "ours"
    THEIRS = "theirs"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence or bullet: code points `start` to `end` of the message's text."""

    start: int
    end: int
    text: str
    ahead: bool = False
    """It stands under a heading such as `Looking ahead`, where nothing has happened yet."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A message, who speaks in it, and its statements."""

    message: CompactMessage
    voice: Voice
    statements: tuple[Statement, ...]
    takes_back: bool = False
    """It corrects what was said: in words, or by `143%, not 134%`."""
    aside: tuple[tuple[int, int], ...] = ()
    """Where it tells what is not of the company: no statement reaches over that."""

    @property
    def of_us(self) -> str:
        """The message's text with what is not of the company blanked out."""
        text = self.message.text
        for start, end in self.aside:
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
        return text

    def passes_aside(self, start: int, end: int) -> bool:
        """Whether something that is not of the company stands between the two places."""
        return any(left < end and start < right for left, right in self.aside)


_QUOTE_BEGINS = re.compile(
    r"^[ \t]*(?:-{3,}\s*(?:forwarded|original) message|begin forwarded message|_{10,}"
    r"|(?:-{2,3} )?on .{4,120} wrote:\s*$|le .{4,120} a écrit\s?:\s*$"
    r"|am .{4,120} schrieb .{1,80}:\s*$|op .{4,120} schreef .{1,80}:\s*$"
    r"|(?:\w{1,20} )?(?:from|von|de|da|van|od|от|kimden)\s?: .{1,200}\n[ \t]*(?:sent|date|to|subject|gesendet|datum|an|"
    r"envoyé|à|enviad[oa](?: em)?|fecha|data|para|inviato|a|verzonden|aan|wysłano|отправлено|gönderilen)\s?: "
    r"|-- ?$|sent from my )",
    re.I | re.M,
)
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.M)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`|<[a-z/!][^<>\n]{0,300}>", re.I | re.S)
_BULK = Hinted(
    r"\bunsubscribe|you (?:get|are receiving|received) this (?:e-?mail )?because|view (?:it |this )?(?:email )?in "
    r"(?:your )?browser|manage (?:your )?preferences|was this forwarded to you|forward this to|afmelden|abmelden"
    r"|se désabonner|darse de baja|weekly digest|this week in|dear (?:founders|readers|subscribers)\b",
    re.I,
)
_BULK_SENDER = re.compile(
    r"(?:^|[^a-z])(?:newsletters?|digest|roundup|nieuwsbrief|mailer-daemon|marketing|promo(?:tions)?|insights|alerts?|"
    r"billing|invoices?|receipts?|facturen|calendar(?:-noreply)?|notifications?|jobs|careers|talent|surveys?|events)"
    r"(?:[^a-z]|$)",
    re.I,
)
_BOT = re.compile(
    r"^(?:\w+[-_ ]?bot|bot[-_ ]\w+|github|jira|pagerduty|sentry|datadog|jenkins|grafana|statuspage)$", re.I
)
_JOKE = r"(?:(?:just|i'?m|only) (?:kidding|joking|messing)|(?-i:jk|j/k)|april fool'?s?|in my dreams)"
_KIDDING = re.compile(
    rf"[.!?,;)😂🤣😜]\s*(?:(?:ok|haha+|lol|nah),? )?{_JOKE}(?:\W+(?:{_JOKE}|haha+|lol))*[^\w\n]*$", re.I
)
"""The last words of a joke."""
_ENDING = 60
_AHEAD = re.compile(
    r"^\W*(?:looking ahead|outlook|next(?: steps| month| quarter| up| year)?|what'?s next|coming up|"
    r"plans?|goals?|targets?"
    r"|asks?|roadmap|priorities|focus|upcoming|pipeline|okrs?|forecast|hiring|open roles)\W*$",
    re.I,
)
_HEADING = re.compile(r"^[#*\s]*[A-Z][\w'’&/ ]{2,40}[:*]*\s*$")
_BULLET = re.compile(r"^[\s>]*(?:[-*•·–+]|\d{1,2}[.)])\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|prof|st|vs|approx|inc|ltd|corp|co|no|nr|e\.g|i\.e|etc|sen|jr|ca|bzw|z\.b|mio|mrd|tsd|mill|mln|mld|tys|tis|t\.kr)|\b[A-Z])\.$",
    re.I,
)
_STOP = re.compile(r"(?:(?<![.!?…])[.!?…]+[\"'”’)\]]*|[;])(?=\s)|[。！？।]+[」』）”]*|\s[–—]\s(?=[A-Za-z])")


def read(message: CompactMessage, own_names: frozenset[str]) -> Reading:
    """The message as its sender's own words. `own_names` are the company's, in small letters without blanks."""
    text = message.text[:LONGEST]
    voice = _voice(message, text, own_names)
    is_mail = "@" in message.sender
    own = "" if voice is Voice.NOBODY else _own_words(text, is_mail=is_mail)
    statements = tuple(_statements(own, is_mail))
    return Reading(message, voice, statements, corrects(text[:_OPENING]) or any(_says_not(s) for s in statements))


def _says_not(statement: Statement) -> bool:
    return says_not(statement.text) and any(
        is_taken_back(statement.text, amount.start) for amount in find_amounts(statement.text)
    )


def _voice(message: CompactMessage, text: str, own_names: frozenset[str]) -> Voice:
    address, _, domain = message.sender.rpartition("<")[2].strip("> ").lower().partition("@")
    if gives_orders(own_lines(text)) or (
        not domain and (_BOT.match(message.sender) or _KIDDING.search(text[-_ENDING:]))
    ):
        return Voice.NOBODY
    ours = not domain or any(name in re.sub(r"[^a-z0-9]", "", domain) for name in own_names)
    if ours and not _BULK_SENDER.search(address):
        return Voice.OURS
    return Voice.NOBODY if _BULK.search(text) or _BULK_SENDER.search(address) else Voice.THEIRS


def _own_words(text: str, *, is_mail: bool) -> str:
    """The text with everything that is not the sender's own blanked out, so that offsets stay.

    quotequail knows how mail programs of many languages begin a quote; what stands behind one is left out whole.
    """
    if is_mail:
        visible, own = quotequail.quote(text)[0]
        text = own if visible and text.startswith(own) else text
    begins = _QUOTE_BEGINS.search(text)
    if begins:
        text = text[: begins.start()]
    for pattern in (_QUOTED_LINE, _CODE):
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def _statements(text: str, is_mail: bool) -> list[Statement]:
    found: list[Statement] = []
    ahead = False
    for start, end in _paragraphs(text, is_mail):
        line = text[start:end]
        if _AHEAD.match(line):
            ahead = True
        elif _HEADING.match(line) and len(line.split()) <= 4:
            ahead = False
        found.extend(Statement(a, b, text[a:b], ahead) for a, b in _sentences(text, start, end))
    return found


def _paragraphs(text: str, is_mail: bool) -> list[tuple[int, int]]:
    """Lines, those of a wrapped mail paragraph joined."""
    spans: list[tuple[int, int]] = []
    for match in re.finditer(r"[^\n]+", text):
        line = match[0]
        previous = text[spans[-1][0] : spans[-1][1]].rsplit("\n", 1)[-1] if spans else ""
        goes_on = (
            is_mail
            and len(previous) >= _WRAPPED
            and previous.rstrip()[-1:] not in ".!?:;"
            and spans[-1][1] + 1 == match.start()
            and not _BULLET.match(line)
        )
        if goes_on:
            spans[-1] = (spans[-1][0], match.end())
        elif line.strip():
            spans.append(match.span())
    return spans


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    subject = re.compile(r"subject:\s*(?:(?:re|fwd?|aw|wg):\s*)*", re.I).match(text, start, end)
    bullet = _BULLET.match(text[start:end])
    begin = subject.end() if subject else start + (bullet.end() if bullet else 0)
    cuts = [
        match.end()
        for match in _STOP.finditer(text, begin, end)
        if not _ABBREVIATION.search(text, max(begin, match.start() - 8), match.start() + 1)
    ]
    spans = []
    for left, right in zip([begin, *cuts], [*cuts, end], strict=True):
        piece = text[left:right]
        first = left + len(piece) - len(piece.lstrip())
        last = min(left + len(piece.rstrip()), first + LONGEST_STATEMENT)
        if first < last:
            spans.append((first, last))
    return spans
