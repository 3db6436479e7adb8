"""Words that many companies use: no names, and no proof that two texts speak of the same thing."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def everyday_words() -> frozenset[str]:
    """In small letters: those of four letters or more that at least three of the labelled companies write so.

    `python -m training.everyday` makes the list.
    """
    return frozenset(files("sago.domain").joinpath("everyday_words.txt").read_text(encoding="utf-8").split())
