"""A letter's text as a reader takes it in: sentences, their clauses, and passages that repeat a proof to the letter.

Offsets count code points of the text as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

WORD = re.compile(r"[^\W\d_][\w&]*(?:[’'.+-][\w&]+)*")
_WRAPPED = re.compile(r"(?<=[^\n.:!?,])\n(?=[^\n•*\s-])")
"""A line's end in the middle of a sentence."""
_ENDS = re.compile(r"[.!?…]+(?=[”\"’)\]]*(?:\s|$))[”\"’)\]]*|\n+")
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Inc|Ltd|Co|Corp|Pte|vs|e\.g|i\.e|approx|No)\.$")
_PARTS = re.compile(r"[,;:](?=\s)|\s[–—-]\s|\s(?=(?:and|while|but|whereas|plus|though|although|because|when|before)\s)")


class Span(NamedTuple):
    """From `start` to before `end`."""

    start: int
    end: int

    def holds(self, start: int, end: int) -> bool:
        return self.start <= start and end <= self.end


def unwrapped(text: str) -> str:
    """The text, as long as it was, with a blank where a sentence goes on in the next line."""
    return _WRAPPED.sub(" ", text)


def sentences(text: str, whole: Sequence[Span] = ()) -> Iterator[Span]:
    """The sentences; none ends within what is `whole`."""
    start = 0
    for match in _ENDS.finditer(text):
        if _within(match.start(), match.end(), whole) or _ABBREVIATED.search(text, start, match.start() + 1):
            continue
        if text[start : match.end()].strip():
            yield Span(start, match.end())
        start = match.end()
    if text[start:].strip():
        yield Span(start, len(text))


def clauses(text: str, sentence: Span, whole: Sequence[Span] = ()) -> Iterator[Span]:
    """What a sentence says one after the other: parted by commas, colons, dashes and conjunctions."""
    start = sentence.start
    for match in _PARTS.finditer(text, sentence.start, sentence.end):
        if _within(match.start(), match.end(), whole):
            continue
        if text[start : match.start()].strip():
            yield Span(start, match.end())
            start = match.end()
    yield Span(start, sentence.end)


def _within(start: int, end: int, whole: Iterable[Span]) -> bool:
    return any(each.start < end and start < each.end for each in whole)


def occurrences(wanted: str, text: str) -> Iterator[Span]:
    """Where a text is repeated to the letter; only its first letter may be large or small, and blanks differ."""
    words = wanted.split()
    if not words or any(word not in text for word in (*words[1:], words[0][1:])):
        return
    for match in _repeating(tuple(words)).finditer(text):
        yield Span(*match.span())


@lru_cache(maxsize=256)
def _repeating(words: tuple[str, ...]) -> re.Pattern[str]:
    first = re.escape(words[0])
    if words[0][0].isalpha():
        first = f"[{words[0][0].upper()}{words[0][0].lower()}]{re.escape(words[0][1:])}"
    pattern = r"\s+".join([first, *(re.escape(word) for word in words[1:])])
    return re.compile(rf"(?<!\w){pattern}(?!\w)")


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """As `split`, remembered for everybody."""
    return split(text)


def split(text: str) -> frozenset[str]:
    """The words of a text in lower case, whole and cut at hyphens, possessives without their s."""
    found = {match.group().lower() for match in WORD.finditer(text)}
    found |= {re.sub(r"[’']s?$", "", word) for word in found}
    return frozenset(found | {part for word in found for part in re.split(r"[-’'.]", word) if part})


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """A rough stem: `customers` and `customer`, `signed` and `signs` are one word here."""
    word = re.sub(r"[’']s?$", "", word.lower())
    for ending in ("ies", "ied", "ing", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
    return word


@lru_cache(maxsize=4096)
def stems_of(text: str) -> frozenset[str]:
    """The stems of a text's words."""
    return frozenset(stem(word) for word in words_of(text))
