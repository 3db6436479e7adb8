"""A thousand true letters pass, and a thousand with one figure, date or name changed are refused."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest

from sago.domain.letters import LetterDraft, LetterRequest
from sago.llm.letters import compose_offline
from sago.outreach.checking import examine, ungrounded
from tests.unit.outreach.corpus import requests
from tests.unit.outreach.corrupting import KINDS, Corruption, corrupt

LETTERS = 1000
PARTS = 4
"""The thousand in parts, so that several processes share them."""
FEWEST = 2
"""Letters of a part that are changed in each way, at least."""


@cache
def asked_for() -> tuple[LetterRequest, ...]:
    return tuple(requests(LETTERS))


@cache
def letters(part: int) -> list[tuple[int, LetterRequest, LetterDraft]]:
    numbered = [(number, asked) for number, asked in enumerate(asked_for()) if number % PARTS == part]
    return [(number, asked, compose_offline(asked)) for number, asked in numbered]


def corrupted(number: int, asked: LetterRequest, draft: LetterDraft, so_far: Counter[str]) -> Corruption:
    """The letter changed in a way that was taken less than twice so far, else in its turn's, else in the next way that
    it has a claim for."""
    turn = number // PARTS
    turn += turn // len(KINDS)
    kinds = list(KINDS)
    in_turn = [kinds[(turn + step) % len(kinds)] for step in range(len(kinds))]
    for kind in sorted(in_turn, key=lambda each: so_far[each] >= FEWEST):
        made = corrupt(draft, asked, kind, random.Random(number))  # noqa: S311
        if made is not None:
            return made
    raise AssertionError(f"letter {number} says nothing")


@pytest.mark.parametrize("part", range(PARTS))
def test_a_thousand_true_letters_pass(part: int) -> None:
    refused = {}
    claims = Counter[str]()
    for number, asked, draft in letters(part):
        checked = examine(draft, asked)
        claims.update(receipt.kind for receipt in checked.receipts)
        if checked.problems:
            refused[number] = [str(problem) for problem in checked.problems]
    assert refused == {}
    assert min(claims[kind] for kind in ("figure", "date", "name")) > LETTERS / PARTS


@pytest.mark.parametrize("part", range(PARTS))
def test_a_thousand_letters_with_one_claim_changed_are_refused(part: int) -> None:
    made, passed = Counter[str](), []
    for number, asked, draft in letters(part):
        changed = corrupted(number, asked, draft, made)
        made[changed.kind] += 1
        if not ungrounded(changed.draft, asked):
            passed.append((number, changed.kind, changed.where, changed.old, changed.new))
    assert passed == []
    assert sum(made.values()) == LETTERS / PARTS
    assert made.keys() == KINDS.keys()
    assert min(made.values()) >= FEWEST


def test_the_letters_are_many_different_ones() -> None:
    drafts = {(draft.subject, draft.body) for part in range(PARTS) for _, _, draft in letters(part)}
    assert len(drafts) > 0.9 * LETTERS
