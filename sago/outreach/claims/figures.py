"""Figures: each must be one of a proof's, of the same metric, unit and period, as exact as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sago.domain.amount_words import CURRENCY_WORDS
from sago.domain.amounts import Amount, find_amounts
from sago.domain.claims import direction_in, period_of
from sago.domain.companies import Granularity
from sago.domain.events import EventType
from sago.domain.metrics import METRICS, is_currency
from sago.domain.wording import SYMBOLS, figure, metric_label, plain
from sago.outreach.claims.grounds import DENIED, TOKEN, UNDECIDED, Ground, Saying, Stated, way_of
from sago.outreach.claims.measures import measure_beside, tells
from sago.outreach.claims.passages import WORD, Span, stem, stems_of
from sago.outreach.claims.reading import Claim, Match, Text

MOST_ROUNDED = 0.02
"""A figure rounded by more than this share of itself is another figure: 1.6M is not $2M."""
_MONTHS_A_YEAR = 12
_ASKED_MINUTES = {15.0, 20.0, 30.0, 45.0, 60.0}
ASKS = re.compile(r"\b(call|talk|speak|chat|meet|walk|find|free|time for|minutes with)\b", re.I)
_ANNUAL = re.compile(r"\s*\)?\s*(?:of\s+|in\s+)?(?:ARR|annual)", re.I)
_ABOUT = re.compile(r"(?:[~≈]|\b(?:about|around|roughly|some|approximately|close to))\s*$", re.I)
_POINTS = re.compile(r"(?:\bpps?|points?)\s*$", re.I)
_PERIOD = re.compile(r"\s?(?:/|(?:per|an?|each|every)\s)\s?(day|week|month|quarter|year)\b", re.I)
_AIM = re.compile(
    r"\b(?:ask(?:s|ed|ing)?|want(?:s|ed|ing)?|need(?:s|ed)?|bars?|marks?|thresholds?|lines?|conditions?|reasons?|hop(?:ed|ing)|"
    r"look(?:ed|ing) for|wait(?:ed|ing) for|set|named|mentioned|hurdles?|targets?|levels?)\b",
    re.I,
)
_BEYOND = re.compile(
    r"\b(?:past|above|over|beyond|exceed\w*|crossed|cleared|than|at least|against|passed|topped)(?: (?:the|your|my|our|a))*\s*$",
    re.I,
)
_PAST = re.compile(
    r"\b(?:from|was|were|earlier|before|previous(?:ly)?|formerly|then|vs|versus|against|compared|up|down)\b", re.I
)
_BY = re.compile(r"\bby\s*(?:about|around|roughly)?\s*$", re.I)
_BAND = re.compile(r"\b(?:over|above|more than|at least|under|below|less than|at most|up to|between|from)\s*$", re.I)
_NOUN = re.compile(
    r"\s(?:(?:new|more|paying|active|named|other|further|additional)\s)?([a-z][\w-]+)(?:\s([a-z][\w-]+))?"
)
_NO_NOUN = frozenset(
    [
        "in",
        "on",
        "at",
        "by",
        "to",
        "of",
        "for",
        "from",
        "as",
        "and",
        "or",
        "with",
        "within",
        "since",
        "after",
        "before",
        "was",
        "were",
        "is",
        "are",
        "has",
        "have",
        "had",
        "now",
        "then",
        "than",
        "per",
        "a",
        "an",
        "the",
        "this",
        "that",
        "last",
        "while",
        "when",
        "where",
        "it",
        "its",
        "we",
        "you",
        "our",
        "your",
        "i",
        "so",
        "but",
        "which",
        "who",
        "up",
        "down",
        "over",
        "under",
        "more",
        "across",
        "during",
        "until",
    ]
)
COUNTED = frozenset(
    stem(word)
    for word in [
        "customers",
        "users",
        "people",
        "employees",
        "engineers",
        "deals",
        "contracts",
        "partners",
        "countries",
        "cities",
        "offices",
        "hospitals",
        "banks",
        "seats",
        "logos",
        "pilots",
        "teams",
        "stores",
        "sites",
        "subscribers",
        "accounts",
        "members",
        "downloads",
        "hires",
        "investors",
        "merchants",
        "patients",
        "students",
        "schools",
        "drivers",
        "vehicles",
        "orders",
        "transactions",
        "clients",
        "companies",
        "firms",
        "plants",
        "factories",
        "markets",
        "languages",
        "integrations",
        "months",
        "weeks",
        "days",
        "years",
        "quarters",
        "hours",
        "minutes",
        "licences",
        "brokers",
        "underwriters",
        "carriers",
        "airlines",
    ]
)
_MULTIPLES = re.compile(
    r"\b(?:doubl\w+|tripl\w+|trebl\w+|quadrupl\w+|halv(?:ed|es|ing)|(?:two|three|four|five|ten)fold|twice|thrice|"
    r"(?:a|one|two|three|by|in)[ -](?:half|thirds?|quarters?|fifths?|tenth)|half (?:of|the|our|your|its|their)|dozens|scores of|"
    r"hundreds|thousands|millions|billions|majority|most of (?:our|your|their|its|the)|a handful)\b",
    re.I,
)  # fmt: skip
_CLOCK = re.compile(r"\d{1,2}(?:[:.]\d\d)?(?:[ap]m)?$", re.I)


def figure_claims(text: Text) -> Iterator[Claim]:
    """Every figure of the text, those told in words and those that only name something too."""
    dated = [Span(day.start, day.end) for day in text.days]
    for amount in text.amounts:
        if any(day.holds(amount.start, amount.end) for day in dated) or _is_asked_time(amount, text):
            continue
        yield _claim(amount, text)
    yield from _multiples(text)
    yield from _tokens(text, dated)


def _claim(amount: Amount, text: Text) -> Claim:
    clause = text.clause(amount.start)
    measure = measure_beside(text.text, amount, text.amounts, clause)
    named = _named_metrics(amount, text)
    matches = list(_proven(amount, text))
    whys: list[str] = []
    if not matches:
        for ground in text.grounds:
            for stated in ground.figures:
                _try(amount, stated, ground, measure, named, text, matches, whys)
        matches += _annual(amount, measure, text)
        matches += _asked(amount, measure, text)
    why = max(whys, key=len) if whys else _nearest(amount, measure, text)
    return Claim("figure", amount.start, amount.end, tuple(matches), why, is_anchor=measure is not None or bool(named))


def _named_metrics(amount: Amount, text: Text) -> frozenset[str]:
    """The names of the events' metrics that stand right behind the figure: `$9M round size`."""
    written = re.search(r"[a-z-]*$", amount.text)
    behind = re.split(r"[,;:.()–]", text.text[amount.end : text.sentence(amount.start).end])[0]
    words = [stem(word) for word in WORD.findall(f"{written[0] if written else ''} {behind}")[:7]]
    alike = [f for ground in text.grounds for f in ground.figures if f.amount is None and f.unit == amount.unit]
    names = {figure.name for figure in alike if figure.name}
    return frozenset(
        name for name in names if any(parts and set(parts) <= set(words[: len(parts) + 1]) for parts in _forms(name))
    )


