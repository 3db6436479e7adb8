"""What a letter adds to its proofs: words about the company that no event, reason or condition has.

A sentence about the company may use the words of the events it cites, plain synonyms of them, and the closed vocabulary
of letters. What the sender says of themselves, asks and wishes is free until it comes to speak of the company.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.names import is_everyday, zones
from sago.outreach.claims.passages import Span, stem, stems_of
from sago.outreach.claims.reading import Claim, Kind, Match, Problem, Text, quoted
from sago.outreach.claims.sayings import Stated
from sago.outreach.claims.speakers import Mode, Token, spoken
from sago.outreach.claims.vocabulary import (
    IDIOMS,
    LABELS,
    alike,
    courteous_stems,
    of_figures,
    of_kind,
    of_metric,
    plain_stems,
)

_WORD = re.compile(r"[^\W\d_]+")
_HEADING = re.compile(r"[\s•*-]*(?P<theme>[^\W\d_]+):")
_RELATING = re.compile(
    r"\b(?:when|after|before|because|once|until|thanks to|despite|due to|so that|by the time)\b", re.I
)
_ASKED = re.compile(
    r"\b(?:ask\w*|want\w*|told|said|nam\w+|miss\w*|lack\w*|below|under|was|were|no|not|without|reasons?|doubt\w*"
    r"|worr\w*|passed|need\w*|conditions?|met|spoke|look\w*|see|hear|thought)\b",
    re.I,
)
_IS_SO = re.compile(r"\b(?:now|is there|are there|(?:you|we|they) have|in place)\b", re.I)
_BEFORE = re.compile(r"\b(?:when|until|before) we (?:first |last )?(?:met|spoke|talked)\b", re.I)
"""What was missing then, an event may have brought since."""
_OF = re.compile(r"(?:[’']s)?\s(?:of|from|at|with|for|in)\s|[’']s\s")
_AND = re.compile(r"\s(?:and|&)\s")
_BETWEEN = r"(?:[’']s)?[\s,(]+(?:(?:of|from|at|with|for|and|in|&)\s)?"
_TIMES = re.compile(r"(?:springs?|summers?|autumns?|winters?|fortnights?|decades?|century|centuries|ages|midyear|eve)")
_OFFICES = re.compile(
    r"(?<!\w)(?:head|chief|vice[ -]president|vp|(?:managing |sales |finance )?director|president"
    r"|chair(?:man|woman|person)?|(?:co-?)?founder|treasurer|controller|(?:general )?counsel|manager)"
    r"(?: of \w+| (?:\w+ )?officer)?\b",
    re.I,
)
_HEARSAY = re.compile(
    r"\b(?:heard|hear|saw|see|told me|as (?:did|does|has|have|had|is|was)|unlike|alongside"
    r"|(?<!\bI )(?<!\bwe )(?<!\bwould )like) (?P<who>[a-z]{3,})\b"
)
"""Whom the sender brings in, a name in small letters among them."""
_GREETED = re.compile(r"\b(?:regards|greetings|wishes|congratulations|thanks|hello|compliments|forward)\b", re.I)

Settled = tuple[Claim, Match | None, str]


def additions(text: Text, settled: Sequence[Settled]) -> Iterator[Problem]:
    """Sentences with words of the company that nothing they cite has, and those that tie what no proof ties."""
    apart = [zone for zone in (zones(text) if text.where == "body" else ()) if zone]
    for sentence in text.sentences:
        if any(zone.start <= sentence.start < zone.end for zone in apart):
            continue
        claims = [claim for claim, _, _ in settled if sentence.start <= claim.start < sentence.end]
        if strange := list(_strange(text, sentence, claims)):
            yield from _sorted(text, strange)
        yield from _brought_in(text, sentence, claims)
        yield from _related(text, sentence, claims)
        yield from _joined(text, sentence, claims)


def _sorted(text: Text, strange: Sequence[Token]) -> Iterator[Problem]:
    """Strange words that are a time are a wrong date, those that are an office a wrong name; all others are words."""
    offices = [Span(*match.span()) for match in _OFFICES.finditer(text.text)]
    kinds: dict[Kind, list[Token]] = {}
    for token in strange:
        is_office = any(each.holds(token.start, token.end) for each in offices)
        kind: Kind = "name" if is_office else "date" if _TIMES.fullmatch(token.word) else "addition"
        kinds.setdefault(kind, []).append(token)
    whys = {"name": "is an office that no cited event gives", "date": "is a time that stands in no cited event"}
    for kind, tokens in kinds.items():
        words = ", ".join(dict.fromkeys(token.word for token in tokens))
        why = whys.get(kind, "stands in no event that the sentence cites")
        yield _problem(text, tokens[0].start, words, why, kind)


def _brought_in(text: Text, sentence: Span, claims: Sequence[Claim]) -> Iterator[Problem]:
    """`I heard lufthansa signed`: nobody's word, and in no ground, where the sender only reports."""
    taken = [Span(claim.start, claim.end) for claim in claims]
    for match in _HEARSAY.finditer(text.own_words(sentence)):
        word, at = match["who"], sentence.start + match.start("who")
        is_said = any(word in ground.words for ground in (*text.grounds, text.all.watch, text.all.company))
        is_known = stem(word) in plain_stems() | courteous_stems()
        if not (is_said or is_known or is_everyday(word) or any(each.holds(at, at + len(word)) for each in taken)):
            yield _problem(text, at, word, "stands in no event that the sentence cites", "addition")


