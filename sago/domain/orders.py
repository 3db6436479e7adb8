"""Texts that give orders to whoever reads them by machine: data to read, never to obey, and no proof of anything.

An order is known by kinds of words close together in one sentence (to ignore, and rules; a machine, and what it must
do with this mail) or by a form that only a machine is written to in. People too record events, set severities and tell
each other what to do: such words are an order only where a machine is spoken to. It is looked for in what a machine
would read: also in letters that nobody sees and inside base64.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from importlib.resources import files
from itertools import chain, groupby
from typing import NamedTuple

import ahocorasick

from sago.domain.messages import CompactMessage

NEAR = 110
"""Code points within which two kinds of words make one order."""
_ADDRESSED = 40
"""Code points at the beginning of a sentence in which it says to whom it speaks."""
_FIRST_JOINED = "\u0600"
"""The first of the scripts that join words or endings."""
_ENCODED = re.compile(r"[A-Za-z0-9+/]{24,}")
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.M)
_SENTENCE_ENDS = re.compile(r"[.!?…؟](?=\s|$)|[。！？।\n]")
_ADDRESS = re.compile(r".{2,40}?(?:[:,、،]|\s[-–—]\s|\s(?:please|kindly)\b)", re.S)
_ORDERS = (
    {"ignore", "rules"},
    {"ignore", "rules_weak", "act"},
    {"act", "machine", "must", "here"},
    {"act_last", "machine", "must", "here"},
    {"act", "machine", "must", "kept"},
    {"act_last", "machine", "must", "kept"},
    {"act", "machine", "rules"},
    {"act_last", "machine", "rules"},
    {"role", "rules"},
    {"role", "kept"},
    {"role_weak", "unbound"},
    {"act", "reply"},
    {"act_in_reply", "reply"},
    {"act_in_reply", "reply_code"},
)
_TOLD = {"act", "act_last", "ignore", "letter"}
"""What is said to a machine that a sentence addresses."""
_OF_A_ROLE = ({"role", "machine"}, {"role_weak", "machine"})
"""An order in a message that also says what to do."""
_DONE = {"act", "act_last", "ignore", "rules", "letter"}
"""What a message says to do after a role's name."""


_FORMS = (
    r"\b(?:mensaje|mensagem|messaggio|message|nota|note|aviso|avviso|avis) (?:del|du|de|do|dal|di) "
    r"(?:sistema|systeme)\s?:|\bсистемное сообщение|\bkomunikat systemowy|رسالة النظام",
    r"<\|[a-z_]{2,24}\|>",
    r"\[/?inst\]",
    r"\byour system[ _-]prompt\b|\bsystem[ _-]prompt\s?[:=]",
    r"-{3,}\s?(?:begin|end) of messages\b",
    r"</?(?:system|tool|function|assistant|instructions?)(?:[_-][a-z_]{1,24})?>",
    r"\b(?:tool|function)_(?:output|result|call|response)s?\b",
    r"\b(?:save|add|create|record|log|insert|delete|send|update)_(?:event|record|finding|letter|e?mail)s?\s?\(",
    r"[\"'](?:tool_calls?|function_call|arguments)[\"']\s?:",
    r"[\"']role[\"']\s?:\s?[\"'](?:system|assistant|tool|developer)",
    r"\bevent_type\b|(?:type|[\"':=])\s?(?:user_growth|revenue_milestone|enterprise_deal|product_launch)\b",
    r"[\"'](?:findings|severity)[\"']\s?:",
    r"\bdo not mention this\b|\bhide this\b",
)
"""What only a machine would be told: marks of chats, calls of tools, Sago's own answer. Of the shown
text in small letters."""
_FORM_HINTS = (
    "mensaje de", "mensagem d", "messaggio d", "message du", "nota de", "nota d", "note du", "aviso d", "avviso d",
    "avis du", "системное", "komunikat", "رسالة", "inst]", "<|", "system", "tool", "function", "assistant", "argument",
    "role", "instruction", "event_type", "user_growth", "revenue_milestone", "enterprise_deal", "product_launch",
    "findings", "severity", "_event", "_record", "_finding", "_letter", "_mail", "_email", "mention this", "hide this",
    "of messages",
)  # fmt: skip
"""One of them stands in whatever a form matches."""


class _Hit(NamedTuple):
    """A word of an order, and where it stands."""

    start: int
    end: int
    kind: str