def _forms(name: str) -> list[list[str]]:
    """The stems of a metric's name, and of what else it is called."""
    name = name.removeprefix("earlier ")
    kind = METRICS.get(name)
    forms = [name.replace("_", " "), *(kind.aliases if kind else ()), *(("contract",) if "contract" in name else ())]
    return [[stem(word) for word in WORD.findall(form)] for form in forms]


def _proven(amount: Amount, text: Text) -> Iterator[Match]:
    """Where the figure stands in a repeated passage: the quote that states it, else the passage's own."""
    for match in text.repeated(amount.start, amount.end):
        near = [f for f in match.ground.figures if f.unit == amount.unit and _value(amount, f)[1]]
        told = [f for f in near if f.amount and f.saying.proof]
        best = next((f for f in told if _value(amount, f)[0]), next(iter(told), None))
        if best is None:
            yield match
        else:
            how = _how(amount, best, best.saying, is_exact=_value(amount, best)[0])
            yield match._replace(saying=best.saying, how=how)


def _saying(ground: Ground, value: float) -> Saying | None:
    """The first quote that states the value."""
    stating = (f.saying for f in ground.figures if f.amount and f.saying.proof and f.value == value)
    return next(stating, None)


def _try(
    amount: Amount,
    stated: Stated,
    ground: Ground,
    measure: str | None,
    named: frozenset[str],
    text: Text,
    matches: list[Match],
    whys: list[str],
) -> None:
    is_exact, is_near = _value(amount, stated)
    if not is_near:
        return
    if why := _objection(amount, stated, ground, measure, text) or _other_name(stated, ground, named):
        whys.append(why)
        return
    said = _saying(ground, stated.value) or stated.saying
    matches.append(Match(ground, said, _how(amount, stated, said, is_exact=is_exact)))


