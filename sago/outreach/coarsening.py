"""Texts and events told in bands, or without figures.

Every figure that a text writes, in digits or in words, becomes its band, in brackets within a quote, or `[not shared]`.
What is left of digits and is neither a date nor a time, a number in a name for one, is hidden: a figure that nothing
here can read may be exact. Days, months, quarters, years and clock times stay where they are told as such; clock times
not where there are two and a length of time is told, for that lies between them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import islice

from sago.domain import amount_words as words
from sago.domain.amounts import COUNT, Amount, find_amounts
from sago.domain.bands import band_of
from sago.domain.companies import Granularity
from sago.domain.events import Event, Metric
from sago.outreach.claims.calendar import find_dates
from sago.outreach.remembering import remembered

NOT_SHARED = "not shared"
HIDDEN = "[…]"
TITLE_LIMIT = 200
_TIME = frozenset({"ms", "seconds", "minutes", "hours", "days", "weeks", "months", "years"})
_SPANS = frozenset({"seconds", "minutes", "hours", "days"})
"""Lengths that two clock times may have between them."""
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around what was replaced, until it is known whether it is shown in brackets."""
_GROWN, _FALLEN, _TIMES, _PART, _SOME = "rose", "fell", "several times", "a part", "some"
_ORDINALS = "third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|twelfth|fifteenth|twentieth|fiftieth|hundredth"
_FACTORS = (
    (_FALLEN, r"halv(?:e[sd]?|ing)|halbier\w+"),
    (
        _GROWN,
        r"(?:re)?(?:doubl|tripl|trebl|quadrupl|quintupl)(?:es?|ed|ing)|(?:verdoppel|verdreifach|vervierfach)\w*"
        r"|duplic(?:ó|ado|amos|ou)|doublé\w*|triplé\w*|raddoppi\w+",
    ),
    (
        _PART,
        rf"(?:(?:an?|one|two|three|four|five|six|seven|eight|nine)[ -](?:quarter|{_ORDINALS})s?"
        r"|(?<!first\s)(?<!second\s)(?<!1st\s)(?<!2nd\s)half|hälfte|moitié|mitad)"
        r"(?=\sof\s|\sde)",
    ),
    (_SOME, r"(?:a\s)?couple(?:\sof)?"),
    (
        _TIMES,
        r"twice|thrice|(?:two|three|four|five|six|seven|eight|nine|ten|\d+)[ -]?fold|double|triple|treble|doppelt\w*",
    ),
)
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?(?![\w:]|\.\d)"
_ZONE = r"\s?(?:[ap]\.?m\b|uhr\b|UTC\b|GMT\b|CES?T\b|[ECP][SD]?T\b)"
_TO = r"\s?(?:[-–—/]|to|and|or|until|till)\s?"
_YEAR = r"(?:19[5-9]|20[0-4])\d(?![\w%]|[.,]\d|-\d)"
_IN_YEAR = (
    r"(?:[QH][1-4]\sof|in|since|until|till|during|throughout|before|after|early|late|mid|year|years|fiscal|calendar|as\sof"
    r"|(?:beginning|start|middle|end|close|half|quarter|year|rest|course|spring|summer|autumn|fall|winter)\sof"
    r"|spring|summer|autumn|fall|winter|seit|depuis|en|desde|dal|nel|im\sjahr)[ -]"
)
_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_FULL = rf"(?:{_DAY}/{_MONTH}/|{_MONTH}/{_DAY}/|{_DAY}-{_MONTH}-|{_MONTH}-{_DAY}-|{_DAY}\.{_MONTH}\.)"
"""Day and month in figures, before their year."""
_DATES = re.compile(
    rf"\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK})?"
    rf"|(?<![\w.,/$€£-]){_FULL}(?:19|20)\d\d(?![\w%]|[.,/-]\d)"
    rf"|\b(?:on|since|until|till|before|after|dated|am|vom|seit|le|el|il)\s{_FULL}\d\d(?![\w%]|[.,/-]\d)"
    rf"|\b(?:at|until|till|since|before|after|um|à|(?:mon|tues|wednes|thurs|fri|satur|sun)day,?)\s{_CLOCK}(?:{_TO}{_CLOCK})?(?:{_ZONE})?"
    rf"|(?<![\w:.,])(?:{_CLOCK}{_TO})?{_CLOCK}{_ZONE}"
    rf"|\b{words.MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?![\w%]|[.,]\d)(?:,?\s(?:19|20)\d\d\b)?"
    rf"|(?<![\d.,])\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{words.MONTH}(?!\w)(?:,?\s(?:19|20)\d\d\b)?(?:,?\s{_CLOCK})?"
    r"|\b[QH][1-4](?!\w)|\bFY'?\d{2}(?:\d{2})?\b"
    rf"|\b{_IN_YEAR}{_YEAR}(?:{_TO}{_YEAR})*(?!\s(?!(?:was|is|has|this|as|its|us|across|plus)\b)[a-z]+s\b)",
    re.I,
)
"""What stays of digits."""
_SHORT_YEAR = r"(?:20[0-4]\d|\d\d)(?![\w%]|[.,]\d)"
_THINGS_OF_A_YEAR = (
    r"(?:budget|roadmap|outlook|guidance|forecast|strategy|summit|conference|kick-?off)\b(?!\s(?:[a-z]+\s)?[a-z]+s\b)"
)
"""Nobody counts them: `2026 plan members` may be so many."""
_LATER = r"(?:tomorrow|today|tonight|sharp|(?:on\s)?(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
_LOOSE = re.compile(
    rf"\b(?:budget|plans?|roadmap|outlook|guidance|forecast|strategy|goals?|targets?|agenda|priorities|OKRs?)\sfor\s"
    rf"{_YEAR}(?!\s[a-z]+s\b)"
    rf"|(?<![\w.,$€£¥₹#-]){_YEAR}(?=\s{_THINGS_OF_A_YEAR})"
    rf"|(?:^|(?<=[.!?]\s)){_YEAR}(?=\s(?:was|will|looks|began|starts)\s)"
    rf"|\b(?:year-?\s?end|(?<!the\s)end|class\sof|summit|congress|conference|expo|disrupt|awards?|CES|FY|CY)\s{_YEAR}(?!\s[a-z]+s\b)"
    rf"|\b[QH][1-4](?:\s?['’]|/|-(?=20)){_SHORT_YEAR}|\b(?:[1-4]Q|[12]H)\s?'?{_SHORT_YEAR}|\b[QH][1-4]\s?[FC]Y\s?'?{_SHORT_YEAR}"
    rf"|\b[FC]Y\s?'?\d\d(?:\d\d)?[/–-]{_SHORT_YEAR}|\bCY'?{_SHORT_YEAR}"
    rf"|\b(?:{words.MONTH}|since|class\sof)\s?['’]\d\d(?![\w%]|[.,]\d)"
    rf"|(?<![\w.,/$€£-]){_MONTH}/(?:19|20)\d\d(?![\w%]|[.,/-]\d)"
    r"|(?<![\w.,/$€£-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?![\w%]|[.,/-]\d|\s[a-z]+s\b)"
    r"|\b(?:1st|2nd|3rd|4th)(?=\s(?:quarter|half)\b)"
    r"|\b(?:on|by|until|till|since|before|after)\sthe\s(?:1st|2nd|3rd|21st|22nd|23rd|31st|(?:[4-9]|1\d|2[04-9]|30)th)"
    r"(?=\s*(?:[.;:!?)]|$)|,\s[a-z])"
    rf"|(?<![\w:.,]){_CLOCK}\s?(?:[–—-]|to)\s?{_CLOCK}"
    rf"|\b(?:by|from|tomorrow|today|tonight|@|standup|stand-up|call|meeting|meet|sync|demo|deadline)\s{_CLOCK}(?:{_TO}{_CLOCK})?"
    rf"|(?<![\w:.,]){_CLOCK}(?=\s{_LATER}\b)"
    r"|(?<![\w.,:$€£])(?:0?[1-9]|1[0-2])[ap]m\b"
    rf"|\b(?:at|by|from|until|till|before|after|since|tomorrow|today)\s(?:0?[1-9]|1[0-2])\s[ap]\.?m\b"
    r"|(?<![\w.,:$€£])(?:[01]?\d|2[0-3])\sUhr\b|\b(?:at|by|from|um|à|a\slas)\s(?:[01]?\d|2[0-3])h[0-5]\d(?!\w)",
    re.I,
)
"""What also stays, where none of its numbers is a figure of the event: a year, a clock time or an ordinal that the word
beside it tells."""
_TIMES_OF_DAY = re.compile(
    r"(?<![\d:.,])(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?!\d|:\d)(?:\s?[ap]\.?m\b\.?)?"
    r"|(?<![\w.,:$€£])(?:(?:0?[1-9]|1[0-2])\s?[ap]\.?m\b\.?|(?:[01]?\d|2[0-3])(?:\sUhr\b|h[0-5]\d(?!\w)))"
    r"|(?<![\w.,:$€£])[0-2]\d[0-5]\d(?-i:[HZ])\b"
    r"|\b(?:noon|midday|midnight)\b",
    re.I,
)
_NAMES = re.compile(
    r"\b(?:B2[BCG]|D2C|P2P|S3|PSD2|GPT-\d|Web3|SOC[ -]?[123]|ISO[ -]?(?:27001|27701|42001|9001|13485))\b"
)
"""Names whose digits count nothing and that everybody knows."""
_FURTHER = """
onze treize quatorze quinze seize quarante cinquante soixante cent trece catorce quince dieciséis cuarenta cincuenta
sesenta cien ciento elf dreizehn vierzehn fünfzehn sechzehn siebzehn neunzehn vierzig fünfzig sechzig hundert treze
quarenta cinquenta undici dodici tredici quattordici quindici dertien veertien vijftien
"""
_NUMBER_WORDS = {*words.SMALL_NUMBERS, *words.BIG_NUMBERS, *words.FOREIGN_NUMBERS, *_FURTHER.split()} - {"one"}
_SPELT = "|".join(sorted(_NUMBER_WORDS, key=lambda word: (-len(word), word)))
_LEFT = re.compile(
    r"[$€£¥₹]?[^\W_]*[\d¼-¾⅐-⅞²³¹][\w.,'’/:%+-]*(?<![.,:])"
    rf"|\b(?:{_SPELT})(?:[ -](?:{_SPELT}))*\b"
    rf"|(?<=\bevery )(?:other|second|{_ORDINALS})\b(?!\s(?:time|hour|day|week|month|quarter|year|\w+day)s?\b)"
    r"|[〇零一二两兩三四五六七八九十百千万萬亿億兆]{2,}",
    re.I,
)
_SAME_TWICE = re.compile(r"(?:\bbetween\s)?(\ue000[^\ue001]+\ue001)(?:\s?[-–—]\s?|\sand\s)\1")
"""Both ends of a range in one band."""


