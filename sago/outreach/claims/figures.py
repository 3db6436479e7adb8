"""Figures: each must be one of a proof's, of the same metric, unit and period, as exact as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sago.domain.amounts import Amount, find_amounts
from sago.domain.metrics import METRICS
from sago.domain.watches import Direction
from sago.domain.wording import figure, metric_label
from sago.outreach.claims.agreement import PERIOD, agrees, done_to, in_points, objection, other_name, other_period
from sago.outreach.claims.computed import crossed, difference, multiple
from sago.outreach.claims.grounds import TOKEN, Ground
from sago.outreach.claims.measures import measure_beside, measures_in
from sago.outreach.claims.passages import WORD, Span, stem
from sago.outreach.claims.reading import Claim, Match, Text
from sago.outreach.claims.sayings import Saying, Stated

_MONTHS_A_YEAR = 12
_ASKED_MINUTES = {15.0, 20.0, 30.0, 45.0, 60.0}
ASKS = re.compile(r"\b(call|talk|speak|chat|meet|walk|find|free|time for|minutes with)\b", re.I)
_ASKS_FOR = re.compile(
    r"(?:so )?(?:do you|would you|could you|can you|will you|might you|have you) (?:\w+ )?(?:have|got|spare|make|take"
    r"|give|set aside)\b[^.!]*\?|(?:how|what) about\b[^.!]*\?",
    re.I,
)
"""`Do you have 30 minutes next week?`"""
_ANNUAL = re.compile(r"\s*\)?\s*(?:of\s+|in\s+)?(?:ARR|annual)", re.I)
_ABOUT = re.compile(r"(?:[~≈]|\b(?:about|around|roughly|some|approximately|close to))\s*$", re.I)
_ADVERBS = r"(?: (?:had|have|once|first|then|also|originally|both))*"
_DID_ASK = (
    rf"{_ADVERBS} (?:asked(?: for| to see)?|named|set|mentioned|required|wanted(?: to see)?|hoped for|looked for"
    r"|waited for|(?:was|were|been) (?:looking|waiting|hoping|asking) for)\b"
)
_GOAL = r"(?: \w+)? (?:bars?|marks?|thresholds?|lines?|conditions?|hurdles?|targets?|levels?|reasons?)\b"
_ASKER = {
    Direction.TO_FOUNDER: re.compile(rf"\b(?:I|we){_DID_ASK}|\b(?:my|our){_GOAL}", re.I),
    Direction.TO_INVESTOR: re.compile(rf"\byou{_DID_ASK}|\byour{_GOAL}", re.I),
}
_COMMITS = re.compile(
    r"\b(?:invest\w*|pay\w*|paid|wir(?:e|es|ed|ing)|owe[sd]?|set aside|set \S+ aside|tickets?|prices?"
    r"|need(?:s|ed)?|wants?|from you|offer\w*|valuations?|valued|round(?! size)|raising|bank|cheque"
    r"|loan|lend|put in|stake)\b",
    re.I,
)
_WAS_BELOW = re.compile(r"\b(?:was|were|stood)(?: still)? (?:below|under|short of)(?: the)?\s*$", re.I)
_TOLD_THEN = re.compile(r"\b(?:met|spoke|talked|I (?:said|told|passed|wrote)|you (?:said|told|passed|wrote))\b")
_BELOW = re.compile(r"\b(?:below|under|less than)\b|<", re.I)
_MORE_THAN = re.compile(r"\b(?:more than|over|above|well past|past)\s*$", re.I)
_LEAST_SHARE = 0.8
"""Of the stated figure: `more than 200 customers` may be said of 214."""
_SINCE_MET = re.compile(
    r"\s(?:ago\b.*?\b(?:met|passed|spoke|talked)|(?:has|have)?\s*(?:passed )?since (?:we|our|I))\b", re.I
)
_DAYS_OF = {"days": 1.0, "weeks": 7.0, "months": 30.44, "years": 365.25}
_BEYOND = re.compile(
    r"\b(?:past|above|over|beyond|exceed\w*|crossed|cleared|than|at least|against|passed|topped)(?: (?:the"
    r"|your|my|our|a))*\s*$",
    re.I,
)
_BACK = re.compile(r"\b(?:last|past)\s*$", re.I)
_OVER = re.compile(r"\b(?:in|over|during|within)\s(?:the\s)?$", re.I)
_UNTIL = re.compile(r"\s(?:to|until|before|up to)\b", re.I)
_MULTIPLES = re.compile(
    r"\b(?:doubl\w+|tripl\w+|trebl\w+|quadrupl\w+|halv(?:ed|es|ing)|(?:two|three|four|five|ten)fold|twice|thrice|"
    r"(?:a|one|two|three|by|in)[ -](?:half|thirds?|quarters?|fifths?|tenth)|half (?:of|the|our|your|its"
    r"|their)|dozens|scores of|"
    r"hundreds|thousands|millions|billions|majority|most of (?:our|your|their|its|the)|a handful)\b",
    re.I,
)  # fmt: skip
_THINGS = re.compile(r"\s(?:things?|conditions|points)\b")
_LISTED = re.compile(r"\b(?:things?|conditions?|points?):\s$")
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
    if amount.is_money and amount.text.endswith(("%", "percent")):
        return Claim("figure", amount.start, amount.end, (), "has two units")
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
        matches += _looked_back(amount, text)
        matches += _more_than(amount, measure, text)
        matches += _since_met(amount, text)
        matches += difference(amount, measure, text)
        matches += crossed(amount, measure, text)
        matches += _things(amount, text)
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
        figures = (*match.ground.figures, *match.ground.periods)
        near = [f for f in figures if f.unit == amount.unit and agrees(amount, f)[1]]
        told = [f for f in near if (f.amount and f.saying.proof) or (f.how and match.saying in match.ground.computed)]
        best = next((f for f in told if agrees(amount, f)[0]), next(iter(told), None))
        if best is None:
            yield match
        else:
            how = done_to(amount, best, best.saying, is_exact=agrees(amount, best)[0])
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
    is_exact, is_near = agrees(amount, stated)
    if not is_near:
        return
    if why := objection(amount, stated, ground, measure, text) or other_name(stated, ground, named):
        whys.append(why)
        return
    said = _saying(ground, stated.value) or stated.saying
    matches.append(Match(ground, said, done_to(amount, stated, said, is_exact=is_exact)))


def _annual(amount: Amount, measure: str | None, text: Text) -> Iterator[Match]:
    """Twelve times an MRR, where the letter marks it as about so much ARR."""
    before = text.text[: amount.start]
    marked = _ABOUT.search(before) is not None or amount.text.startswith(("~", "≈"))
    if PERIOD.match(text.text, amount.end) or amount.period not in (None, "year"):
        return
    if not marked or not (_ANNUAL.match(text.text, amount.end) or measure == "arr"):
        return
    for ground in text.grounds:
        for mrr in ground.monthly:
            if agrees(amount, mrr._replace(value=mrr.value * _MONTHS_A_YEAR))[1] and amount.unit == mrr.unit:
                written = f"{figure(mrr.value, mrr.unit)} × {_MONTHS_A_YEAR} → {amount.text.strip('~≈ ')} ARR"
                yield Match(ground, _saying(ground, mrr.value) or mrr.saying, f"MRR {written}")


def _asked(amount: Amount, measure: str | None, text: Text) -> Iterator[Match]:
    """The watch's own threshold, where the letter speaks of what was asked for."""
    sentence = text.sentence(amount.start)
    low = max((each.end for each in text.amounts if each.end <= amount.start), default=0)
    high = min((each.start for each in text.amounts if each.start >= amount.end), default=len(text.text))
    before, behind = text.text[max(low, sentence.start) : amount.start], text.text[amount.end : min(high, sentence.end)]
    around = text.text[sentence.start : sentence.end]
    if _COMMITS.search(around):
        return
    is_listed = _LISTED.search(before) and _ASKER[text.all.direction].search(around)
    is_asked = (
        is_listed
        or _BEYOND.search(before)
        or any(
            _ASKER[text.all.direction].search(part)
            for part in (re.split(r"[,;:]\s", behind)[0], re.split(r"[,;:]\s", before)[-1])
        )
    )
    was_below = _WAS_BELOW.search(before) and _TOLD_THEN.search(around)
    if not (is_asked or was_below):
        return
    spoken = measures_in(text.text, sentence.start, amount.start)
    for stated in text.all.watch.figures:
        if measure is None and stated.amount and stated.measures and spoken and spoken[-1].name not in stated.measures:
            continue
        if not is_asked and not _BELOW.search(stated.saying.text):
            continue
        if amount.is_money and stated.measures and measure is None and not spoken:
            continue
        if in_points(amount) or other_period(amount, stated, text.all.watch, text):
            continue
        fits = (
            amount.bare
            or stated.unit == amount.unit
            or (stated.bare and stated.unit == "count" and stated.amount is not None)
        )
        if (
            agrees(amount, stated)[0]
            and fits
            and (measure is None or not stated.measures or measure in stated.measures)
        ):
            yield Match(text.all.watch, stated.saying, "the watch's own threshold")


