"""Where a quote stands in a text: to the letter, or written as another program writes the same words."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

_SAME = str.maketrans(
    {"…": "..."} | dict.fromkeys("‘’‚‛′´`", "'") | dict.fromkeys("“”„‟″«»", '"') | dict.fromkeys("‐‑‒–—―−", "-")
)
"""Quotation marks and dashes that one program turns into another."""
_UNSEEN = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff")
"""Soft hyphens, joiners, marks of direction, the variants of an emoji."""


class _Folded(NamedTuple):
    """A text in one way of writing, and for each of its code points the place in the text that it is of."""

    text: str
    places: list[int]


class Passages:
    """One text in which quotes are looked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def find(self, quote: str, hint: int | None = None) -> tuple[int, int] | None:
        """Start and end of the quote in the text, in code points: at the hint, else the occurrence nearest to it, else
        the first; None where it does not stand there.

        Where it does not to the letter, what differs in Unicode normalisation, in kinds of quotation marks and dashes,
        in runs of blanks or in characters that nobody sees is taken for the same. Linear in the length of both.
        """
        if not quote.strip():
            return None
        exact = _nearest(quote, self._text, hint)
        if exact is not None:
            return exact, exact + len(quote)
        meant = _folded(quote).text.strip()
        text, places = self._folded
        near = None if hint is None else bisect_left(places, hint)
        start = _nearest(meant, text, near) if meant else None
        if start is None:
            return None
        end = start + len(meant)
        first, last = min(places[start:end]), max(places[start:end])
        begins = start == 0 or places[start - 1] != first
        ends = end == len(text) or not (places[end] == last or unicodedata.combining(text[end]))
        return (first, self._end(last)) if begins and ends else None

    @cached_property
    def _folded(self) -> _Folded:
        return _folded(self._text)

    def _end(self, last: int) -> int:
        """Behind the character at `last` and the variant sign that belongs to it."""
        end = last + 1
        while end < len(self._text) and self._text[end] in "\ufe0e\ufe0f":
            end += 1
        return end


def _nearest(quote: str, text: str, hint: int | None) -> int | None:
    if hint is None or hint < 0:
        place = text.find(quote)
        return None if place < 0 else place
    near = [place for place in (text.rfind(quote, 0, hint + len(quote)), text.find(quote, hint)) if place >= 0]
    return min(near, key=lambda place: (abs(place - hint), place), default=None)


def _folded(text: str) -> _Folded:
    pieces: list[tuple[str, int]] = []
    for place, char in enumerate(text):
        if char in _UNSEEN:
            continue
        if char.isspace():
            if not (pieces and pieces[-1][0] == " "):
                pieces.append((" ", place))
        else:
            pieces += [(part, place) for part in unicodedata.normalize("NFD", char.translate(_SAME))]
    ordered = _marks_in_order(pieces)
    return _Folded("".join(char for char, _ in ordered), [place for _, place in ordered])


def _marks_in_order(pieces: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Combining marks behind one letter in the order of Unicode's normal forms."""
    ordered: list[tuple[str, int]] = []
    for is_mark, run in groupby(pieces, key=lambda piece: unicodedata.combining(piece[0]) > 0):
        marks = list(run)
        ordered += sorted(marks, key=lambda piece: unicodedata.combining(piece[0])) if is_mark else marks
    return ordered