def coarse(
    text: str,
    granularity: Granularity,
    *,
    quoted: bool = True,
    exact: Collection[Metric] = (),
    beside: Collection[str] = (),
    firm_id: str = "",
) -> str:
    """The text with its figures told as exactly as the share says; in brackets where the text is somebody's words.
    `exact` are figures that are known to be told in it: none of them stays for looking like a year or a time. `beside`:
    texts that are read with it. It is remembered for the firm that reads it."""
    if granularity is Granularity.EXACT or not text:
        return text
    hidden = frozenset(digits for metric in exact for digits in _digits(metric.value))
    return _coarse_for(firm_id)(text, granularity, quoted, hidden, _tells_a_length([text, *beside], exact))


def _coarse(text: str, granularity: Granularity, quoted: bool, hidden: frozenset[str], hides_times: bool) -> str:
    pieces: list[str] = []
    at = 0
    for start, end, told in _replaced(text, granularity, quoted=quoted):
        pieces += [_without_rest(text[at:start], hidden, hides_times), f"{_OPEN}{told}{_CLOSE}"]
        at = end
    whole = _SAME_TWICE.sub(r"\1", "".join([*pieces, _without_rest(text[at:], hidden, hides_times)]))
    return whole.replace(_OPEN, "[" if quoted else "").replace(_CLOSE, "]" if quoted else "")