def _value(amount: Amount, stated: Stated) -> tuple[bool, bool]:
    """Whether the figure is exactly the stated one, and whether it is at the precision it is written with."""
    gap, expected = abs(amount.value - stated.value), abs(stated.value)
    exact = gap <= 1e-9 * expected
    return exact, exact or (amount.scale > 1 and gap <= _quantum(amount) / 2 and gap <= MOST_ROUNDED * expected)


def _quantum(amount: Amount) -> float:
    """The value of the last digit written: 100,000 in `$2.1M`."""
    decimals = re.search(r"[.,](\d{1,2})(?!\d|[.,]\d)", amount.text)
    return float(amount.scale * 10.0 ** -(len(decimals[1]) if decimals else 0))


def _how(amount: Amount, stated: Stated, said: Saying, *, is_exact: bool) -> str:
    written = amount.text.strip("~≈ ")
    if stated.how:
        return stated.how
    if not is_exact:
        return f"{exactly(stated.value, stated.unit)} → {written}"
    if written in said.text:
        return ""
    source = stated.amount.text if stated.amount else exactly(stated.value, stated.unit)
    return f"{source} → {written}" if source != written else "as the event has it"


def exactly(value: float, unit: str) -> str:
    """A figure with all its digits: `$2,104,000`."""
    if is_currency(unit):
        sign = SYMBOLS.get(unit)
        return f"{sign}{plain(value)}" if sign is not None else f"{unit} {plain(value)}"
    return figure(value, unit)


def _objection(amount: Amount, stated: Stated, ground: Ground, measure: str | None, text: Text) -> str:
    """Why a figure of this value is not the stated one; empty where it is."""
    clause = text.clause(amount.start)
    own = text.own_words(clause)
    if not _same_unit(amount, stated, measure):
        return f"is {exactly(stated.value, stated.unit)} in “{ground.label}”"
    if amount.unit == "percent" and _in_points(amount) != _told_in_points(stated, ground):
        return f"mixes percent and points: “{stated.saying.text}”"
    if stated.open and not (UNDECIDED.search(own) or DENIED.search(own)):
        return f"is no fact there but planned, conditional or denied: “{_short(stated.saying.text)}”"
    if measure and not tells(measure, stated.measures, ground.event_type) and not _names(measure, ground, stated):
        told = ", ".join(sorted(metric_label(each) for each in stated.measures)) or "none"
        return f"is told of {metric_label(measure)}; in “{ground.label}” it is of {told}"
    return (
        _other_thing(amount, stated, ground, text)
        or _other_period(amount, stated, ground, text)
        or _other_role(amount, stated, ground, own)
        or _other_way(amount, stated, ground, own, text)
    )


def _other_name(stated: Stated, ground: Ground, named: frozenset[str]) -> str:
    """A figure written with the name of another metric of the events."""
    own = {f.name for f in ground.figures if f.amount is None and f.value == stated.value}
    return f"is not of {', '.join(sorted(named))} in “{ground.label}”" if named and not named & own else ""


def _names(measure: str, ground: Ground, stated: Stated) -> bool:
    """Whether a figure without a metric of its own stands in a text that speaks of that metric alone."""
    return not stated.measures and stated.amount is None and measure in stated.name


def _in_points(amount: Amount) -> bool:
    return _POINTS.search(amount.text) is not None


def _told_in_points(stated: Stated, ground: Ground) -> bool:
    told = (
        [stated] if stated.amount else [each for each in ground.figures if each.amount and each.value == stated.value]
    )
    return any(each.amount is not None and _in_points(each.amount) for each in told)


def _same_unit(amount: Amount, stated: Stated, measure: str | None) -> bool:
    if amount.bare:
        if stated.bare or stated.unit == "count":
            return True
        return is_currency(stated.unit) and amount.scale > 1 and measure is not None
    return amount.unit == stated.unit


