"""What a message tells that is not of the company: what another firm did (where the speaker worked before, a friend's,
one they read about), told as `we` or as `they`; and a figure told only to say that it was wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from sago.domain.amounts import find_amounts
from sago.domain.messages import CompactMessage
from sago.domain.vocabulary import either, vocabulary
from sago.llm.providers.offline import subjects
from sago.llm.providers.offline.cues import ROLE
from sago.llm.providers.offline.figures import MENTION
from sago.llm.providers.offline.hints import Hinted, Sieve
from sago.llm.providers.offline.levels import WE
from sago.llm.providers.offline.reading import LONGEST, Reading, Statement, Voice
from sago.llm.providers.offline.speech import was_wrong

_TABLE = vocabulary(__package__, "other_words.txt")


def _patterns(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.I) for pattern in patterns)


def _either(kind: str) -> str:
    return f"(?:{either(words for (each, _), words in _TABLE.items() if each == kind)})"


_NAME = r"(?P<who>(?-i:[A-Z\u00c0-\u00de])[\w&.-]*\w)"
_FIRM = r"(?:company|companies|start-?up|employer|firm|venture|business|scale-?up)"
_FORMER = r"(?:(?:very\s)?(?:last|previous|former|old|prior|first|earlier|ex-?|own last)\s?(?:-\s?)?)"
_ENDS = (
    r"(?=\W*$|\s?[,.;:()!–—]|\s-\s|\s(?:we|i|he|she|they|it|in|before|after|when|back|called|which|where|that|our|had|has|"
    r"was|is|just|once|also|got|grew|hit|did|raised|reached|crossed|passed|closed|signed|sold|lost|laid|made|took|went|"
    r"(?-i:[A-Z]\w+))\b)"
)
_RAN = r"(?:ran|founded|co-?founded|built|started|sold|led|headed|owned|managed|worked (?:at|for)|was (?:at|with))"
_PAST = _patterns(
    rf"\b(?:back )?(?:at|in|with)\s(?:my|our|his|her)\s{_FORMER}(?:\w+\s)?(?:{_FIRM}|job|gig|life|place|shop){_ENDS}",
    rf"\b(?:when|while)\s(?:i|he|she|we)\s(?:was|were|worked)\s(?:(?:still|back|an?|{ROLE}(?:\sof)?(?:\s\w+)?)\s){{0,2}}?"
    rf"(?:at|with|for)\s{_NAME}",
    rf"\b(?:when|while)\s(?:i|he|she|we)\s(?:ran|led|headed|founded|built)\s{_NAME}",
    rf"\bat\s{_NAME},?\s(?:we|i)\s[^.;!?]{{0,60}}\bwhen\s(?:i|we)\s(?:left|sold|quit|exited)\b",
    rf"\bat\s{_NAME},?\s(?:we|i)\s(?:had|hit|reached|did|made|grew|got to|were at|raised|closed|passed|crossed)\s"
    r"(?:(?!our\b)[^\s.;!?]+\s){0,4}?(?:arr|mrr|revenue|series [a-f])\b",
    rf"\b(?:while|back)\s(?:at|with)\s{_NAME}",
    rf"\b(?:in|during)\smy\s(?:time|years|days|stint|tenure)\s(?:at|with)\s{_NAME}",
    rf"\b(?:in|during)\smy\s{_NAME}\s(?:days|years|time)\b",
    rf"\bwhen\s(?:i|he|she|we)\s(?:left|sold|quit)\s{_NAME}",
    rf"\bbefore\s(?:[\w.'’-]+\s){{0,3}}?[\w.'’-]+,?\s(?:i|he|she|we)\s{_RAN}\s(?:(?:\w+\s){{0,3}}?(?:at|for|of)\s)?{_NAME}",
    rf"\b(?:i|he|she)\s(?:(?:previously|once|also|used to)\s)?(?:run|{_RAN})\s{_NAME}[^.;!?]{{0,30}}\bbefore\b",
    rf"\b{_either('past')}(?!\w)",
)
"""Where somebody was before: what `we` did there, this company did not."""
_FORMERLY = _patterns(rf"\b(?:my|his|her)\s{_FORMER}(?:\w+\s)?{_FIRM}{_ENDS}")
"""The firm itself. It may be a customer: `my old company signed with us`."""
_RAN_IT = Hinted(
    rf"\b(?:i|we|he|she)\s(?:(?:previously|once|also)\s)?(?:ran|founded|co-?founded|built|sold)\s{_NAME}", re.I
)
_KIN = (
    r"(?:neighbou?r|friend|brother|sister|cousin|wife|husband|dad|father|mum|mom|mother|uncle|aunt|flatmate|room-?mate|"
    r"buddy|mate|son|daughter|girlfriend|boyfriend|brother-in-law|sister-in-law|"
    r"(?:former|old|ex-?)\s?(?:boss|colleague|co-?founder|manager))"
)
_FRIENDS = _patterns(
    rf"\b(?:my|a|an|his|her|your)\s(?:\w+\s)?{_KIN}(?:['’]s|s['’])\s(?:\w+\s){{0,2}}?(?:{_FIRM}|agency|app|saas|shop)\b",
    rf"\b(?:my|a|an|his|her|your)\s{_KIN}(?:\sof mine)?\s(?:(?:has|have|just|finally|already)\s)*"
    r"(?:hit|reached|crossed|passed|raised|closed (?:an?|his|her|their)|sold (?:his|her|their)|is at)\b",
    rf"\b(?:another|some|an?|that|one)\s(?:other\s)?{_FIRM}\s(?:in|from|of)\s(?:our|my|the|this|yc|another)\s?"
    r"(?:\w+\s)?(?:batch|cohort|accelerator|co-?working|building|office|space|programme|program|portfolio)\b",
    rf"['’]s\s(?:other|{_FORMER})\s?(?:\w+\s)?{_FIRM}\b",
    rf"\b{_either('friends')}(?!\w)",
)
_NEWS = r"(?:update|blog(?: ?post)?|newsletter|press release|announcement|post|tweet|pitch deck|s-1|annual report)"
_OF_ITSELF = (
    r"(?:platform|website|web ?site|app|apps|api|apis|servers?|service|services|product|cloud|backend|systems?|"
    r"status page|checkout|login)"
)
_DOWN = (
    r"(?:(?:was|were|went|is|are|(?:has|have) been)\s(?:\w+\s)?(?:down|offline|unreachable|broken|hacked|breached)\b"
    r"|had\b)"
)
_ITS_OWN = _patterns(
    rf"\b{_NAME}['’]s\s(?:(?:whole|entire|main|own|new|mobile|payment|web)\s){{0,2}}{_OF_ITSELF}\s{_DOWN}",
    rf"\btheir\s(?:\w+\s){{0,2}}?(?:{_OF_ITSELF}|gateway)\s{_DOWN}[^.;]*\bnot\s(?:us|ours|our)\b",
    rf"\b{_NAME}['’]s\s(?:(?:latest|current|total|own|reported)\s)?(?:arr|mrr|valuation|series [a-f]|ipo)\b",
    rf"\b(?:reading|read|saw|per|according to|from|in)\s{_NAME}['’]s\s(?:\w+\s){{0,2}}?{_NEWS}\b",
    rf"^\W*{_NAME}['’]s\s(?:\w+\s){{0,2}}?{_NEWS}(?:\s(?:says?|said|claims?|announces?)\b|:)",
    rf"\b(?:they|{_NAME})(?:['’]ve|\s(?:has|have|had|just|also|apparently))*\s(?:raised|closed|announced|landed|secured|got)\s"
    r"(?:an?|their|its|another)\s(?:[^\s.;!?]+\s){0,2}?(?:series [a-f]|seed round|seed|funding round|round)\b",
    rf"\b(?:joins|joined|is joining)\s{_NAME}(?:\s(?-i:[A-Z])[\w&.’'-]*){{0,2}}\sas\s(?:\w+\s)?{ROLE}",
    rf"\b{_NAME}\s(?:has |have |just )?hired\s(?:their|its)\s(?:new\s)?{ROLE}",
)
"""What a firm has or does of itself, or writes: `Rotawell's platform was down`. A rollout or a contract it has with
us."""
_FORMS = (*_PAST, *_FORMERLY, *_FRIENDS, *_ITS_OWN)
_SIEVE = Sieve(_FORMS)
_GLEE = Hinted(
    r"\b(?:lol|lmao|rofl|haha+|jealous|(?:good|great|nice) for (?:them|him|her)|poor (?:them|guys|souls)|serves them|"
    r"sucks for them|(?:feel|feeling|sorry) (?:bad |sorry )?for them)\b|\bnot (?:us|ours)\b",
    re.I,
)
_TROUBLE = re.compile(
    r"\b(?:outages?|downtime|(?:was|were|went|is|are) (?:\w+ )?down|(?:data )?(?:breach|leak)\w*|hacked|lay-?offs?|"
    r"laid off)\b",
    re.I,
)
_WHO_HAD = re.compile(rf"(?:^\W*|[,:;]\s|\b(?:and|so|but|apparently|saw|heard|that)\s){_NAME}(?=['’]s\s|\s)", re.I)
_OURS = re.compile(rf"\b(?:ours|{WE})\b", re.I)
_WITH_US = re.compile(r"\b(?:us|ours?)\b", re.I)
_OUR_OWN = re.compile(
    rf"\b(?:our|we(?:['’]ve| have| just)? (?:launch|shipp|releas|call)(?:ed)?)\s(?:new\s|own\s|it\s)?{_NAME}", re.I
)
_NOT_ABOUT_US = re.compile(
    r"\bnot (?:us|ours|our \w+)\b|\b(?:tell|told|tells|showed|sent|emailed|asks|asked) us\b|\bwe (?:should|could|can|"
    r"might|must|need to|ought to|heard|read|saw|know|knew|think|compete|see|hear)\b|"
    r"\b(?:unlike|than|like|as) (?:us|ours|we)\b|\b(?:let['’]s|let us|our (?:competitors?|rivals?|neighbou?rs?))\b",
    re.I,
)
"""Words of ours that say nothing of us."""
_THEY_GO_ON = re.compile(r"^\W*(?:(?:and|also|so|apparently|plus|but)\W+)*(?:they|their|there|back then)\b", re.I)
_WE_GO_ON = re.compile(r"^\W*(?:and\s)?we\s(?:had|hit|reached|raised|signed|sold|grew|got|were|made|closed)\b", re.I)
_FRESH = r"(?:today|yesterday|tonight|now|this (?:morning|week|month|afternoon)|last night|right now)"
_JUST_NOW = re.compile(rf"\b(?:{_FRESH}|tomorrow|(?:on )?(?:mon|tues|wednes|thurs|fri)day)\b", re.I)
_JOINING = re.compile(r"\b(?:joins?|joined|joining|starts?|started|accepted)\b[^.;]{0,60}\b(?:us|as|our|offer)\b", re.I)
_TO_US = re.compile(
    r"\bthey(?:['’]ve| have| just)* (?:signed|renewed|cancelled|churned)\b(?=\W*$|\s?[,.!:;])"
    r"|\b(?:last day|resign\w*|handed in|gave notice|is leaving|quits?)\b",
    re.I,
)
"""Who signs and does not say with whom signs with us, and who leaves for another firm leaves ours."""
_COMPARED = re.compile(r"\b(?:than|as|unlike|like|not|from)\s$", re.I)
_CLAUSE = re.compile(r"[,;:–—]\s|\s-\s|\b(?:but|and|so)\s", re.I)
_TURN = re.compile(
    rf"(?:[,;:–—]|\s-|\b(?:but|and|while|whereas|so))\s+(?:(?:and|but|so|while)\s)?(?:here|{_FRESH}|this time)\b"
    r"|(?:[,;:–—]|\b(?:but|and|while|whereas))\s+(?:(?:and|but|so)\s)?we(?:['’]re| are| have| just| now|['’]ve just)\b",
    re.I,
)
"""Here it goes on about the company: `…, here we are at $3M`."""
_SHORTEST = 12
"""Code points of a piece that is still a statement."""


class _Told(NamedTuple):
    """A stretch of a statement that is not of the company; and how statements behind it begin that go on with it."""

    start: int
    end: int
    goes_on: re.Pattern[str] | None = None


def own_brands(messages: Iterable[CompactMessage]) -> frozenset[str]:
    """What the company calls its own, or what is about it: `our Atlas platform`, `we launched Atlas`; in small letters
    without blanks. Such a name is no sign of another firm."""
    return subjects.squeezed(found["who"] for m in messages for found in _OUR_OWN.finditer(m.text[:LONGEST]))


def without_others(reading: Reading, own_names: frozenset[str], exclude: frozenset[str]) -> Reading:
    """The reading without what is not of the company; it remembers where that stands. `exclude` are the company's own
    names and those of its people. What people outside write is judged elsewhere, by who writes."""
    if reading.voice is not Voice.OURS:
        return reading
    kept: list[Statement] = []
    aside: list[tuple[int, int]] = []
    goes_on: re.Pattern[str] | None = None
    for statement in reading.statements:
        told = _told(statement.text, goes_on, own_names, exclude)
        goes_on = told.goes_on if told is not None else None
        if told is None:
            kept.append(statement)
            continue
        aside.append((statement.start + told.start, statement.start + told.end))
        kept.extend(_pieces(statement, told))
    return replace(reading, statements=tuple(kept), aside=tuple(aside)) if aside else reading


def _pieces(statement: Statement, told: _Told) -> Iterator[Statement]:
    """The statement before and behind what is others'."""
    for start, end in ((0, told.start), (told.end, len(statement.text))):
        text = statement.text[start:end]
        first = start + len(text) - len(text.lstrip(" ,;:–—-"))
        last = start + len(text.rstrip(" ,;:–—-"))
        if last - first >= _SHORTEST:
            begin = statement.start + first
            yield replace(statement, start=begin, end=statement.start + last, text=statement.text[first:last])


