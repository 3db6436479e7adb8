"""The plain value of digits, of Eastern sums and of number words, whatever text they stand in."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from sago.domain import amount_words as words

LONGEST_DIGITS = 18
_SIGNIFICANT = 15
"""Decimal digits that a float keeps."""
SMALL, LARGE = "".join(words.EASTERN_SMALL), "".join(words.EASTERN_BIG)
"""Magnitudes that multiply within a section (千) and those that end one (万)."""
_EASTERN_PART = re.compile(rf"([\d.,]+)[ ]?([{SMALL}]*)([{LARGE}]?)")
_LARGEST = re.compile(f"[{LARGE}]|$")


def decimal(digits: str, scale: float, unit: str | None, *, divides: bool = False) -> float | None:
    """The plain number in `digits`, whose points and commas group or divide; None where they do neither. A lone comma
    `divides` where the language writes so: three digits behind it are no group then."""
    digits = re.sub(r"[ '’\u00a0\u202f]", "", re.sub(r"\spoint\s", ".", digits, flags=re.I))
    if len(digits) > LONGEST_DIGITS or re.match(r"0\d", digits):
        return None
    marks = re.findall(r"[.,]", digits)
    if len(set(marks)) == 2:
        return _mixed(digits, marks)
    if not marks:
        return float(digits)
    head, *groups = re.split(r"[.,]", digits)
    grouped = all(len(group) in (2, 3) for group in groups) and len(groups[-1]) == 3 and len(head) <= 3 and head != "0"
    if len(groups) > 1:
        return float("".join((head, *groups))) if grouped else None
    counts = unit is None or unit in words.ISO_CODES
    if grouped and ((marks[0] == "," and not divides) or (scale == 1.0 and counts)):
        return float(head + groups[0])
    return float(f"{head}.{groups[0]}")


def _mixed(digits: str, marks: list[str]) -> float | None:
    """`1,234.56` and `1.234,56`: the last mark divides, and may stand once."""
    if marks.count(marks[-1]) > 1:
        return None
    whole, _, part = digits.rpartition(marks[-1])
    return float(f"{re.sub(r'[.,]', '', whole)}.{part}")


def eastern(written: str, unit: str | None) -> float | None:
    """The value of `1億2000万`: each magnitude smaller than the one before, each part smaller than it leaves room for.

    None for `1억2천`, where people leave the last magnitude unsaid; and for a lone `3조`, which may be a team."""
    if written[-1] == "조" and unit is None:
        return None
    total = section = 0.0
    room, above = float("inf"), float("inf")
    for digits, small, big in _EASTERN_PART.findall(written):
        number, times = decimal(digits, 10.0, None), _times(small)
        loose = not big and total and (above > 1e4 or (not small and len(digits) < 3))
        if number is None or number * times >= room or loose:
            return None
        section += number * times
        room = times
        if big:
            times = words.EASTERN_BIG[big]
            if times >= above or section * times >= above:
                return None
            total, section, room, above = total + section * times, 0.0, times, times
    return total + section


def _times(small: str) -> float:
    return math.prod(words.EASTERN_SMALL[each] for each in small)


def exact(value: float) -> float:
    """A value that was worked out, without what binary adds to it: 8.2 times a million is 8,200,000."""
    return value if value.is_integer() else float(f"{value:.{_SIGNIFICANT}g}")


def spoken(spelt: Sequence[str]) -> float | None:
    """The value of number words; behind a `point` stand decimals and magnitudes: `one point four million`."""
    if "point" not in spelt:
        return summed(spelt)
    whole, behind = summed(spelt[: spelt.index("point")]), spelt[spelt.index("point") + 1 :]
    decimals = ""
    for before, word in pairwise(("point", *(word for word in behind if word in words.SMALL_NUMBERS))):
        is_of_tens = before in words.TENS and word in words.DIGITS
        decimals = f"{decimals[:-1] if is_of_tens else decimals}{words.SMALL_NUMBERS[word]}"
    scale = math.prod(words.BIG_NUMBERS[word] for word in behind if word in words.BIG_NUMBERS)
    return None if whole is None or "half" in spelt else float(f"{whole:.0f}.{decimals}") * scale


def summed(spelt: Sequence[str]) -> float | None:
    """`two hundred and six thousand`; a half is of the last magnitude: `one million and a half`."""
    total = current = 0.0
    scale, before = 1.0, ""
    for word in spelt:
        if word == "half":
            current -= before not in ("and", "a", "an")
            if current or not total:
                current += 0.5
            else:
                total += 0.5 * scale
        elif word in ("hundred", "dozen"):
            current = (current or 1.0) * words.BIG_NUMBERS[word]
        elif word in words.BIG_NUMBERS:
            scale = words.BIG_NUMBERS[word]
            follows = total > 0 and not current
            total, current = (total * scale if follows else total + (current or 1.0) * scale), 0.0
        elif word not in ("a", "an", "and"):
            small = words.SMALL_NUMBERS.get(word, 0)
            if current % 10 or (current % 100 and small >= 10):
                return None
            current += small
        before = word
    return total + current


def eastern_scale(written: str) -> float:
    """The magnitude of the first part: 1e6 in `5百万3000`."""
    first, largest = _EASTERN_PART.match(written), _LARGEST.search(written)
    return (_times(first[2]) if first else 1.0) * words.EASTERN_BIG.get(largest[0] if largest else "", 1.0)