def _looked_back(amount: Amount, text: Text) -> Iterator[Match]:
    """A condition's period, where the letter looks back: `in the last 60 days`, `in the 3 months to 1 April`."""
    before = text.text[text.sentence(amount.start).start : amount.start]
    if _BACK.search(before) or (_OVER.search(before) and _UNTIL.match(text.text, amount.end)):
        for ground in (*text.grounds, text.all.watch):
            for stated in ground.periods:
                if agrees(amount, stated)[0] and amount.unit == stated.unit:
                    yield Match(ground, stated.saying, stated.how)


def _more_than(amount: Amount, measure: str | None, text: Text) -> Iterator[Match]:
    """`more than 200 customers` where 214 are stated."""
    if amount.unit != "count" or amount.value % 10 or not _MORE_THAN.search(text.text[: amount.start]):
        return
    for ground in text.grounds:
        for stated in ground.figures:
            is_less = _LEAST_SHARE * stated.value <= amount.value < stated.value
            if is_less and not stated.earlier and not objection(amount, stated, ground, measure, text):
                how = f"{figure(stated.value, stated.unit)} → more than {amount.text}"
                yield Match(ground, _saying(ground, stated.value) or stated.saying, how)


def _since_met(amount: Amount, text: Text) -> Iterator[Match]:
    """`ten weeks since we met`, counted from the meeting to the letter's own day."""
    watch, width = text.all.watch, _DAYS_OF.get(f"{amount.unit.removesuffix('s')}s")
    behind = text.text[amount.end : text.sentence(amount.start).end]
    if width is None or not _SINCE_MET.match(behind):
        return
    for met in watch.days:
        passed = (text.as_of - met).days / width
        if amount.value in (int(passed), round(passed)):
            saying = next(iter(watch.sayings), text.all.company.sayings[0])
            yield Match(watch, saying, "counted from the day of the meeting")


def _things(amount: Amount, text: Text) -> Iterator[Match]:
    """`I asked for two things`: as many as there are conditions."""
    watch, sentence = text.all.watch, text.sentence(amount.start)
    is_asked = _ASKER[text.all.direction].search(text.text[sentence.start : sentence.end])
    if is_asked and amount.value == text.all.conditions and _THINGS.match(text.text, amount.end):
        yield Match(watch, watch.sayings[-1], "the number of conditions")


def _is_asked_time(amount: Amount, text: Text) -> bool:
    """The minutes a letter asks for, in a sentence that asks to speak."""
    if amount.unit != "minutes" or amount.value not in _ASKED_MINUTES:
        return False
    sentence = text.sentence(amount.start)
    said = text.text[sentence.start : sentence.end]
    return ASKS.search(said) is not None or _ASKS_FOR.match(said.lstrip()) is not None


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
        is_own = text.all.direction is Direction.TO_FOUNDER and match.group().lower() in ("most of our", "most of my")
        if not is_own:
            yield Claim("figure", *match.span(), matches or tuple(multiple(match.start(), match.group(), text)))


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