def _told(text: str, goes_on: re.Pattern[str] | None, own: frozenset[str], exclude: frozenset[str]) -> _Told | None:
    if was_wrong(text) and MENTION.search(text):
        return _Told(0, len(text))
    found = _found(text, exclude)
    past = next((each for each in found if each.re in _PAST or _is_former(text, each)), None)
    if past is not None:
        return _past(text, past, own)
    if goes_on is _WE_GO_ON and _WE_GO_ON.search(text) and not _JUST_NOW.search(text):
        return _Told(0, len(text), _WE_GO_ON)
    others = [each for each in found if each.re not in _FORMERLY]
    is_more = goes_on is not None and _THEY_GO_ON.search(text) is not None
    if others or is_more or _is_gleeful(text, exclude):
        start, end = others[0].span() if others else (0, 0)
        if not _is_about_us(f"{text[:start]} {text[end:]}", own):
            return _Told(0, len(text), _THEY_GO_ON)
    return None


def _is_former(text: str, found: re.Match[str]) -> bool:
    """Whether a firm where somebody was before does something of its own, and nothing with this company."""
    is_with_us = _OURS.search(text[: found.start()]) or _WITH_US.search(text, found.end())
    return found.re in _FORMERLY and is_with_us is None


def _found(text: str, exclude: frozenset[str]) -> list[re.Match[str]]:
    """What names another firm in one of the forms; the company and its people are none."""
    places = _SIEVE.possible(text)
    found = (_FORMS[place].search(text) for place in places)
    return [each for each in found if each is not None and not _is_own(each, exclude)]


