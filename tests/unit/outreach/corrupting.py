"""One figure, date or name of a letter changed, so that the letter says something else.

A change counts only where what is said then is not true by accident: the new figure, date or name must not stand in
the very event that the old one was taken from. That is the only exclusion; what other events say is a change like any
other.
The minutes that a letter asks for are no claim, and are left alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sago.domain.amount_words import ISO_CODES
from sago.domain.amounts import find_amounts
from sago.domain.events import Event
from sago.domain.everyday import everyday_words
from sago.domain.letters import Highlight, LetterDraft, LetterRequest
from sago.outreach.checking import written

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAY = re.compile(rf"\b(?P<day>\d{{1,2}}) (?P<month>{'|'.join(MONTHS)})(?: (?P<year>20\d\d))?\b")
_CODES = "|".join(sorted(ISO_CODES))
_FIGURE = re.compile(
    rf"(?<![\w.,#/-])(?:(?P<sign>[$€£¥₹])|(?P<code>{_CODES}) )?"
    r"(?P<digits>\d+(?:,\d{3})*(?:\.\d+)?)(?P<scale>[kMB](?!\w))?(?P<percent>%| percent)?(?![\w/-]|[.,]\d)"
)
_PERCENT_BEHIND = re.compile(r"–\d+%")
"""`30–40%` is `30%–40%`."""
_NAME = re.compile(r"\b[A-Z][a-zà-ÿ]{2,}(?: [A-Z][a-zà-ÿ]{2,})*")
_METRICS = {
    "ARR": "MRR",
    "MRR": "ARR",
    "NRR": "GRR",
    "DAU": "MAU",
    "MAU": "WAU",
    "customers": "users",
    "users": "customers",
}
_WORDS = ("two million", "half a million", "a dozen", "three hundred", "forty thousand", "seventeen")
_OTHERS = ("Northwind Traders", "Zephyr Dynamics", "Walmart", "Goldman", "Delta", "Ostrander", "Quillon")
_PEOPLE = ("Marcus", "Elena", "Whitfield", "Oyelaran")
_ALIKE = str.maketrans("AaCcEeOoPpKMTHBXyx", "АаСсЕеОоРрКМТНВХух")


class Place(NamedTuple):
    """A text of the letter: subject, body or a highlight, with the events it may speak of."""

    where: str
    text: str
    events: tuple[Event, ...]


class Corruption(NamedTuple):
    """A letter that is not true any more, and what was changed in it."""

    kind: str
    draft: LetterDraft
    old: str
    new: str
    where: str


class Change(NamedTuple):
    start: int
    end: int
    new: str


Changes = Callable[[Place, LetterRequest, random.Random], Iterator[Change]]


def corrupt(draft: LetterDraft, request: LetterRequest, kind: str, chance: random.Random) -> Corruption | None:
    """The letter with one claim changed in this way, or None where it has no such claim."""
    places = _places(draft, request)
    chance.shuffle(places)
    for place in places:
        found = [each for each in KINDS[kind](place, request, chance) if place.text[each.start : each.end] != each.new]
        if found:
            change = chance.choice(found)
            return Corruption(
                kind, _changed(draft, place, change), place.text[change.start : change.end], change.new, place.where
            )
    return None


def _places(draft: LetterDraft, request: LetterRequest) -> list[Place]:
    of = {event.id: event for event in request.events}
    lines = [
        Place(f"highlight {n}", written(line), (of[line.event_id],)) for n, line in enumerate(draft.highlights, start=1)
    ]
    body = draft.body
    for line in draft.highlights:
        body = body.replace(written(line), " " * len(written(line)), 1)
    return [Place("subject", draft.subject, request.events), Place("body", body, request.events), *lines]


def _changed(draft: LetterDraft, place: Place, change: Change) -> LetterDraft:
    text = f"{place.text[: change.start]}{change.new}{place.text[change.end :]}"
    if place.where == "subject":
        return draft.model_copy(update={"subject": text})
    if place.where == "body":
        body = draft.body[: change.start] + change.new + draft.body[change.end :]
        return draft.model_copy(update={"body": body})
    number = int(place.where.split()[1]) - 1
    line = draft.highlights[number]
    heading = line.heading if text.startswith(f"{line.heading}: ") else text.split(": ", 1)[0]
    new = Highlight(heading=heading, text=text.removeprefix(f"{heading}: "), event_id=line.event_id)
    lines = (*draft.highlights[:number], new, *draft.highlights[number + 1 :])
    return draft.model_copy(update={"body": draft.body.replace(written(line), written(new), 1), "highlights": lines})


def _texts(event: Event) -> list[str]:
    return [event.title, *(proof.quote for proof in event.evidence), *event.stakeholders]


def _figures(place: Place, request: LetterRequest) -> Iterator[re.Match[str]]:
    dated = [match.span() for match in _DAY.finditer(place.text)]
    name = request.company.name
    named = [match.span() for match in re.finditer(re.escape(name), place.text)]
    for match in _FIGURE.finditer(place.text):
        if any(a < match.end() and match.start() < b for a, b in (*dated, *named)):
            continue
        if (
            re.match(r" minutes for a call|-minute| minutes next| minutes", place.text[match.end() :])
            and not match["sign"]
        ):
            continue
        if re.match(r"(?:19|20)\d\d$", match.group()):
            continue
        yield match


def _source(match: re.Match[str], place: Place) -> list[Event]:
    """The events that the old figure may have come from."""
    value = _value(match.group())
    return [event for event in place.events if value is None or value in _values(event)] or list(place.events)


def _value(text: str) -> float | None:
    found = find_amounts(text)
    return found[0].value if len(found) == 1 else None


def _values(event: Event) -> set[float]:
    stated = {metric.value for metric in event.metrics} | {
        12 * metric.value for metric in event.metrics if metric.name == "mrr"
    }
    return stated | {amount.value for text in _texts(event) for amount in find_amounts(text)}


def _is_new(text: str, match: re.Match[str], place: Place) -> bool:
    """Whether the figure in `text` is not another one of the same event, rounded or not."""
    value = _value(text)
    if value is None:
        return False
    known = {each for event in _source(match, place) for each in _values(event)}
    return all(abs(value - each) > 0.02 * abs(each) for each in known)


def _digit(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match in _figures(place, request):
        digits = list(match["digits"])
        at = chance.choice([n for n, digit in enumerate(digits) if digit.isdigit()][:2])
        digits[at] = chance.choice([d for d in "123456789" if d != digits[at]])
        new = match.group().replace(match["digits"], "".join(digits), 1)
        if _is_new(new, match, place):
            yield Change(*match.span(), new)


def _magnitude(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match in _figures(place, request):
        scale = match["scale"]
        digits = match["digits"]
        more = digits.replace(".", "") if "." in digits else f"{digits}0"
        new = match.group().replace(digits, more, 1)
        if scale and chance.random() < 0.5:
            new = match.group().replace(scale, {"k": "M", "M": "k", "B": "M"}[scale])
        if _is_new(new, match, place):
            yield Change(*match.span(), new)


def _sign(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match in _figures(place, request):
        if (
            match.group()[0] != "-"
            and match["digits"].strip("0.,")
            and not place.text[: match.start()].endswith(("~", "below ", "“"))
        ):
            yield Change(*match.span(), f"-{match.group()}")


def _currency(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match in _figures(place, request):
        old = match["sign"] or match["code"]
        if old:
            new = chance.choice([each for each in ("$", "€", "£") if each != old])
            figure = f"{new}{match['digits']}{match['scale'] or ''}"
            units = {a.unit for event in _source(match, place) for text in _texts(event) for a in find_amounts(text)}
            if find_amounts(figure)[0].unit not in units:
                yield Change(*match.span(), figure)


def _unit(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match in _figures(place, request):
        if match["percent"]:
            yield Change(
                *match.span(), match["digits"] + chance.choice(("x", " percentage points", " bps", " customers"))
            )
        elif not (match["sign"] or match["code"] or match["scale"] or _PERCENT_BEHIND.match(place.text, match.end())):
            yield Change(*match.span(), f"{match['digits']}%")


def _period(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match in _figures(place, request):
        if match["sign"] or match["code"]:
            behind = re.match(r" (?:a|per) (?:year|month|quarter)", place.text[match.end() :])
            yield Change(match.start(), match.end() + (behind.end() if behind else 0), f"{match.group()} a week")


def _in_words(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match in _figures(place, request):
        new = chance.choice(_WORDS) + (" dollars" if match["sign"] == "$" else " percent" if match["percent"] else "")
        if _is_new(new, match, place):
            yield Change(*match.span(), new)


def _of_another_event(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    """A figure that another event states, written alike."""
    texts = {event.id: " ".join(_texts(event)) for event in request.events}
    for match in _figures(place, request):
        source = _source(match, place)
        for event in request.events:
            if event in source:
                continue
            for other in _FIGURE.finditer(texts[event.id]):
                if other.group().strip("0123456789.,") == match.group().strip("0123456789.,") and _is_new(
                    other.group(), match, place
                ):
                    yield Change(*match.span(), other.group())


def _metric(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    """The figure is right, and is told of something else."""
    for match in _figures(place, request):
        near = Change(match.end(), match.end() + 24, "")
        for word, other in _METRICS.items():
            for found in re.finditer(rf"(?<!\w){word}(?!\w)", place.text[: near.end]):
                is_beside = 0 <= found.start() - match.end() <= 12 or 0 <= match.start() - found.end() <= 12
                between = place.text[min(found.end(), match.end()) : max(found.start(), match.start())]
                stated = " ".join(text for event in _source(match, place) for text in _texts(event))
                names = {m.name for event in _source(match, place) for m in event.metrics}
                if (
                    is_beside
                    and not re.search(r"[,;:.]", between)
                    and other not in stated
                    and other.lower() not in names
                ):
                    yield Change(*found.span(), other)


def _days(place: Place, request: LetterRequest) -> Iterator[tuple[re.Match[str], date, set[date]]]:
    for match in _DAY.finditer(place.text):
        year = int(match["year"] or request.as_of.year)
        day = date(year, MONTHS.index(match["month"]) + 1, int(match["day"]))
        known = {event.occurred_at.date() for event in place.events}
        known |= {r.as_of.date() for r in request.verdict.results if r.as_of}
        known |= {request.watch.met_on} if request.watch.met_on else set()
        yield match, day, known


def _written_day(day: date, match: re.Match[str]) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}" + (f" {day.year}" if match["year"] else "")


def _stands(text: str, place: Place) -> bool:
    return any(text in each for event in place.events for each in _texts(event))


def _day(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match, day, known in _days(place, request):
        new = day + timedelta(days=chance.choice((-1, 1, 3, -9)))
        if new.month == day.month and new not in known and not _stands(_written_day(new, match), place):
            yield Change(*match.span(), _written_day(new, match))


def _month(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match, day, known in _days(place, request):
        new = date(day.year, (day.month + chance.choice((0, 1, 5, 10))) % 12 + 1, min(day.day, 28))
        if new not in known and new.month != day.month and not _stands(_written_day(new, match), place):
            yield Change(*match.span(), _written_day(new, match))


def _year(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for match, day, _ in _days(place, request):
        yield Change(*match.span(), f"{day.day} {MONTHS[day.month - 1]} {day.year + chance.choice((-1, 1))}")


def _weekday(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    for match, day, _ in _days(place, request):
        wrong = chance.choice([name for number, name in enumerate(names) if number != day.weekday()])
        yield Change(*match.span(), f"{wrong}, {match.group()}")


def _day_of_another(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    """The day of another event, or of the meeting."""
    others = {event.occurred_at.date() for event in request.events} | ({request.watch.met_on} - {None})
    for match, day, _ in _days(place, request):
        own = {event.occurred_at.date() for event in place.events} if len(place.events) == 1 else set()
        own |= {other for other in others if (other.month, other.day) == (day.month, day.day)}
        own |= {r.as_of.date() for r in request.verdict.results if r.as_of and len(place.events) == 1}
        if len(place.events) > 1 and not _is_of_one(match, place):
            continue
        for other in others - own:
            if other is not None and not _stands(_written_day(other, match), place):
                yield Change(*match.span(), f"{other.day} {MONTHS[other.month - 1]} {other.year}")


def _is_of_one(match: re.Match[str], place: Place) -> bool:
    """Whether the sentence around tells an event's title: then its day can be no other's."""
    start = max(place.text.rfind(". ", 0, match.start()), place.text.rfind("\n", 0, match.start())) + 1
    end = place.text.find("\n", match.end())
    around = place.text[start : end if end >= 0 else len(place.text)].lower()
    return sum(event.title.lower().rstrip(".!") in around for event in place.events) == 1


def _names(place: Place, request: LetterRequest) -> Iterator[tuple[int, int, str]]:
    """Names of the events, of the company and of the two people, where they stand in the letter."""
    people = [
        request.company.founder or "",
        request.watch.investor.name if request.watch.investor else "",
        request.company.name,
    ]
    found = {part for name in people for part in (name, *name.split()) if len(part) > 2}
    for event in place.events:
        found |= set(_proper(event))
    for name in sorted(found, key=lambda each: (-len(each), each)):
        for match in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", place.text):
            yield match.start(), match.end(), name


def _proper(event: Event) -> list[str]:
    """Names in a title: capitalised rows inside it that a quote writes large inside a sentence too."""
    quotes = " ".join(proof.quote for proof in event.evidence)
    rows = [match.group() for match in _NAME.finditer(event.title)]
    rows = [row for row in rows if row not in MONTHS and not {word.lower() for word in row.split()} & everyday_words()]
    return [row for row in rows if re.search(rf"[a-z,] {re.escape(row)}(?!\w)", f"{event.title[1:]} {quotes}")]


def _swapped(place: Place, request: LetterRequest, chance: random.Random, new: Sequence[str]) -> Iterator[Change]:
    own = " ".join(text for event in place.events for text in _texts(event)) if len(place.events) == 1 else ""
    for start, end, old in _names(place, request):
        source = own or " ".join(t for event in request.events if old in _texts(event)[0] for t in _texts(event))
        for other in new:
            if other and other not in source and other not in old and old not in other:
                yield Change(start, end, other)


def _name_of_another_event(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    """The company's own name is left out: it may stand in any sentence of its letter."""
    own = request.company.name.split()
    others = [name for event in request.events for name in _proper(event) if name not in own]
    return _swapped(place, request, chance, others)


