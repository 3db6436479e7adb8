"""Dates: the day of an event, one its quotes write, or the day of the meeting where the letter speaks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sago.domain.wording import day as written_day
from sago.outreach.claims.agreement import agrees
from sago.outreach.claims.calendar import Day, is_day, is_written
from sago.outreach.claims.figures import ASKS
from sago.outreach.claims.reading import Claim, Match, Text

_ON = re.compile(r"\s(?:on|in|as of|of)\s")
"""Between a figure and its day."""
_MEETING = re.compile(
    r"\b(?:we|I|you)(?: (?:first|last|had|two|both))? (?:met|spoke|talked|told|said|wrote|passed|asked|thought)\b"
    r"|\bour (?:first |last )?(?:meeting|conversation|call|talk)\b|\bsince (?:then|we|our)\b|\b(?:met|told"
    r"|asked) (?:you|me)\b",
    re.I,
)
_OUR_MEETING = re.compile(
    r"\b(?:we|I|you)(?: (?:first|last|had|two|both))? (?:met|spoke|talked|told (?:me|you))\b|\bour (?:first "
    r"|last )?(?:meeting|conversation|call|talk)\b",
    re.I,
)


def date_claims(text: Text) -> Iterator[Claim]:
    """Every date, month, quarter, year and weekday of the text."""
    for day in text.days:
        sentence = text.sentence(day.start)
        said = text.text[sentence.start : sentence.end]
        if day.weekday is not None and (ASKS.search(said) or _is_beside(day, text)):
            if wrong := _wrong_weekday(day, text):
                yield Claim("date", day.start, day.end, (), wrong)
            continue
        clause = text.clause(day.start)
        around = text.text[clause.start : clause.end]
        matches = [] if _OUR_MEETING.search(around) else [*text.repeated(day.start, day.end), *_of_events(day, text)]
        if _MEETING.search(around):
            matches += _of_the_meeting(day, text)
        yield Claim("date", day.start, day.end, tuple(matches), _instead(text))


def _of_the_meeting(day: Day, text: Text) -> Iterator[Match]:
    watch = text.all.watch
    saying = next(iter(watch.sayings), text.all.company.sayings[0])
    return (Match(watch, saying, "the day of the meeting") for known in watch.days if is_day(day, known, text.as_of))


def _of_events(day: Day, text: Text) -> Iterator[Match]:
    told = next((each for each in text.amounts if _ON.fullmatch(text.text[each.end : day.start])), None)
    for ground in text.grounds:
        same = [f for f in ground.figures if told and f.unit == told.unit and agrees(told, f)[1]]
        if same and all(figure.earlier for figure in same):
            of = (f for f in same if f.on and is_day(day, f.on, text.as_of))
            yield from (Match(ground, figure.saying, "the day of the earlier figure") for figure in of)
            continue
        for known, saying in ground.written:
            if is_written(day, known):
                yield Match(ground, saying)
        if any(is_day(day, known, text.as_of) for known in ground.days) and ground.sayings:
            yield Match(ground, ground.sayings[0], "the day it was said")


def _is_beside(day: Day, text: Text) -> bool:
    return any(other.day and other is not day and abs(other.start - day.end) <= 2 for other in text.days)


def _wrong_weekday(day: Day, text: Text) -> str:
    """`Tuesday, 14 November` must be a Tuesday."""
    for other in text.days:
        if other.day and 0 <= other.start - day.end <= 2:
            known = {
                each
                for ground in (*text.grounds, text.all.watch)
                for each in ground.days
                if is_day(other, each, text.as_of)
            }
            if known and all(each.weekday() != day.weekday for each in known):
                return "is another day of the week than the date beside it"
    return ""


def _instead(text: Text) -> str:
    days = sorted({known for ground in text.grounds for known in ground.days})
    listed = ", ".join(written_day(each) for each in days)
    return f"is the day of no cited event; theirs are {listed}" if days else "is the day of no cited event"