def _past(text: str, found: re.Match[str], own: frozenset[str]) -> _Told | None:
    """The clauses about where the speaker, or somebody, was before."""
    if _JOINING.search(text) or _COMPARED.search(text[: found.start()]):
        return None
    turn = _turn(text, found.end(), own)
    if turn == len(text) and found.groupdict().get("who") and _JUST_NOW.search(text):
        return None
    before = [stop.end() for stop in _CLAUSE.finditer(text, 0, found.start())]
    if before and not any(char.isalnum() for char in text[before[-1] : found.start()]):
        before.pop()
    has_run = _RAN_IT.search(text) is not None and not find_amounts(text)
    return _Told(before[-1] if before else 0, turn, _WE_GO_ON if has_run else _THEY_GO_ON)


def _turn(text: str, start: int, own: frozenset[str]) -> int:
    """Where it turns back to the company, by a word or by its name."""
    turns = [turn.start() for turn in [_TURN.search(text, start)] if turn]
    turns += [
        clause.start()
        for clause in _CLAUSE.finditer(text, start)
        if any(_plain(word) in own for word in text[clause.end() :].split()[:3])
    ]
    return min(turns, default=len(text))


def _is_gleeful(text: str, exclude: frozenset[str]) -> bool:
    """Whether it names somebody whose trouble is a joke: `Rotawell was down for 9 hours lol`."""
    if _GLEE.search(text) is None or _TROUBLE.search(text) is None:
        return False
    return any(not _is_own(found, exclude) for found in _WHO_HAD.finditer(text))


def _is_own(found: re.Match[str], exclude: frozenset[str]) -> bool:
    """Whether whom it names is the company, one of its people, or no name at all."""
    who = found.groupdict().get("who")
    return who is not None and not subjects.names(f"{who} ", exclude)


def _is_about_us(text: str, own: frozenset[str]) -> bool:
    plain = _NOT_ABOUT_US.sub(" ", text)
    return bool(_OURS.search(plain) or _TO_US.search(plain)) or any(_plain(word) in own for word in plain.split())


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"['’]s\W*$", "", word.lower()))
