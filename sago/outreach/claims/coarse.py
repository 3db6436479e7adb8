"""How exactly a figure may be told to somebody who sees bands, or none: in the band that its event tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from sago.domain.amounts import Amount, find_amounts
from sago.domain.companies import Granularity
from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.reading import Claim, Match, Text

_DASH = re.compile(r"\s?[–—]\s?|(?<=\d)-(?=\d)")
_AT_LEAST = re.compile(r"\b(?:over|above|more than|at least)\s*$", re.I)
_AT_MOST = re.compile(r"\b(?:under|below|less than|at most|up to)\s*$", re.I)
_BETWEEN = re.compile(r"\bbetween\s*$", re.I)
Range = tuple[float, float, str]


def is_coarse(claim: Claim, match: Match, text: Text, granularity: Granularity) -> bool:
    """Whether a figure of an event may stand so in a letter of that granularity. Numbers that only name something, and
    what the watch or the company says, may."""
    if granularity is Granularity.EXACT or claim.kind != "figure" or claim.events is None:
        return True
    said = text.text[claim.start : claim.end]
    amount = next((each for each in text.amounts if (each.start, each.end) == (claim.start, claim.end)), None)
    if amount is None:
        return not any(not each.bare for each in find_amounts(said))
    return granularity is Granularity.BANDS and _is_banded(amount, text, match.ground)


def _is_banded(amount: Amount, text: Text, ground: Ground) -> bool:
    told = {each for said in (*ground.texts, *(saying.text for saying in ground.computed)) for each in _ranges(said)}
    before = text.text[: amount.start]
    for first, last, found in _pairs(text.text, text.amounts):
        if amount in (first, last):
            return found in told
    if _AT_LEAST.search(before):
        return any(amount.value == low and amount.unit == unit for low, _, unit in told)
    return bool(_AT_MOST.search(before)) and any(amount.value == high and amount.unit == unit for _, high, unit in told)


def _ranges(text: str) -> Iterator[Range]:
    return (found for _, _, found in _pairs(text, tuple(find_amounts(text))))


def _pairs(text: str, amounts: tuple[Amount, ...]) -> Iterator[tuple[Amount, Amount, Range]]:
    """Both ends of each range as bands are written: `$2M–5M`, `between $2M and $5M`, `-20% to -10%`."""
    for first, last in pairwise(amounts):
        joint = text[first.end : last.start]
        if first.unit == last.unit and (
            _DASH.fullmatch(joint)
            or (joint == " and " and _BETWEEN.search(text[: first.start]))
            or (joint == " to " and first.value < 0)
        ):
            yield first, last, (first.value, last.value, last.unit)
