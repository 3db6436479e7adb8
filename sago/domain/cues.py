"""How likely a text tells any event at all, and how likely one of high severity: cheap enough for every message.

A logistic regression over the words and pairs of words of a sentence, in which figures count by their form alone; a
text is as telling as its most telling sentence. `python -m training.cues` has learned the weights in cues.txt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise, repeat
from typing import NamedTuple

LONGEST = 12_000
"""Characters looked at, as by the offline reader."""
BEGINNING = 1_500
"""Characters looked at for what is urgent, as each message pays for it while it is stored."""
_BLANKS = b'()[]{}<"*_~`|\\/=+&;\t\r'
_TABLE = bytes(ord(" ") if c in _BLANKS else ord("0") if chr(c) in "123456789" else c for c in range(256))
_ENDS = (
    (b"? ", b" ?\n"),
    (b"?\n", b" ?\n"),
    (b"! ", b" !\n"),
    (b"!\n", b" !\n"),
    (b". ", b"\n"),
    (b".\n", b"\n"),
    (b", ", b" "),
    (b",\n", b"\n"),
    (b": ", b" : "),
    (b":\n", b" :\n"),
    (b"%", b" % "),
    (b"#", b" # "),
    (b"$", b" $ "),
    (b"0000", b"0"),
    (b"00", b"0"),
    (b"00", b"0"),
)
"""What ends a word; what ends a sentence becomes a line's end, a row of zeros one zero. A point within `1.5` stays."""
_FOREIGN_ENDS = tuple(
    (old.encode(), new)
    for old, new in (("’", b"'"), ("—", b" "), ("–", b" "), ("…", b"\n"), ("。", b"\n"), *((c, b" $ ") for c in "€£₹¥"))
)
_WITHOUT_BLANKS = re.compile("([\u3040-\u9fff])")
"""Scripts in which each character counts as a word."""
_NOTHING = repeat(0.0)
_LETTERS, _PICTURES = b"A", b"\xf0"
"""A word begins with a byte between them: below stand signs and figures, above emoji."""
STRANGE_SHARE, STRANGE_WORDS = 1 / 3, 3
"""Above such a share, and from so many words that were not learned on, a text is not judged."""
NEAR = -1.0
"""Log-odds: pairs of words seldom add more."""
PERCENT = (b"0", b"%")
Cue = bytes | tuple[bytes, bytes]
"""A word, or two that follow each other."""


def sentences(text: str) -> list[list[bytes]]:
    """The words of each sentence, in small letters and UTF-8: as bytes this takes a third of the time."""
    text = f"{text[:LONGEST]}\n".lower()
    if text.isascii():
        plain = text.encode().translate(_TABLE)
    else:
        plain = _WITHOUT_BLANKS.sub(r" \1 ", text).encode("utf-8", "replace").translate(_TABLE)
        for old, new in _FOREIGN_ENDS:
            plain = plain.replace(old, new)
    for old, new in _ENDS:
        plain = plain.replace(old, new)
    return [sentence.split() for sentence in plain.split(b"\n")]


def exempt(said: Sequence[Sequence[bytes]], known: Container[Cue]) -> bool:
    """Whether a text is never chatter, whatever its words weigh: it states a percentage, or too much of it is in words
    not learned from, as in a language that no labelled company writes."""
    words = [word for sentence in said for word in sentence if _LETTERS <= word < _PICTURES]
    strange = sum(word not in known for word in words)
    if strange >= STRANGE_WORDS and strange > STRANGE_SHARE * len(words):
        return True
    return any(PERCENT in pairwise(sentence) for sentence in said)


class Weights(NamedTuple):
    """Of each word and pair of words, and what a sentence begins with; 0 is the threshold."""

    cues: Mapping[Cue, float]
    begin: float

    def of(self, said: Iterable[Sequence[bytes]]) -> float:
        """Log-odds above the threshold, of the most telling sentence."""
        return self.begin + max(self._of(words) + self._of(pairwise(words)) for words in said)

    def reached(self, said: Iterable[Sequence[bytes]]) -> bool:
        """Whether a sentence comes to the threshold. In a third less time than `of`: pairs are looked up only where
        the words alone come near it."""
        for words in said:
            told = self.begin + self._of(words)
            if told >= NEAR and told + self._of(pairwise(words)) >= 0:
                return True
        return False

    def _of(self, cues: Iterable[Cue]) -> float:
        weights: Iterable[float] = map(self.cues.get, cues, _NOTHING)
        return sum(weights)


class Learned(NamedTuple):
    """The weights for any event and for one of high severity; `digest` changes whenever a text could be judged
    otherwise."""

    any: Weights
    high: Weights
    digest: str


@cache
def learned() -> Learned:
    """What cues.txt holds, a line each: the weight for any event, that for one of high severity, and a word, or two
    that follow each other; the first line what a sentence begins with."""
    text = files("sago.domain").joinpath("cues.txt").read_text(encoding="utf-8")
    begin, *rows = (line.split(" ") for line in text.splitlines())
    told: dict[Cue, float] = {}
    high: dict[Cue, float] = {}
    for weight, weight_high, *words in rows:
        cue: Cue = words[0].encode() if len(words) == 1 else (words[0].encode(), words[1].encode())
        told[cue], high[cue] = float(weight), float(weight_high)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Learned(Weights(told, float(begin[0])), Weights(high, float(begin[1])), digest)


def is_chatter(text: str) -> bool:
    """Whether the text hardly tells an event: one of two hundred events is told in such texts alone. What is too long
    to be looked at whole may tell one."""
    if len(text) > LONGEST:
        return False
    said, weights = sentences(text), learned().any
    return weights.of(said) < 0 and not exempt(said, weights.cues)


def is_urgent(text: str) -> bool:
    """Whether the text's beginning probably tells an event of high severity; of a hundred that tell no event hardly one
    counts."""
    return learned().high.reached(sentences(text[:BEGINNING]))