def _other_thing(amount: Amount, stated: Stated, ground: Ground, text: Text) -> str:
    """A count must count what it counts in the proof."""
    if amount.unit != "count":
        return ""
    match = _NOUN.match(text.text, amount.end)
    words = [stem(word) for word in (match.groups() if match else ()) if word and word not in _NO_NOUN]
    if match and match[1] in _NO_NOUN:
        words = []
    context = stated.context | (ground.stems if stated.amount is None else frozenset())
    wrong = [word for word in words if word in COUNTED and word not in context]
    if not wrong and (not words or any(word in context for word in words)):
        return ""
    return f"counts other things in “{ground.label}”: {_short(stated.saying.text)}"


def _other_period(amount: Amount, stated: Stated, ground: Ground, text: Text) -> str:
    behind = _PERIOD.match(text.text, amount.end)
    period = amount.period or (behind and behind[1].lower())
    if period is None:
        return ""
    same = [stated] if stated.amount else [stated, *(each for each in ground.figures if each.value == stated.value)]
    told = {each.amount.period for each in same if each.amount} | {
        period_of(name) for name in (stated.name, *stated.measures)
    }
    return "" if period in told else f"is not said for a {period}: “{_short(stated.saying.text)}”"


def _other_role(amount: Amount, stated: Stated, ground: Ground, own: str) -> str:
    if stated.earlier and amount.role != "from" and not _PAST.search(own):
        return f"is the earlier value in “{ground.label}”"
    if (
        amount.role == "from"
        and not stated.earlier
        and any(f.earlier and f.measures == stated.measures for f in ground.figures)
    ):
        return f"is the newer value in “{ground.label}”"
    return ""


def _other_way(amount: Amount, stated: Stated, ground: Ground, own: str, text: Text) -> str:
    """A rise told as a fall, or a level told as a change."""
    told = direction_in(own, adverbs=False)
    ways = way_of(ground) | {way for saying in ground.sayings if (way := direction_in(saying.text))}
    if told == "down" and "down" not in ways:
        return f"did not fall: “{ground.label}”"
    if told == "up" and "up" not in ways and ("down" in ways or ground.event_type is EventType.SETBACK):
        return f"did not rise: “{ground.label}”"
    before = text.text[: amount.start]
    is_change = bool(_BY.search(before)) or (
        told is not None and amount.unit == "percent" and not re.search(r"\bto\s*$", before)
    )
    if told and is_change and not ways:
        return f"is a level, not a change: “{ground.label}”"
    return ""


def _annual(amount: Amount, measure: str | None, text: Text) -> Iterator[Match]:
    """Twelve times an MRR, where the letter marks it as about so much ARR."""
    before = text.text[: amount.start]
    marked = _ABOUT.search(before) is not None or amount.text.startswith(("~", "≈"))
    if _PERIOD.match(text.text, amount.end) or amount.period not in (None, "year"):
        return
    if not marked or not (_ANNUAL.match(text.text, amount.end) or measure == "arr"):
        return
    for ground in text.grounds:
        for mrr in ground.monthly:
            if _value(amount, mrr._replace(value=mrr.value * _MONTHS_A_YEAR))[1] and amount.unit == mrr.unit:
                written = f"{figure(mrr.value, mrr.unit)} × {_MONTHS_A_YEAR} → {amount.text.strip('~≈ ')} ARR"
                yield Match(ground, _saying(ground, mrr.value) or mrr.saying, f"MRR {written}")


def _asked(amount: Amount, measure: str | None, text: Text) -> Iterator[Match]:
    """The watch's own threshold, where the letter speaks of what was asked for."""
    sentence = text.sentence(amount.start)
    low = max((each.end for each in text.amounts if each.end <= amount.start), default=0)
    high = min((each.start for each in text.amounts if each.start >= amount.end), default=len(text.text))
    before, behind = text.text[max(low, sentence.start) : amount.start], text.text[amount.end : min(high, sentence.end)]
    nearby = re.split(r"[,;:]\s", behind)[0]
    if not (_BEYOND.search(before) or _AIM.search(nearby) or _AIM.search(re.split(r"[,;:]\s", before)[-1])):
        return
    for stated in text.all.watch.figures:
        if _other_period(amount, stated, text.all.watch, text):
            continue
        fits = (
            amount.bare
            or stated.unit == amount.unit
            or (stated.bare and stated.unit == "count" and stated.amount is not None)
        )
        if (
            _value(amount, stated)[0]
            and fits
            and (measure is None or not stated.measures or measure in stated.measures)
        ):
            yield Match(text.all.watch, stated.saying, "the watch's own threshold")