_coarse_for = remembered(_coarse)


def coarse_texts(event: Event, granularity: Granularity, firm_id: str = "") -> list[str]:
    """What stands in place of the event's own words: title, description, impact, timeline, each name, each quote."""
    own = event.title, event.description, event.impact, event.timeline, *event.stakeholders
    texts = [*((text, False) for text in own), *((proof.quote, True) for proof in event.evidence)]
    every = [text for text, _ in texts]
    return [
        coarse(text, granularity, quoted=quoted, exact=event.metrics, beside=every, firm_id=firm_id)
        for text, quoted in texts
    ]


def coarse_event(event: Event, granularity: Granularity, firm_id: str = "") -> Event:
    """The event with coarse texts, and without metrics: a metric is an exact figure. Where its proofs stand stays: a
    place is none."""
    if granularity is Granularity.EXACT:
        return event
    made = iter(coarse_texts(event, granularity, firm_id))
    title, description, impact, timeline = islice(made, 4)
    return event.model_copy(
        update={
            "title": title[:TITLE_LIMIT],
            "description": description,
            "impact": impact,
            "timeline": timeline,
            "stakeholders": tuple(islice(made, len(event.stakeholders))),
            "metrics": (),
            "evidence": tuple(
                proof.model_copy(update={"quote": quote}) for proof, quote in zip(event.evidence, made, strict=True)
            ),
        }
    )