def _name_of_nobody(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    return _swapped(place, request, chance, [chance.choice(_OTHERS)])


def _person(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    """Somebody else: also the letter's other person, and a first name for another."""
    people = [request.company.founder or "", request.watch.investor.name if request.watch.investor else ""]
    for start, end, old in _names(place, request):
        mine = next((name for name in people if old and old in name), None)
        others = [part for name in people if name != mine for part in name.split()[:1]] if mine else []
        for other in (*others, chance.choice(_PEOPLE)) if mine else ():
            yield Change(start, end, other)


def _misspelt(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for start, end, name in _names(place, request):
        if len(name) < 5:
            continue
        at = chance.randrange(2, len(name) - 1)
        new = name[:at] + name[at + 1 :] if name[at].isalpha() and name[at - 1] != name[at] else f"{name}h"
        if not _stands(new, place) and new[-1] != " ":
            yield Change(start, end, new)


def _look_alike(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    for start, end, name in _names(place, request):
        at = next((n for n, letter in enumerate(name) if letter.translate(_ALIKE) != letter), None)
        if at is not None:
            yield Change(start, end, name[:at] + name[at].translate(_ALIKE) + name[at + 1 :])
        yield Change(start, end, f"{name[:2]}\u200b{name[2:]}")


_TURNS = {
    "signed": ("rejected", "almost signed", "verbally signed"),
    "reached": ("nearly reached", "briefly reached"),
    "joined": ("almost joined", "left"),
    "grew": ("briefly grew",),
}
_RATE = re.compile(r" (?:a|per) (?:year|month)\b")
_ON_DAY = re.compile(rf"\bon \d{{1,2}} (?P<month>{'|'.join(MONTHS)})(?: 20\d\d)?\b")


def _turned(place: Place, request: LetterRequest, chance: random.Random) -> Iterator[Change]:
    """An act rejected or hedged, a rate told as a total, a day as a period: not where an event writes it so."""
    for verb, turns in _TURNS.items():
        for match in re.finditer(rf"\b{verb}\b", place.text):
            yield Change(*match.span(), chance.choice(turns))
    for match in _RATE.finditer(place.text):
        if any(figure.end() == match.start() for figure in _figures(place, request)):
            yield Change(*match.span(), " in total")
    for match in _ON_DAY.finditer(place.text):
        is_met = re.search(r"\b(?:met|meeting|told me|told you) $", place.text[: match.start()])
        if not is_met and not _stands(f"since {match['month']}", place):
            yield Change(*match.span(), f"since {match['month']}")


KINDS: dict[str, Changes] = {
    "figure: a digit": _digit,
    "figure: the magnitude": _magnitude,
    "figure: the sign": _sign,
    "figure: the currency": _currency,
    "figure: the unit": _unit,
    "figure: the period": _period,
    "figure: in words": _in_words,
    "figure: of another event": _of_another_event,
    "figure: of another metric": _metric,
    "date: the day": _day,
    "date: the month": _month,
    "date: the year": _year,
    "date: the day of the week": _weekday,
    "date: of another event": _day_of_another,
    "name: of another event": _name_of_another_event,
    "name: of nobody in it": _name_of_nobody,
    "name: of another person": _person,
    "name: misspelt": _misspelt,
    "name: with a look-alike": _look_alike,
    "verb, adverb or period": _turned,
}