def _is_asked_time(amount: Amount, text: Text) -> bool:
    """The minutes a letter asks for, in a sentence that asks to speak."""
    if amount.unit != "minutes" or amount.value not in _ASKED_MINUTES:
        return False
    sentence = text.sentence(amount.start)
    return ASKS.search(text.text[sentence.start : sentence.end]) is not None


def _multiples(text: Text) -> Iterator[Claim]:
    """`doubled`, `half of`, `dozens`: said only where a proof says so."""
    for match in _MULTIPLES.finditer(text.text):
        if any(amount.start <= match.start() < amount.end for amount in text.amounts):
            continue
        matches = text.repeated(*match.span()) or tuple(
            Match(ground, ground.sayings[0])
            for ground in text.grounds
            if {stem(word) for word in WORD.findall(match.group()) if len(word) > 3} <= ground.stems
        )
        yield Claim("figure", *match.span(), matches)


def _tokens(text: Text, dated: list[Span]) -> Iterator[Claim]:
    """Digits that are neither an amount nor a date: `ISO 27001`, `v2.1`, a telephone number."""
    taken = [*dated, *(Span(each.start, each.end) for each in text.amounts)]
    for match in TOKEN.finditer(text.text):
        word = match.group().strip("./+-").lower()
        start = match.start() + match.group().lower().index(word)
        if any(span.start < start + len(word) and start < span.end for span in taken):
            continue
        misread = [each for each in find_amounts(text.text[start : text.clause(start).end]) if each.start == 0]
        if misread and not misread[0].bare:
            amount = replace(misread[0], start=start, end=start + misread[0].end)
            if not _is_asked_time(amount, text):
                yield _claim(amount, text)
            continue
        sentence = text.sentence(start)
        if _CLOCK.match(word) and ASKS.search(text.text[sentence.start : sentence.end]):
            continue
        matches = text.repeated(start, start + len(word)) or tuple(
            Match(ground, ground.sayings[0])
            for ground in (*text.grounds, text.all.company)
            if word in ground.tokens and _stands_so(word, text.text[:start], ground)
        )
        yield Claim("figure", start, start + len(word), matches)


def _stands_so(word: str, before: str, ground: Ground) -> bool:
    """Whether a number that names something stands behind the same word in the proof: `SOC 2`."""
    named = re.search(r"([A-Z][\w-]*)\s$", before)
    if not word.isdigit() or not named:
        return True
    return any(f"{named[1]} {word}".casefold() in " ".join(each.split()).casefold() for each in ground.texts)


def _nearest(amount: Amount, measure: str | None, text: Text) -> str:
    """What the events say of that metric, or of that kind of figure, instead."""
    stated = [
        figure(f.value, f.unit)
        for ground in text.grounds
        for f in ground.figures
        if f.amount is None and not f.earlier and (measure in f.measures if measure else f.unit == amount.unit)
    ]
    if not stated:
        return "stands in no cited event"
    of = f" of {metric_label(measure)}" if measure in METRICS else ""
    return f"stands in no cited event; what is said{of} there: {', '.join(dict.fromkeys(stated))}"


def coarse(claim: Claim, text: Text, granularity: Granularity) -> bool:
    """Whether a figure of an event may stand in a letter of that granularity: in a band only, or not at all."""
    if granularity is Granularity.EXACT or claim.kind != "figure" or claim.events is None:
        return True
    if granularity is Granularity.NONE:
        return False
    amount = next((each for each in text.amounts if (each.start, each.end) == (claim.start, claim.end)), None)
    if amount is None:
        return True
    return amount.role is not None or _BAND.search(text.text[: amount.start]) is not None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"


__all__ = ["ASKS", "CURRENCY_WORDS", "coarse", "exactly", "figure_claims", "stems_of"]