def _replaced(text: str, granularity: Granularity, *, quoted: bool) -> list[tuple[int, int, str]]:
    """Where figures stand and what is told instead, in order."""
    tell = _banded if granularity is Granularity.BANDS else _not_shared if quoted else _undisclosed
    found = [(amount.start, amount.end, tell(amount)) for amount in find_amounts(text)]
    for told, forms in _FACTORS:
        for match in re.finditer(rf"\b(?:{forms})(?!\w)", text, re.I):
            if not any(match.start() < end and start < match.end() for start, end, _ in found):
                found.append((*match.span(), told))
    return sorted(found)


def _banded(amount: Amount) -> str:
    per = f" per {amount.period}" if amount.period else ""
    return f"{band_of(amount.value, amount.unit).text}{per}"


def _not_shared(_: Amount) -> str:
    return NOT_SHARED


def _undisclosed(amount: Amount) -> str:
    """Fits the sentence: `reached an undisclosed figure`, `some customers`, `after some time`."""
    if amount.unit in _TIME:
        return "some time"
    return "some" if amount.unit == COUNT else "an undisclosed figure"


def _digits(value: float) -> set[str]:
    """What of a value could be taken for a year, or for a time: `2026`, and `30` of 9.30."""
    return set(re.findall(r"\d+", f"{abs(value):.15g}"))


def _tells_a_length(texts: Collection[str], exact: Collection[Metric]) -> bool:
    """Whether two clock times stand in these texts, and a length of time that may lie between them."""
    if len({time.casefold() for text in texts for time in _TIMES_OF_DAY.findall(text)}) < 2:
        return False
    units = {metric.unit for metric in exact}
    return not _SPANS.isdisjoint(units) or any(
        amount.unit in _SPANS for text in set(texts) for amount in find_amounts(text)
    )


def _without_rest(text: str, hidden: frozenset[str], hides_times: bool) -> str:
    """What stands between figures, without what else is written in digits or number words."""
    if hides_times:
        pieces = [_without_rest(between, hidden, hides_times=False) for between in _TIMES_OF_DAY.split(text)]
        return HIDDEN.join(pieces)
    if not _LEFT.search(text):
        return text
    stay = [*(match.span() for match in _DATES.finditer(text)), *(match.span() for match in _NAMES.finditer(text))]
    stay += [(day.start, day.end) for day in find_dates(text)]
    stay += [match.span() for match in _LOOSE.finditer(text) if hidden.isdisjoint(re.findall(r"\d+", match.group()))]
    pieces, at = [], 0
    for start, end in _merged(stay):
        pieces += [_LEFT.sub(HIDDEN, text[at:start]), text[start:end]]
        at = end
    return "".join([*pieces, _LEFT.sub(HIDDEN, text[at:])])


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
