"""Of whom a sentence speaks, word by word: of the company, or of the sender, who asks, wishes and greets."""

# ruff: noqa: SIM905 - a table of words is read more easily as one string
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from sago.domain.watches import Direction

_MARKS = frozenset(",;:()–—-")
_JOINS = frozenset(
    "and but or so while because since as that which who whose whom when where after before until if how why what "
    "whether although though than once".split()
)
_OF_OTHERS = frozenset(
    "because since after before until once as so while when although though than who whose whom".split()
)
"""What begins a clause with a subject of its own: of the company, where no other is named."""
_ASKING = frozenset("what where when whether how why who which".split())
_INDIRECT = frozenset("what where whether how why".split())
_ASKS = frozenset(
    "like love hear understand see tell curious talk learn discuss show ask wonder explain share interested "
    "speak".split()
)
_AUXILIARIES = frozenset(
    "is are was were has have had do does did can could will would shall should may might am must".split()
)
_FINITE = frozenset("is are was were has have had".split())
_DONE = re.compile(r"(?:did|was|were|has|have|had|won|got|lost|made|left|(?!need)\w+ed)$")
"""Of a question that takes for granted what has happened: `how did you …`."""
_OPENERS = frozenset(
    "please let thank thanks congratulations congrats happy glad delighted looking look give say tell send feel "
    "forward hope hoping sorry kindly best all no just great excited wishing keen".split()
)
_ADVERBS = frozenset(
    "also still then now today just really again both even however meanwhile therefore perhaps maybe "
    "frankly honestly personally".split()
)
_SKIPPED = _ADVERBS | (_JOINS - _ASKING)
_REPORTS = frozenset(
    "told hear heard know knew see saw seen read learn learned learnt notice noticed understand understood believe "
    "gather gathered found assume aware sure knowing think impressed glad happy pleased delighted sorry".split()
)
_TOLD = frozenset(
    "the they their its it he she his her no every each nobody everyone everybody most many several all".split()
)
_WHOLES = frozenset("the every each nobody everyone everybody most many several all none".split())
_WISHES = frozenset("like love be welcome want appreciate".split())
_THEY = frozenset("they them their theirs he him his she her hers".split())
_AS_OBJECT = frozenset(
    "to for with at in on about from and or back a an the some our my soon again next well by as when once if this "
    "that these those line through what how where whether posted".split()
)


class Mode(Enum):
    """Of whom words are said."""

    FREE = "the sender, of themselves, or asking"
    COURTEOUS = "a wish or a greeting, or what an ask says of the company"
    STRICT = "the company"


class Token(NamedTuple):
    """A word of the letter's own in small letters, or a mark; `word` is empty for a name or passage of a proof."""

    word: str
    start: int
    end: int


def spoken(tokens: Sequence[Token], direction: Direction, *, is_question: bool) -> Iterator[tuple[Token, Mode]]:
    """The words said of the company, or in courtesy; those of the sender about themselves are left out."""
    speaker = _Speaker(direction, is_question=is_question)
    for part in _parts(tokens):
        yield from speaker.part(part)


def _parts(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if part and (token.word in _MARKS or token.word in _JOINS):
            yield part
            part = []
        part.append(token)
    if part:
        yield part


class _Speaker:
    """Goes through a sentence part by part, and keeps of whom it speaks."""

    def __init__(self, direction: Direction, *, is_question: bool) -> None:
        self._to_founder = direction is Direction.TO_FOUNDER
        self._selves = frozenset("i we my our mine".split() if self._to_founder else ["you", "your"])
        self._movers = frozenset({"i", "we"} if self._to_founder else {"you"})
        self._company = frozenset({"your", "yours"} if self._to_founder else {"we", "our", "ours"}) | _THEY
        self._told = _TOLD | (frozenset({"you", "your"}) if self._to_founder else self._company)
        self._is_question = is_question
        self._mode: Mode | None = None
        self._last = ""
        """The word before the part."""
        self._has_asked = False
        self._is_own = False
        """Whether the sentence begins with the sender."""

    def part(self, tokens: list[Token]) -> Iterator[tuple[Token, Mode]]:
        mode, asks = self._begun(tokens)
        tail = mode if mode is Mode.STRICT else Mode.COURTEOUS
        free_since: int = 0
        outer: Mode | None = None
        for at, token in enumerate(tokens):
            behind = tokens[at + 1].word if at + 1 < len(tokens) else None
            if token.word in _MARKS:
                continue
            if mode is Mode.FREE:
                if outer is not None and at - free_since >= 2 and token.word in _FINITE:
                    mode = outer
                elif not token.word or (not asks and self._is_company(token.word, behind)):
                    mode = tail
                elif token.word in _REPORTS and (behind == "" or behind in self._told):
                    mode = tail = Mode.STRICT
                    continue
            elif token.word in self._movers:
                mode, free_since, outer = Mode.FREE, at, mode
            if mode is not Mode.FREE and token.word:
                yield token, mode
        self._is_own |= self._mode is None and mode is Mode.FREE
        self._has_asked |= tail is not Mode.STRICT and any(token.word in _ASKS for token in tokens)
        self._mode = mode
        self._last = next((each.word for each in reversed(tokens) if each.word not in _MARKS), self._last)

    def _is_company(self, word: str, behind: str | None) -> bool:
        """Whether a word within what the sender says of themselves begins to speak of the company."""
        is_subject = word == "you" and behind is not None and behind not in _AS_OBJECT
        return word in self._company or (self._to_founder and is_subject)

    def _begun(self, tokens: list[Token]) -> tuple[Mode, bool]:
        """Of whom a part speaks at first, and whether it asks."""
        words = [token.word for token in tokens if token.word not in _MARKS]
        before = None if tokens[0].word in (";", ":", "–", "—", "-") else self._mode
        lead = words[0] if words else ""
        body = words[1:] if lead in _JOINS and before is not None else words
        while len(body) > 1 and body[0] in _SKIPPED:
            body = body[1:]
        if not body:
            return before or Mode.STRICT, False
        if self._asks(lead, body[0], before) or (lead in ("and", "or") and self._asks(body[0], "", before)):
            return (Mode.COURTEOUS if any(_DONE.match(word) for word in words) else Mode.FREE), True
        goes_on = self._is_own and body[0] == "would" and len(body) > 1 and body[1] in _WISHES
        return Mode.FREE if goes_on else self._subject(lead, body[0], before), False

    def _subject(self, lead: str, head: str, before: Mode | None) -> Mode:
        if head in self._selves:
            return Mode.FREE
        if not self._to_founder and head in ("i", "we", "my"):
            return Mode.COURTEOUS
        if before is None and lead == "if" and head:
            return Mode.COURTEOUS
        if head in self._company | _WHOLES or head in ("", "you"):
            return Mode.COURTEOUS if head and before is Mode.COURTEOUS else Mode.STRICT
        if before is None:
            return Mode.COURTEOUS if self._is_question or head in _OPENERS else Mode.STRICT
        if lead in _OF_OTHERS or (lead == "that" and self._last in _REPORTS):
            return Mode.STRICT
        return before

    def _asks(self, lead: str, head: str, before: Mode | None) -> bool:
        """Whether a part begins a question, or tells what somebody would like to hear."""
        if before is None:
            return self._is_question and (head in _AUXILIARIES or head in _ASKING or lead in _ASKING)
        return lead in _INDIRECT and self._has_asked
