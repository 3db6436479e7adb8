"""Figures that follow from two that one event states, and the line that a condition drew: `$700k more than in January`.

A difference stands with the words of a change only; a share or a multiple also names what it is counted from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sago.domain.amounts import Amount
from sago.domain.wording import figure
from sago.outreach.claims.agreement import MOST_ROUNDED, agrees
from sago.outreach.claims.calendar import Day, is_written
from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.reading import Match, Text
from sago.outreach.claims.sayings import Stated

_MORE = re.compile(r"\s(?:[a-z]+\s)?(?:more|extra|of growth)\b|\s(?:new|more|further|additional)\s")
_GREW = re.compile(
    r"\b(?:up|grew|grown|rose|risen|increased|climbed|gained|added|adding)(?: (?!from\b|to\b)\w+){0,2}?(?: by)?"
    r"\s(?:about |some |around )?$",
    re.I,
)
_BASE = re.compile(r"\b(?:than(?: in| on)?|from|since)\s$", re.I)
_END = re.compile(r"\b(?:to|until|till)\s$", re.I)
_ON = re.compile(r"\s(?:on|in|as of|of)\s")
_MET = re.compile(r"\b(?:met|meeting|spoke|talked|conversation|call|ago)\b", re.I)
_CROSSED = re.compile(r"\b(?:crossed|passed|cleared|reached|past|over|above|beyond)(?: (?:the|your|my|our))*\s$", re.I)
_LINE = re.compile(r"\s(?:line|mark|bar|threshold)\b")
_TIMES = {"by half": 1.5, "doubl": 2.0, "tripl": 3.0, "trebl": 3.0, "quadrupl": 4.0}


def difference(amount: Amount, measure: str | None, text: Text) -> Iterator[Match]:
    """What a figure is more than the earlier one of the same event: `$700k more`, `grew 50% from January`."""
    behind, before = text.text[amount.end :], text.text[text.sentence(amount.start).start : amount.start]
    if not (_MORE.match(behind) or _GREW.search(before)):
        return
    for ground in text.grounds:
        for earlier, now in _pairs(ground):
            if measure and measure not in now.measures:
                continue
            gap, unit = now.value - earlier.value, now.unit
            if amount.unit == "percent" and unit != "percent":
                gap, unit = 100 * gap / earlier.value, "percent"
            is_named = _base(amount.start, earlier, ground, text)
            fits = amount.unit == unit or (amount.bare and unit == "count")
            if gap > 0 and fits and agrees(amount, now._replace(value=gap))[1] and is_named is not None:
                if unit == "percent" and not is_named:
                    continue
                yield Match(ground, now.saying, _how(earlier, now))


def multiple(at: int, said: str, text: Text) -> Iterator[Match]:
    """`by half since January`, `doubled since January`."""
    times = next((value for word, value in _TIMES.items() if said.lower().startswith(word)), None)
    for ground in text.grounds if times else ():
        for earlier, now in _pairs(ground):
            is_near = abs(now.value - (times or 0) * earlier.value) <= MOST_ROUNDED * now.value
            if is_near and _base(at, earlier, ground, text):
                yield Match(ground, now.saying, _how(earlier, now))


def crossed(amount: Amount, measure: str | None, text: Text) -> Iterator[Match]:
    """`the $2M line`: what a condition asks for, told by the first event that is past it."""
    if not (_CROSSED.search(text.text[: amount.start]) and _LINE.match(text.text, amount.end)):
        return
    for asked in text.all.watch.figures:
        if not asked.name or asked.unit != amount.unit or not agrees(amount, asked)[0]:
            continue
        past = [
            (min(ground.days), ground, stated)
            for ground in text.grounds
            for stated in ground.figures
            if ground.days and stated.name == asked.name and stated.unit == asked.unit and stated.value >= asked.value
        ]
        first = min((day for day, _, _ in past), default=None)
        for day, ground, stated in past:
            if day == first and measure in (None, asked.name):
                how = f"{figure(stated.value, stated.unit)} → past {figure(asked.value, asked.unit)}"
                yield Match(ground, stated.saying, how)


def _pairs(ground: Ground) -> Iterator[tuple[Stated, Stated]]:
    """Each figure of an event with the earlier one of the same metric."""
    stated = [each for each in ground.figures if each.amount is None and each.name]
    for earlier in stated:
        name = re.sub(r"^(?:earlier|previous)[ _]", "", earlier.name)
        now = next((each for each in stated if each.name == name and not each.earlier), None)
        if earlier.earlier and now and earlier.value > 0 and earlier.unit == now.unit:
            yield earlier, now


def _base(at: int, earlier: Stated, ground: Ground, text: Text) -> bool | None:
    """Whether the sentence names the earlier figure or its day; None where it counts from another day."""
    sentence = text.sentence(at)
    if _MET.search(text.text[sentence.start : sentence.end]):
        return None
    named = any(
        sentence.start <= each.start < sentence.end and each.unit == earlier.unit and agrees(each, earlier)[0]
        for each in text.amounts
    )
    for day in text.days:
        if not sentence.start <= day.start < sentence.end or text.repeated(day.start, day.end):
            continue
        before = text.text[sentence.start : day.start]
        if _BASE.search(before):
            if not _is_of(day, earlier, ground):
                return None
            named = True
        elif not _END.search(before):
            return None
    return named


def _is_of(day: Day, earlier: Stated, ground: Ground) -> bool:
    """Whether a proof writes the day right behind the earlier figure."""
    return any(
        is_written(day, known) and _ON.fullmatch(saying.text[each.amount.end : known.start])
        for known, saying in ground.written
        for each in ground.figures
        if each.amount and each.saying == saying and each.value == earlier.value
    )


def _how(earlier: Stated, now: Stated) -> str:
    return f"{figure(earlier.value, earlier.unit)} → {figure(now.value, now.unit)}"
