"""Dates: the day of an event, one its quotes write, or the day of the meeting where the letter speaks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sago.domain.wording import day as written_day
from sago.outreach.claims.agreement import agrees
from sago.outreach.claims.calendar import Day, is_day, is_written
from sago.outreach.claims.figures import ASKS
from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.reading import Claim, Match, Text
from sago.outreach.claims.sayings import Stated

_ON = re.compile(r"\s(?:on|in|as of|of)\s")
"""Between a figure and its day."""
_MEETING = re.compile(
    r"\b(?:we|I|you)(?: (?:first|last|had|two|both))? (?:met|spoke|talked|told|said|wrote|passed|asked|thought"
    r"|named|set|gave|listed|mentioned)\b"
    r"|\b(?:long way|followed|following|happened|changed) since\b"
    r"|\b(?:meet|see|speak|talk)(?:ing)? (?:to |with )?you(?= (?:back )?(?:in|on)\b)"
    r"|\bour (?:first |last )?(?:meeting|conversation|call|talk)\b|\bsince (?:then|we|our)\b|\b(?:met|told"
    r"|asked) (?:you|me)\b",
    re.I,
)
_OUR_MEETING = re.compile(
    r"\b(?:we|I|you)(?: (?:first|last|had|two|both))? (?:met|spoke|talked|told (?:me|you))\b|\bour (?:first "
    r"|last )?(?:meeting|conversation|call|talk)\b",
    re.I,
)


_PERIOD = re.compile(
    r"\b(?:an?|one|some) (?:few )?(?:days?|weeks?|months?|quarters?|years?) (?:ago|earlier|later|before)\b"
    r"|\bwithin (?:the |an? |one )?(?:days?|weeks?|months?|quarters?|years?)\b",
    re.I,
)
"""Spans of time that only a text can bear out."""
_SOME_AGO = re.compile(r"\b(?P<unit>days|weeks|months|quarters|years|decades|ages) (?:ago|earlier|before)\b", re.I)
_NUMBERED = re.compile(r"(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)|\bfew) $", re.I)
_OLD = {"days": (2, 20), "weeks": (12, 75), "months": (50, 730), "quarters": (150, 730), "years": (700, 36_500)}
"""How many days ago a thing was that was `weeks ago`, at least and at most."""
_WHEN_MET = re.compile(
    r"\b(?:when|since|until|before) (?:we|I|you) (?:\w+ )?(?:met|spoke|talked|passed)\b|\bsince our \w+", re.I
)
_FROM_ON = re.compile(r"\b(?:since|until|till|by)\s(?:the\s)?$", re.I)
_GREW = re.compile(r"\b(?:up|down|more|from|gr[eo]w\w*|r[io]se\w*|added|increased)\b", re.I)
_HOPED = re.compile(r"\b(?:asked|wanted|hoped|needed|promised|planned|expected|will)\b", re.I)
_OWN_DAY = re.compile(
    r"\bI(?: am|[’']m| will be|[’']ll be)(?: (?!that|told|glad|happy|you|they|sure)[a-z]+){0,5} "
    r"(?:on|until|till|from|by|through) $"
)
"""The sender's own time: `I am in town on`."""
_ASKS_TIME = re.compile(r"\b(?:are you|would|could|shall|can|do you|does|what about|how about)\b[^.!]*\?", re.I)


def date_claims(text: Text) -> Iterator[Claim]:
    """Every date, month, quarter, year and weekday of the text."""
    for day in text.days:
        sentence = text.sentence(day.start)
        said = text.text[sentence.start : sentence.end]
        is_own = day.weekday is not None and _OWN_DAY.search(text.text[sentence.start : day.start])
        asks = is_own or ASKS.search(said) or _ASKS_TIME.search(said)
        if asks and day.relative.startswith(("this", "tonight")):
            continue
        if day.weekday is not None and (asks or _is_beside(day, text)):
            if wrong := _wrong_weekday(day, text):
                yield Claim("date", day.start, day.end, (), wrong)
            continue
        clause = text.clause(day.start)
        around = text.text[clause.start : clause.end]
        matches = [*text.repeated(day.start, day.end), *_of_events(day, text)]
        if _OUR_MEETING.search(around):  # the day beside it is that of the meeting, unless it stands in the reason
            matches = [each for each in matches if _is_in_reason(each, day, text)]
        if _MEETING.search(around) and not re.search(r"\bby\s$", text.text[: day.start], re.I):
            matches += _of_the_meeting(day, text)
        yield Claim("date", day.start, day.end, tuple(matches), _instead(text))
    yield from _periods(text)
    yield from _some_ago(text)
    yield from _earlier_when_met(text)


