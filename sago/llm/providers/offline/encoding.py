"""A statement and its context as token ids, the same at training and at work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

LONGEST = 56
"""Tokens of one sequence."""
LEAST_CONTEXT = 24
"""Tokens left for the context however long the statement is."""
_OPEN, _CLOSE = 0, 2
"""<s> and </s> of the vocabulary."""

Ids = NDArray[np.int64]


class Tokens(NamedTuple):
    """One sequence: token ids, and 0 for the statement's own tokens, 1 for those of the context."""

    ids: list[int]
    types: list[int]


class Encoding:
    """Pieces of words by a unigram model (Kudo 2018): the statement first, then as much context as fits."""

    def __init__(self, tokenizer: Path) -> None:
        """`tokenizer` is a file of the library tokenizers."""
        self._tokenizer = Tokenizer.from_file(str(tokenizer))

    def tokens(self, statement: str, before: str) -> Tokens:
        """The sequence of one statement."""
        own = self._ids(statement)[: LONGEST - LEAST_CONTEXT]
        context = self._ids(before)[: LONGEST - 3 - len(own)]
        ids = [_OPEN, *own, _CLOSE, *context, _CLOSE]
        return Tokens(ids, [0] * (len(own) + 2) + [1] * (len(context) + 1))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def packed(sequences: Sequence[Tokens], multiple_of: int = 1) -> tuple[Ids, Ids, Ids]:
    """ids, token types and mask, each sequences × padded length."""
    length = -(-max(len(each.ids) for each in sequences) // multiple_of) * multiple_of
    ids = np.zeros((len(sequences), length), np.int64)
    types, mask = np.ones_like(ids), np.zeros_like(ids)
    for row, each in enumerate(sequences):
        ids[row, : len(each.ids)], types[row, : len(each.types)], mask[row, : len(each.ids)] = each.ids, each.types, 1
    return ids, types, mask