def _strange(text: Text, sentence: Span, claims: Sequence[Claim]) -> Iterator[Token]:
    """Words said of the company that none of its proofs has."""
    keys = {match.ground.key for claim in claims for match in claim.matches} - {None}
    said = text.text[sentence.start : sentence.end]
    is_wide = text.where == "subject" or _BEFORE.search(said)
    cited = () if is_wide else tuple(ground for ground in text.grounds if ground.key in keys)
    known = frozenset().union(*map(_said_by, cited or text.grounds)) | text.all.company.stems
    asked = alike(text.all.watch.stems) if _ASKED.search(said) and not _IS_SO.search(said) else frozenset()
    tokens = _tokens(text, sentence, claims)
    for token, mode in spoken(tokens, text.all.direction, is_question=said.rstrip().endswith("?")):
        plain = stem(token.word)
        is_courtesy = mode is Mode.COURTEOUS and plain in courteous_stems()
        is_theme = text.where == "subject" and token.word in LABELS
        if not (is_courtesy or is_theme or plain in plain_stems() or plain in known or plain in asked):
            yield token


def _said_by(ground: Ground) -> frozenset[str]:
    """All that a proof lets a letter say: its words, what its kind and its metrics do, and synonyms."""
    found = set(ground.stems).union(*(stems_of(said.text) for said in ground.computed))
    if ground.event_type:
        found |= of_kind(ground.event_type)
    if ground.figures:
        found |= of_figures(grown=any(map(_is_grown, ground.figures)))
    return alike(found.union(*(of_metric(name) for figure in ground.figures for name in figure.measures)))


def _is_grown(figure: Stated) -> bool:
    return figure.earlier or figure.way == "up" or (figure.amount is not None and figure.amount.role == "from")


def _tokens(text: Text, sentence: Span, claims: Sequence[Claim]) -> list[Token]:
    """The sentence's own words in small letters, its marks, and a blank for each name or repeated passage."""
    said = text.text[sentence.start : sentence.end]
    taken = [Span(amount.start, amount.end) for amount in text.amounts]
    taken += [Span(day.start, day.end) for day in text.days]
    taken += [Span(sentence.start + match.start(), sentence.start + match.end()) for match in IDIOMS.finditer(said)]
    taken += [Span(claim.start, claim.end) for claim in claims if claim.kind in ("figure", "date", "wording")]
    named = [
        *text.whole,
        *(span for span, _ in quoted(text)),
        *(Span(claim.start, claim.end) for claim in claims if claim.kind == "name"),
    ]
    if (heading := _HEADING.match(said)) and heading["theme"].lower() in LABELS:
        taken.append(Span(sentence.start + heading.start("theme"), sentence.start + heading.end()))
    found = []
    for match in re.finditer(r"[^\W\d_]+|[,;:()–—]|(?<=\s)-(?=\s)", said):
        start, end = sentence.start + match.start(), sentence.start + match.end()
        if any(span.start < end and start < span.end for span in named):
            found.append(Token("", start, end))
        elif not any(span.start < end and start < span.end for span in taken):
            found.append(Token(match.group().lower(), start, end))
    return found


def _related(text: Text, sentence: Span, claims: Sequence[Claim]) -> Iterator[Problem]:
    """`when Ruth joined`, `thanks to Meera`: two events that no proof sets in relation."""
    bound = [claim for claim in claims if claim.events]
    for match in _RELATING.finditer(text.own_words(sentence)):
        at = sentence.start + match.start()
        left = frozenset[object]().union(*(claim.events or () for claim in bound if claim.start < at))
        right = frozenset[object]().union(*(claim.events or () for claim in bound if claim.start > at))
        if left and right and not left & right:
            yield _problem(text, at, match.group(), "relates two events, which no proof does")


def _joined(text: Text, sentence: Span, claims: Sequence[Claim]) -> Iterator[Problem]:
    """`Meera of Kestrel Air`, `Kestrel Air and Meera`: names that no proof joins."""
    names = [claim for claim in claims if claim.kind == "name" and claim.is_receipted and claim.events]
    for one, other in pairwise(names):
        between = text.text[one.end : other.start]
        start, end = one.start, other.end
        is_list = _AND.fullmatch(between) and (one.events or frozenset()) & (other.events or frozenset())
        is_courtesy = _GREETED.search(text.text[sentence.start : start])
        is_together = between == " with " and (one.events or frozenset()) & (other.events or frozenset())
        is_joined = _OF.fullmatch(between) and not is_together
        if not (is_joined or (is_list and not is_courtesy)) or text.repeated(start, end):
            continue
        first, second = (_bare(text.text[each.start : each.end]) for each in (one, other))
        form = re.compile(rf"{first}{_BETWEEN}{second}|{second}{_BETWEEN}{first}", re.I)
        if not any(form.search(each) for ground in text.grounds for each in ground.texts):
            yield _problem(text, start, text.text[start:end], "are names that no proof joins")


def _bare(name: str) -> str:
    return re.escape(re.sub(r"[’']s?$", "", name))


def _problem(text: Text, at: int, said: str, why: str, kind: Kind = "wording") -> Problem:
    return Problem(kind, said, text.where, why, text.shown(text.sentence(at)))
