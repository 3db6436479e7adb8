"""Patterns searched only where they can match: most sentences hold none of the words a pattern cannot do without.

The words are derived from the pattern itself, the way RE2's FilteredRE2 and Google Code Search derive theirs (Russ Cox,
"Regular Expression Matching with a Trigram Index", 2012), so nobody has to keep a list beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import product
from typing import Any

import ahocorasick

op, parser = import_module("re._constants"), import_module("re._parser")
"""Python's own parser of patterns; by name, as not every checker of types knows that it is there."""

_MOST = 48
"""So many spellings of a piece are told apart; behind that the piece is cut."""
_LONGEST, _TELLING = 12, 6
"""Code points of a word that are kept, and that make it as rare as it need be."""
_FOLDS_ODDLY = re.compile("[\u0130\u0131\u017f]")
"""Letters that match i or s without regard to case, and that `str.lower` does not turn into them."""

Words = frozenset[str]


class Hinted:
    """A pattern, and the small-letter `hints` of which every match holds at least one; None where none are known."""

    __slots__ = ("_words", "hints", "pattern")

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = re.compile(pattern, flags)
        self.hints = hints(self.pattern)
        self._words = None if self.hints is None else _automaton(dict.fromkeys(self.hints, True))

    def search(self, text: str) -> re.Match[str] | None:
        """What `re.Pattern.search` finds."""
        if self._words is not None and not _FOLDS_ODDLY.search(text) and not any(self._words.iter(text.lower())):
            return None
        return self.pattern.search(text)


class Sieve:
    """Which of many patterns a text can match at all, found in one pass over it."""

    def __init__(self, patterns: Sequence[re.Pattern[str]]) -> None:
        self._all = range(len(patterns))
        found = [hints(pattern) for pattern in patterns]
        self._always = frozenset(place for place in self._all if found[place] is None)
        places: dict[str, list[int]] = {}
        for place, words in enumerate(found):
            for word in words or ():
                places.setdefault(word, []).append(place)
        self._words = _automaton(places) if places else None

    def possible(self, text: str) -> Sequence[int]:
        """The places of the patterns that may match, in order: none is left out that does."""
        if _FOLDS_ODDLY.search(text):
            return self._all
        hits = self._words.iter(text.lower()) if self._words else ()
        found = {place for _, places in hits for place in places}
        return sorted(found | self._always)


def _automaton(words: Mapping[str, Any]) -> ahocorasick.Automaton:
    automaton = ahocorasick.Automaton()
    for word, value in words.items():
        automaton.add_word(word, value)
    automaton.make_automaton()
    return automaton


def hints(pattern: re.Pattern[str]) -> tuple[str, ...] | None:
    """Small-letter words of which every match of `pattern` holds at least one; None where none are known."""
    found = _required(parser.parse(pattern.pattern, pattern.flags))
    if found is None:
        return None
    return tuple(sorted(word for word in found if not any(other in word for other in found - {word})))


def _required(tree: Sequence[Any]) -> Words | None:
    """The best set of a sequence: that whose shortest word is longest."""
    best: Words | None = None
    run: Words = frozenset({""})
    for node in tree:
        exact = _exact([node])
        if exact is not None and len(run) * len(exact) <= _MOST:
            run = frozenset("".join(pair)[-_LONGEST:] for pair in product(run, exact))
            best = _better(best, run)
            continue
        run = exact if exact is not None else frozenset({""})
        best = _better(_better(best, run), _inside(node))
    return best


def _better(one: Words | None, other: Words | None) -> Words | None:
    if other is None or "" in other:
        return one
    return max((other, one), key=_rank) if one is not None else other


def _rank(words: Words) -> tuple[int, int]:
    return min(_TELLING, *map(len, words)), -len(words)


def _inside(node: Any) -> Words | None:
    """What a branch, group or repetition cannot match without."""
    kind, value = node
    if kind is op.SUBPATTERN:
        return _required(value[3])
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        return _required(value[2]) if value[0] > 0 else None
    if kind is op.ATOMIC_GROUP:
        return _required(value)
    if kind is op.BRANCH:
        parts = [_required(part) for part in value[1]]
        return None if None in parts else frozenset().union(*(part for part in parts if part is not None))
    return None


def _exact(tree: Sequence[Any]) -> Words | None:
    """All that a sequence matches, in small letters, where that is a small set; assertions match the empty text."""
    words: Words = frozenset({""})
    for kind, value in tree:
        if kind is op.LITERAL:
            piece: Words | None = _of_letter(value)
        elif kind in (op.AT, op.ASSERT, op.ASSERT_NOT):
            piece = frozenset({""})
        elif kind is op.IN:
            piece = _of_set(value)
        elif kind is op.SUBPATTERN:
            piece = _exact(value[3])
        elif kind is op.BRANCH:
            parts = [_exact(part) for part in value[1]]
            piece = None if None in parts else frozenset().union(*(part for part in parts if part is not None))
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT) and value[:2] in ((0, 1), (1, 1)):
            once = _exact(value[2])
            piece = None if once is None else once | ({""} if value[0] == 0 else frozenset())
        else:
            piece = None
        if piece is None or len(words) * len(piece) > _MOST:
            return None
        words = frozenset("".join(pair) for pair in product(words, piece))
    return words


def _of_set(members: Sequence[Any]) -> Words | None:
    letters = [_of_letter(value) if kind is op.LITERAL else None for kind, value in members]
    return None if len(members) > 4 or None in letters else frozenset().union(*(each for each in letters if each))


def _of_letter(code: int) -> Words | None:
    """A letter as `str.lower` leaves it; outside ASCII one that has two cases may have a third form."""
    letter = chr(code)
    return frozenset({letter.lower()}) if letter.isascii() or letter.lower() == letter.upper() else None
