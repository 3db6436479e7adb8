"""Whether a figure's change is good or bad news: by the figure's own good direction. Churn that fell is no setback."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from sago.domain.amounts import Amount, find_amounts
from sago.domain.vocabulary import either, vocabulary

_TABLE = vocabulary(__package__, "change_words.txt")
_REACH = 60
"""Code points between a figure's name and the word of its change."""


def _pattern(*kinds: str) -> str:
    return either(words for (kind, _), words in _TABLE.items() if kind in kinds)


class Change(NamedTuple):
    """Code points `start` to `end` of a text tell that a figure changed, for the better or the worse."""

    start: int
    end: int
    is_better: bool


_METRIC = re.compile(rf"(?<![\w-])(?:(?P<low>{_pattern('low')})|(?P<high>{_pattern('high')}))(?![\w-])", re.I)
_CHANGED = re.compile(
    rf"(?<![\w-])(?:(?P<better>{_pattern('better')})|(?P<worse>{_pattern('worse')})|(?P<up>{_pattern('up')})"
    rf"|(?P<down>{_pattern('down')}))(?![\w-])",
    re.I,
)
_WAS, _BECOMES = (
    re.compile(rf"(?<!\w)(?:{_pattern('was')})\W*$", re.I),
    re.compile(rf"\s?(?:{_pattern('becomes')})\s?", re.I),
)
_THEN, _RANGE = re.compile(rf"\s(?:{_pattern('then')})(?!\w)", re.I), re.compile(r"\s?[-–—~]\s?\d")
_ARROW = re.compile(r"\s?(?:->|→|=>)\s?")
_SENTENCE_ENDS = re.compile(r"[;!?\n]|\.(?=\s|$)")
_CLAUSE_ENDS = re.compile(
    r"[;!?\n]|[.,](?=\s)|\s[–—]\s|\b(?:while|whereas|although|and|und|et|y|e|but|aber|mais|pero|mas)\b", re.I
)
_SMALL = _pattern("small")
_SMALL_WORD = re.compile(
    rf"(?:{_pattern('alone', 'small', 'was', 'then', 'becomes')})|\d+(?:st|nd|rd|th)?|q[1-4]|[a-z]['’]", re.I
)
_OF = re.compile(rf"\s(?:{_SMALL})\s(?:[\w'’]+\s){{0,2}}", re.I)
"""Between two names of figures: the first is the figure, the second whose: `churn of paying users`."""
_OBJECT = re.compile(rf"\s(?:(?!(?:{_SMALL})\s)[^\W\d][\w'’-]*\s){{0,2}}", re.I)
"""Between a word and the figure it changes: `cut our response time`."""


def changes(text: str) -> list[Change]:
    """The changes of known figures that a text tells, one a figure and by its place: in words, else by `from 31 to 52`
    or `52, was 31`."""
    names = list(_METRIC.finditer(text))
    found: dict[int, Change] = {}
    for word in _CHANGED.finditer(text) if names else ():
        name = _name_of(text, names, word)
        if name is not None:
            found.setdefault(name.start(), _change(name, word.span(), str(word.lastgroup)))
    amounts = find_amounts(text) if len(found) < len(names) else []
    for place, name in enumerate(names):
        moved = None if name.start() in found else _moved(text, name, names[place + 1 :], amounts)
        if moved is not None:
            was, now = moved
            span = min(was.start, now.start), max(was.end, now.end)
            found[name.start()] = _change(name, span, "up" if now.value > was.value else "down")
    return [found[start] for start in sorted(found)]


def is_improvement(text: str) -> bool:
    """Whether a text tells changes, all for the better, and nothing else."""
    return _tells_only(text, is_better=True)


def is_worsening(text: str) -> bool:
    """Whether a text tells changes, all for the worse, and nothing else."""
    return _tells_only(text, is_better=False)


def _tells_only(text: str, *, is_better: bool) -> bool:
    """Whether beside the changes, all of one way, stand only figures, dates and small words: what another word says may
    be a loss, or the news itself."""
    found = changes(text)
    if not found or any(change.is_better is not is_better for change in found):
        return False
    names = list(_METRIC.finditer(text))
    if any(not _is_part(text, name, names, found) for name in names):
        return False
    spans = [*((amount.start, amount.end) for amount in find_amounts(text)), *(name.span() for name in names)]
    rest = list(text)
    for start, end in (*spans, *(word.span() for word in _CHANGED.finditer(text))):
        rest[start:end] = " " * (end - start)
    return all(_SMALL_WORD.fullmatch(word) for word in re.findall(r"[^\W_][\w'’]*|[^\W\d_]|\S{3,}", "".join(rest)))


def _is_part(text: str, name: re.Match[str], names: Sequence[re.Match[str]], found: Sequence[Change]) -> bool:
    """Whether a figure is one of those that changed, or says whose: `revenue churn`. Of any other nobody knows whether
    it is good."""
    return any(change.start <= name.start() < change.end for change in found) or any(
        text[name.end() : other.start()] == " " for other in names
    )


def _change(name: re.Match[str], by: tuple[int, int], way: str) -> Change:
    is_better = way == "better" or way == ("down" if name["low"] else "up")
    return Change(min(name.start(), by[0]), max(name.end(), by[1]), is_better)


def _name_of(text: str, names: Sequence[re.Match[str]], word: re.Match[str]) -> re.Match[str] | None:
    """The figure that changed: the object of the word, else the nearest before it in its clause."""
    changed = next((name for name in names if _OBJECT.fullmatch(text, word.end(), name.start())), None)
    before = [name for name in names if 0 <= word.start() - name.end() <= _REACH]
    before = [name for name in before if not _CLAUSE_ENDS.search(text, name.end(), word.start())]
    while len(before) > 1 and _OF.fullmatch(text, before[-2].end(), before[-1].start()):
        before.pop()
    return changed or (before[-1] if before else None)


def _moved(
    text: str, name: re.Match[str], others: Sequence[re.Match[str]], amounts: Sequence[Amount]
) -> tuple[Amount, Amount] | None:
    """What the figure was and what it is, of one unit, before the next figure's name and in its sentence."""
    stop = _SENTENCE_ENDS.search(text, name.end())
    end = min([stop.start() if stop else len(text), name.end() + _REACH, *(other.start() for other in others)])
    mine = [amount for amount in amounts if name.end() <= amount.start < end]
    both = [*pairwise(mine), *((now, was) for was, now in pairwise(mine))]
    return next((pair for pair in both if _is_change(text, name.end(), *pair)), None)


def _is_change(text: str, start: int, was: Amount, now: Amount) -> bool:
    """Whether the words around two figures say which was first; `start` is where the name ends."""
    is_one_unit = now.unit == was.unit or ((now.bare or was.bare) and not now.is_money and not was.is_money)
    if not is_one_unit or now.value == was.value:
        return False
    between = text[was.end : now.start] if was.start < now.start else None
    if _THEN.match(text, was.end) or (between and _ARROW.fullmatch(between)):
        return True
    if between is None:
        return not _RANGE.match(text, was.end) and (was.role == "from" or _said_was(text, start, was))
    return _BECOMES.fullmatch(between) is not None and _said_was(text, start, was)


def _said_was(text: str, start: int, was: Amount) -> bool:
    return _WAS.search(text[start : was.start]) is not None