def _is_in_reason(match: Match, day: Day, text: Text) -> bool:
    """Whether the day is a word of the watch's reason, which the letter repeats."""
    repeats = match in text.repeated(day.start, day.end) and match.ground is text.all.watch
    return repeats and len(match.saying.text.split()) > 1


def _periods(text: Text) -> Iterator[Claim]:
    """`a year ago`, `within a week`: as a text of an event or a condition writes it."""
    for match in _PERIOD.finditer(text.text):
        matches = text.repeated(*match.span()) or tuple(
            Match(ground, saying)
            for ground in (*text.grounds, text.all.watch)
            for saying in (*ground.sayings, *ground.computed)
            if match.group().lower() in saying.text.lower()
        )
        yield Claim("date", *match.span(), matches, "is a time that stands in no cited event")


def _some_ago(text: Text) -> Iterator[Claim]:
    """`years ago`: borne out by a text, or by the days of an event or of the meeting as far as they are so old."""
    for match in _SOME_AGO.finditer(text.text):
        if _NUMBERED.search(text.text[: match.start()]):
            continue  # a figure, or a period
        low, high = _OLD.get(match["unit"].lower(), (1, 0))
        clause = text.clause(match.start())
        met = (text.all.watch,) if _MEETING.search(text.text[clause.start : clause.end]) else ()
        matches = text.repeated(*match.span()) or tuple(
            Match(ground, ground.sayings[0], "counted from its day")
            for ground in (*text.grounds, *met)
            if ground.sayings
            and (
                any(low <= (text.as_of - known).days <= high for known in ground.days)
                or any(match.group().lower() in each.lower() for each in ground.texts)
            )
        )
        yield Claim("date", *match.span(), matches, "is a time that stands in no cited event")


def _earlier_when_met(text: Text) -> Iterator[Claim]:
    """An earlier figure told as that of the meeting's day."""
    for match in _WHEN_MET.finditer(text.text):
        sentence = text.sentence(match.start())
        for amount in text.amounts:
            is_told_of = 0 <= match.start() - amount.end <= 1
            if not sentence.start <= amount.start < sentence.end:
                continue
            if text.repeated(amount.start, amount.end) and not is_told_of:
                continue
            if match.group().lower().startswith("since") and match.start() < amount.start:
                continue  # `Since we met, you reached 214, up from 198`
            same = [f for g in text.grounds for f in g.figures if f.unit == amount.unit and agrees(amount, f)[0]]
            if same and all(f.earlier and f.on not in text.all.watch.days for f in same):
                yield Claim("date", *match.span(), (), "is not the day that the earlier figure is of")


def _of_the_meeting(day: Day, text: Text) -> Iterator[Match]:
    watch = text.all.watch
    saying = next(iter(watch.sayings), text.all.company.sayings[0])
    return (Match(watch, saying, "the day of the meeting") for known in watch.days if is_day(day, known, text.as_of))


def _of_events(day: Day, text: Text) -> Iterator[Match]:
    told = next((each for each in text.amounts if _ON.fullmatch(text.text[each.end : day.start])), None)
    for ground in text.grounds:
        same = [f for f in ground.figures if told and f.unit == told.unit and agrees(told, f)[1]]
        if same and all(figure.earlier for figure in same):
            of = (f for f in same if (f.on and is_day(day, f.on, text.as_of)) or _is_written_behind(day, f, ground))
            yield from (Match(ground, figure.saying, "the day of the earlier figure") for figure in of)
            continue
        for known, saying in ground.written:
            if is_written(day, known) and _from_alike(day, text, saying.text[: known.start]):
                yield Match(ground, saying)
        if not _from_alike(day, text, ""):
            continue
        if any(is_day(day, known, text.as_of) for known in ground.days) and ground.sayings:
            yield Match(ground, ground.sayings[0], "the day it was said")


def _is_written_behind(day: Day, stated: Stated, ground: Ground) -> bool:
    """Whether the proof writes the day right behind the figure: `from $1.4M in January`."""
    return any(
        is_written(day, known) and _ON.fullmatch(saying.text[stated.amount.end : known.start])
        for known, saying in ground.written
        if stated.amount and saying == stated.saying
    )


def _from_alike(day: Day, text: Text, written: str) -> bool:
    """Whether `since`, `until` or `by` before a day stands so in the proof too, or only tells from where it grew."""
    match = _FROM_ON.search(text.text[: day.start])
    if match is None or _FROM_ON.search(written):
        return True
    clause = text.clause(day.start)
    around = text.text[clause.start : clause.end]
    if match.group().strip().lower().startswith("since"):
        return bool(written) and _GREW.search(around) is not None
    return match.group().strip().lower().startswith("by") and _HOPED.search(around) is None


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
