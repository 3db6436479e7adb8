"""Work at a desk, which is no news: somebody is reading or writing something, or says how many pages it has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import EventType
from sago.domain.vocabulary import either, vocabulary

_TABLE = vocabulary(__package__, "desk_words.txt")


def _either(kind: str) -> str:
    return either(words for (each, _), words in _TABLE.items() if each == kind)


_FRAGMENT, _FEW_WORDS = 5, 7
"""Words of a statement that names nobody who does anything, and of one that tells hardly more."""
_LONGEST_WORK = 6
"""Words of a statement that only says what somebody is busy with; a longer one may say why, or what came of it."""
_SINCE_WHEN = re.compile(
    r"\s(?:from|of|since)\s(?:(?:the\s)?last|this|yesterday)(?:\s(?:year|quarter|month|week|sprint))?\W*$", re.I
)
_WORD = re.compile(r"\w")
_ACTIVITY = re.compile(rf"(?:(?:{_either('opener')})\s+)*(?:{_either('activity')})(?![\w'’-])(?!\s(?:to|with)\b)", re.I)
_GOES_ON = re.compile(
    r"[,:;!–—]\s|\s-\s|\b(?:and|but|because|that|which|while|und|aber|weil|dass|et|mais|que|y|pero|e|mas)\b", re.I
)
"""Behind this somebody says what came of it."""
_DONE = re.compile(
    rf"(?<!\w)(?:{_either('done')}"
    r"|[^\W\d_]{2,}(?:ed|ée?s?|ad[oa]s?|id[oa]s?|ou|ó|aron|ieron|aram|eram)|ge[^\W\d_]{2,}(?:t|en)|[^\W\d_]+iert)(?!\w)"
    r"|['’](?:re|ve|d|ll)(?!\w)|['’]s\s[^\W\d_]+ing\b",
    re.I,
)
"""A verb that is finite or done: `the signed term sheet`, `what they sent`."""
_PAPER = rf"(?:{_either('paper')})(?!\w)"
_PAPER_BEHIND, _PAPER_BEFORE = re.compile(rf"(?:\s[\w-]+)??\s{_PAPER}", re.I), re.compile(rf"\b{_PAPER}\s$", re.I)
_LEADS = re.compile(
    r"\W*(?:(?:all|the|our|their|another|some|only|just|about|alle|die|unsere|toutes|tous|les|nos|todas|todos|las|los|as"
    r"|os)\s+){0,3}$",
    re.I,
)
_HANDLED = re.compile(rf"\b(?:{_either('handled')})\s(?:[^\W\d]+\s){{0,3}}$", re.I)
_LONG = frozenset({"days", "weeks", "months", "years"})
"""What paper takes; `in 12 seconds` is a speed."""
_NO_NOUN_BEHIND = re.compile(r"\W*$|\s?[,.;!?)–—-]|\sof\s(?:them|these|those|which)\b", re.I)
SHOWN_BY_WORK = frozenset({EventType.INVESTOR_INTEREST})
"""Answering an investor's questions is work at a desk, too, and shows the interest."""
TOLD_BY_WORK = SHOWN_BY_WORK | {EventType.SETBACK}
"""And who clears up after a loss tells of the loss."""


def is_at_work(text: str) -> bool:
    """Whether a statement only tells what its speaker is busy with: `reading the billing-worker code`. Nothing has come
    of it: it is short and ends there, without another verb and without a figure that is not of paper."""
    word = _WORD.search(text)
    activity = _ACTIVITY.match(text, word.start()) if word else None
    if activity is None or len(_SINCE_WHEN.sub("", text).split()) > _LONGEST_WORK:
        return False
    if _GOES_ON.search(text, activity.end()) or _DONE.search(text, activity.end()):
        return False
    amounts = find_amounts(text)
    return not amounts or _all_of_paper(text, amounts)


class Paper(StrEnum):
    """How a statement speaks of paper."""

    BARE = "bare"
    """`212 questions.`"""
    HANDLED = "handled"
    """`they asked for 31 documents`: who asks an investor's questions is interested, whatever else it may mean."""


def counts_paper(text: str) -> Paper | None:
    """Whether a statement says no more than how much paper there is, and what was done with it."""
    amounts = find_amounts(text)
    if not amounts or not _all_of_paper(text, amounts):
        return None
    first = next(amount for amount in amounts if _is_of_paper(text, amount))
    before, words = text[: first.start], len(text.split())
    if words <= _FRAGMENT and not _HANDLED.search(before):
        return Paper.BARE
    return Paper.HANDLED if words <= _FEW_WORDS or _LEADS.fullmatch(before) or _HANDLED.search(before) else None


def is_paper(noun: str) -> bool:
    """Whether what is counted lies on a desk: `questions`, `open questions`."""
    return re.search(rf"\b{_PAPER}$", noun, re.I) is not None


def _all_of_paper(text: str, amounts: Iterable[Amount]) -> bool:
    """Whether one figure at least counts paper, and the others do, last so long, or leave unsaid what they count."""
    of_paper = [amount for amount in amounts if _is_of_paper(text, amount)]
    return bool(of_paper) and all(
        amount in of_paper
        or (amount.unit in _LONG and amount.role is None)
        or (amount.bare and amount.scale == 1.0 and _NO_NOUN_BEHIND.match(text, amount.end))
        for amount in amounts
    )


def _is_of_paper(text: str, amount: Amount) -> bool:
    beside = _PAPER_BEHIND.match(text, amount.end) or _PAPER_BEFORE.search(text[: amount.start])
    return amount.bare and amount.scale == 1.0 and beside is not None