def gives_orders(text: str) -> bool:
    """Whether a text is written to be obeyed by a machine that reads it. Linear in its length."""
    shown = _shown(text)
    return _is_order(shown) or any(_is_order(_shown(inner)) for inner in _decoded(text))


class Orders:
    """Which parts of one text give orders: the sender's own lines are one part, those quoted from others another. Each
    part is judged once."""

    def __init__(self, text: str) -> None:
        self._text = text

    def hold(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` stands in a part that gives orders."""
        lines = self._text[self._text.rfind("\n", 0, start) + 1 : end].split("\n")
        is_quoted = {_QUOTED_LINE.match(line) is not None for line in lines}
        return (False in is_quoted and self._in_own) or (True in is_quoted and self._in_quoted)

    @cached_property
    def _in_own(self) -> bool:
        return gives_orders(own_lines(self._text))

    @cached_property
    def _in_quoted(self) -> bool:
        return gives_orders(_quoted(self._text))


def own_lines(text: str) -> str:
    """The text without the lines that begin with `>`."""
    return _QUOTED_LINE.sub("", text) if ">" in text else text


GIVES_ORDERS = "message: gives orders"
"""The reason under which messages that are not read are counted."""


def without_orders(messages: Iterable[CompactMessage]) -> tuple[CompactMessage, ...]:
    """Those whose senders give no orders: only they are read."""
    return tuple(message for message in messages if not gives_orders(own_lines(message.text)))


def _quoted(text: str) -> str:
    return "\n".join(match[0].lstrip(" \t>") for match in _QUOTED_LINE.finditer(text))


def _shown(text: str) -> str:
    """Small letters of one form, without accents and without what is not seen."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN)


def _decoded(text: str) -> Iterator[str]:
    for match in _ENCODED.finditer(text):
        with suppress(binascii.Error, UnicodeDecodeError):
            yield base64.b64decode(match[0][: len(match[0]) // 4 * 4]).decode()


def _is_order(shown: str) -> bool:
    hits = list(_hits(shown))
    if any(hit.kind == _FORM for hit in hits) and any(form.search(shown) for form in _PATTERNS):
        return True
    answers = {hit.end for hit in hits if hit.kind == "reply"}
    words = [
        _weighed(shown, hit)
        for hit in hits
        if not (hit.kind in _NO_WORDS or _is_product(shown, hit) or (hit.kind == "act" and hit.end in answers))
    ]
    is_told = any(hit.kind in _DONE for hit in words)
    if is_told and any(hit.kind == _ROLE and _heads(shown, hit.start) for hit in hits):
        return True
    orders = (*_ORDERS, *_OF_A_ROLE) if is_told else _ORDERS
    return len(words) > 1 and any(_orders_something(shown, said, orders) for said in _by_sentence(shown, words))


def _hits(shown: str) -> Iterator[_Hit]:
    """Words of the table, by where they end."""
    for end, found in _WORDS.iter(shown):
        for word, kind, is_whole in found:
            start = end - len(word) + 1
            before, behind = shown[max(0, start - 1) : start], shown[end + 1 : end + 2]
            stands_alone = not _is_letter(before) and not (is_whole and (_is_letter(behind) or behind == "_"))
            if kind in (_FORM, _ROLE) or word[0] >= _FIRST_JOINED or stands_alone:
                yield _Hit(start, end + 1, kind)


def _is_product(shown: str, hit: _Hit) -> bool:
    """Whether somebody's own machine is spoken of, or people who make some: `our assistant`, `the AI team`."""
    if hit.kind != "machine":
        return False
    return bool(_POSSESSIVE.search(shown[max(0, hit.start - 24) : hit.start]) or _OF_PEOPLE.match(shown, hit.end))


def _weighed(shown: str, hit: _Hit) -> _Hit:
    """`rules` and `guidance` are a machine's only where they are `your rules`, `all earlier guidance`."""
    if hit.kind != _RULES_WEAK:
        return hit
    return hit._replace(kind="rules" if _GIVEN.search(shown[max(0, hit.start - 32) : hit.start]) else hit.kind)


def _heads(shown: str, start: int) -> bool:
    """Whether a role's name heads what follows: `System:`, `[assistant]`, `### system ###`."""
    before = shown[max(0, start - 8) : start].rstrip(" \t")[-1:]
    return before in _OPENERS and (_BRACKETED if before in _BRACKETS else _HEADING).match(shown, start) is not None


def _is_letter(letter: str) -> bool:
    """Of a script that parts its words by blanks, or a digit."""
    return letter.isalnum() and letter < _FIRST_JOINED


def _by_sentence(shown: str, hits: Sequence[_Hit]) -> Iterator[list[_Hit]]:
    ends = [match.end() for match in _SENTENCE_ENDS.finditer(shown)]
    for _, said in groupby(sorted(hits), lambda hit: bisect_right(ends, hit.start)):
        yield list(said)


def _orders_something(shown: str, said: Sequence[_Hit], orders: Sequence[set[str]]) -> bool:
    """Whether kinds of words that make an order stand close together in one sentence."""
    for place, first in enumerate(said):
        near = {first.kind}
        for later in (said[index] for index in range(place + 1, len(said))):
            if later.start - first.start > NEAR:
                break
            near.add(later.kind)
        if any(order <= near for order in orders):
            return True
        if first.kind == "machine" and (address := _ADDRESS.match(shown, first.start)):
            told = (hit for hit in said[place + 1 :] if address.end() <= hit.start <= first.start + NEAR)
            if any(hit.kind in _TOLD for hit in told):
                return True
    return False


def _plain() -> dict[int, int | None]:
    """What is not seen and every accent away; letters of a block that no screen shows, and some that are another
    letter's like, to that letter."""
    unseen = (
        code for code in chain(range(0x20000), range(0xE0000, 0xE0200)) if unicodedata.category(chr(code)) in _UNSEEN
    )
    tags = {0xE0000 + code: ord(chr(code).lower()) for code in range(0x20, 0x7F)}
    return dict.fromkeys(unseen) | tags | str.maketrans("ıłøđ", "ilod")


def _table() -> Iterator[tuple[str, str]]:
    for line in files("sago.domain").joinpath("order_words.txt").read_text(encoding="utf-8").splitlines():
        kind, colon, words = line.partition(":")
        if colon and not line.startswith("#"):
            yield from ((kind, word.replace("_", " ")) for word in words.split())


def _either(kind: str) -> str:
    return "|".join(word for each, word in _TABLE if each == kind)


def _words() -> ahocorasick.Automaton:
    """All words of the table, each with what it is a word of and whether it must stand alone."""
    kinds: dict[str, list[tuple[str, str, bool]]] = {}
    for kind, word in [*(row for row in _TABLE if row[0] not in _BESIDE), *((_FORM, hint) for hint in _FORM_HINTS)]:
        shown = _shown(word.rstrip("*"))
        kinds.setdefault(shown, []).append((shown, kind, not word.endswith("*")))
    automaton = ahocorasick.Automaton()
    for shown, found in kinds.items():
        automaton.add_word(shown, found)
    automaton.make_automaton()
    return automaton


_FORM, _ROLE, _RULES_WEAK = "form", "role_name", "rules_weak"
_BESIDE, _NO_WORDS = ("heading", "possessive"), (_FORM, _ROLE)
_OPENERS, _BRACKETS = ("", "\n", "(", "*", "|", "[", "<", "{", "#"), ("[", "<", "{", "#")
_UNSEEN = frozenset({"Mn", "Cf"})
_PLAIN = _plain()
_TABLE = list(_table())
_POSSESSIVE = re.compile(_shown(rf"(?:{_either('possessive')})(?:\s[\w-]+)?\s?$"))
_OF_PEOPLE = re.compile(r"\s(?:team|company|start-?up|engineers?|researchers?|lab|group|committee|conference)\b")
_GIVEN = re.compile(
    r"(?<!my )(?<!our )\b(?:all|any|every|your|previous|prior|earlier|former|preceding|above|these)"
    r"(?:\s(?!my|our)\w+)?\s$|\b(?:ignore|disregard|system's)\s$"
)
_NAME = _shown(rf"(?:{_either(_ROLE)})(?:[ \t-]?(?:{_either('heading')}))?[ \t]*")
_HEADING, _BRACKETED = re.compile(rf"{_NAME}(?::|=>)"), re.compile(rf"{_NAME}[:\])>}}#]")
_PATTERNS = [re.compile(_shown(form)) for form in _FORMS]
_WORDS = _words()
