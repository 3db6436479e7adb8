"""Tables of words by kind and language, kept as data: `activity de: lese prüfe schaue_mir`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files


def vocabulary(package: str | None, file: str) -> dict[tuple[str, str], list[str]]:
    """(kind, language) → words, `_` as a blank, of a file beside the modules of `package`. Lines of one kind and
    language add up; `#` begins a comment."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in files(package or "sago.domain").joinpath(file).read_text(encoding="utf-8").splitlines():
        head, colon, words = line.partition(":")
        if colon and not line.startswith("#"):
            kind, _, language = head.partition(" ")
            found.setdefault((kind, language), []).extend(word.replace("_", " ") for word in words.split())
    return found


def either(tables: Iterable[Iterable[str]]) -> str:
    """A pattern of one of the words, the longest first; `*` stands for any ending."""
    words = sorted({word for table in tables for word in table}, key=lambda word: (-len(word), word))
    return "|".join(re.escape(word).replace(r"\*", r"\w*").replace("'", "['’]") for word in words)
