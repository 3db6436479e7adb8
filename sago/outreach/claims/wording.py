"""What a letter may not say in words: superlatives, opposites and plans that no event has, and disguised characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from sago.domain.claims import direction_in
from sago.domain.condition_wording import event_label
from sago.domain.events import EventType
from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.measures import measures_in
from sago.outreach.claims.passages import Span, stem
from sago.outreach.claims.reading import Claim, Match, Problem, Text, quoted
from sago.outreach.claims.sayings import DENIED

SUBJECT_LIMIT = 90
_SUPERLATIVE = re.compile(
    r"\b(?:(?:the|a|an|our|your|its|their|his|her|as|whose)\s+(?:very\s+|single\s+)?(?P<placed>first|second|third|fourth|fifth|only|most|"
    r"best|top|last|next|sole|main|leading|youngest|newest|latest)(?=\s\w)"
    r"|(?P<flat>record(?:s|-breaking)?|largest|biggest|highest|lowest|smallest|fastest|strongest|greatest|unprecedented|all-time|"
    r"best-ever|ever|unique(?:ly)?|exclusive(?:ly)?|profitable|profitability|break-?even|unicorn"
    r"|market leader|number one|"
    r"world-class|guaranteed?|certified|oversubscribed|first-ever|cash-flow positive))\b",
    re.I,
)
_HARMLESS = re.compile(
    r"\b(?:first|best|next|last|second|third|latest|main|only|most)\s+(?:things?|way|time|steps?|moment|look|place|part|word|point|"
    r"weeks?|months?|days?|change|news|one|line|call|question|chance|met|meeting|conversation|spoke|letter|note|update|recent|"
    r"important|relevant|useful|of it|of all|regards|wishes|opportunity|reason|piece|step|thing|that|interesting)\b"
    r"|\bfor the record\b|\bif (?:it|this) is (?:ever)\b|\b(?:have|has|had) (?:you|I) ever\b"
    r"|\blast \d+ (?:days|weeks|months|years)\b|\bwe first (?:met|spoke|talked)\b",
    re.I,
)
_FUTURE = re.compile(
    r"\b(?:will|plans? to|expects? to|aim(?:s|ing)? (?:to|for)|hop(?:es|ing) to|intends? to|about to"
    r"|going to|on track|should reach|may|might)\b",
)
_SAYS_FUTURE = re.compile(
    r"\b(?:will|won[’']t|plans?|expect\w*|aim\w*|hop\w+|intend\w*|going to|about to|on track|target\w*|may"
    r"|might|next|by)\b",
    re.I,
)
_DOUBTED = re.compile(r"\b(?:not|never|no longer|cannot)\b|\w(?:n[’']t)\b", re.I)
_ACTS = {
    EventType.ENTERPRISE_DEAL: "contract contracts renewed renews",
    EventType.FUNDING: "raised raises invested invests",
    EventType.HIRING: "joined joins hired hires",
    EventType.PRODUCT_LAUNCH: "launched launches shipped ships",
    EventType.SETBACK: "churned churns cancelled cancels quit resigned",
    EventType.COMPLIANCE: "certified audited accredited",
    EventType.MARKET_EXPANSION: "opened opens entered enters",
}
_ACT = {stem(word): kind for kind, words in _ACTS.items() for word in words.split()}
_ABSENT = re.compile(
    rf"\bno (?:[\w-]+ ){{0,2}}?(?:{'|'.join(event_label(kind) for kind in EventType)})(?:e?s)?\b", re.I
)
_LINK = re.compile(
    r"https?:/*\S*|www\.\S+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:[\w-]+\.)+(?:com|org|net|io|ai|co|app|dev|example|eu|de|uk|fr|info|biz|xyz|link|ly|me)\b(?:/\S*)?",
    re.I,
)
_MARKUP = re.compile(
    r"</?[a-z!][^>]*>?|\]\(|&(?:#\w+|[a-z]{2,8});|\{\{|\{%|(?<!\w)[*_`]{2,}|\bjavascript:|\bdata:\w+/", re.I
)
_BROKEN = re.compile(
    r"(?:\d[.,]?|[$€£¥₹])[ \t]*\n[ \t]*(?:[\d%]|[.,]\d|(?:[kmb]|bn|thousand|million|billion|percent|points|x)\b)", re.I
)
_DISGUISES = {"Cf", "Cc", "Co", "Cs", "Cn", "Zl", "Zp"}
_DIRECTING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def written_problems(text: Text) -> Iterator[Problem]:
    """Characters that are not what they look like, links, markup and broken figures."""
    yield from (_problem(text, span, why) for span, why in _characters(text))
    for match in _LINK.finditer(text.raw):
        if not _stands(match.group().rstrip(".,;:!?)"), text):
            yield _problem(text, Span(*match.span()), "is an address that stands in no cited event")
    for pattern, why in ((_MARKUP, "is markup; a letter is plain text"), (_BROKEN, "is a figure over two lines")):
        yield from (_problem(text, Span(*match.span()), why) for match in pattern.finditer(text.raw))
    for span, held in quoted(text):
        if not held:
            yield _problem(text, span, "is quoted, but stands so in no cited event and is not the reason")


def _characters(text: Text) -> Iterator[tuple[Span, str]]:
    for at, letter in enumerate(text.raw):
        if letter in "\n\u2400" or " " <= letter <= "~":
            continue
        kind = unicodedata.category(letter)
        if letter in _DIRECTING or (kind in _DISGUISES and not text.repeated(at, at + 1)):
            yield Span(at, at + 1), f"is a character that cannot be seen (U+{ord(letter):04X})"
        elif (kind in ("Nd", "Nl", "No") or _is_look_alike(letter)) and not _stands(letter, text):
            yield Span(at, at + 1), f"is written with {unicodedata.name(letter, 'an unnamed character')}"
        elif (
            letter.isalpha()
            and "LATIN" not in unicodedata.name(letter, "")
            and not _stands(_word_at(text.raw, at), text)
        ):
            word = _word_at(text.raw, at)
            yield (
                Span(at, at + 1),
                f"in {word!r} is {unicodedata.name(letter, 'of another script')}; no cited event writes it so",
            )


def _is_look_alike(letter: str) -> bool:
    """A letter or sign that is only another form of a plain one: full width, mathematical, superscript."""
    plain = unicodedata.normalize("NFKC", letter)
    return plain != letter and plain.isascii() and (plain.isalnum() or plain in "$%+-.,")


def _word_at(text: str, at: int) -> str:
    start, end = at, at + 1
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]


def _stands(word: str, text: Text) -> bool:
    grounds = (*text.grounds, text.all.watch, text.all.company)
    people = (text.all.sender, text.all.addressee)
    return any(word.casefold() in each.casefold() for ground in grounds for each in ground.texts) or any(
        word in each for each in people
    )


def superlatives(text: Text) -> Iterator[Claim]:
    """`the first`, `record`, `largest`: a proof of the same event must say so."""
    for match in _SUPERLATIVE.finditer(text.text):
        group = "placed" if match["placed"] else "flat"
        start, end = match.span(group)
        if _HARMLESS.search(text.text[start : end + 24]) and _HARMLESS.search(text.text[max(0, start - 12) : end + 24]):
            continue
        matches = text.repeated(start, end) or tuple(
            Match(ground, ground.sayings[0]) for ground in text.grounds if match[group].lower() in ground.words
        )
        yield Claim("wording", start, end, matches, "is said by no cited event", is_receipted=False)


def turned(text: Text, clause: Span, grounds: Sequence[Ground]) -> Iterator[Problem]:
    """A clause that says of its events what they deny, denies what they say, or tells a fact as a plan."""
    own = text.own_words(clause)
    if (match := DENIED.search(own)) and not any(_denies(ground, own) for ground in grounds):
        yield _in(text, clause, match, "denies what the event says")
    if (
        (match := _FUTURE.search(own))
        and not _first_person(own)
        and not any(_SAYS_FUTURE.search(g.label) for g in grounds)
    ):
        yield _in(text, clause, match, "tells as a plan what has happened")
    if own.strip(" .,:;-–—()“”\n") and not any(text.repeated(at, at + 1) for at in _letters(text, clause)):
        yield from _unsaid(text, clause, own, grounds)
    yield from _other_act(text, clause, own, grounds)


def _letters(text: Text, clause: Span) -> Iterator[int]:
    return (at for at in range(clause.start, clause.end) if text.text[at].isalpha())


def _unsaid(text: Text, clause: Span, own: str, grounds: Sequence[Ground]) -> Iterator[Problem]:
    """The event's own `not` or `will` left out."""
    sentence = text.sentence(clause.start)
    around = text.text[sentence.start : sentence.end]
    for pattern, why in (
        (_DOUBTED, "leaves out that the event denies it"),
        (re.compile(r"\bwill\b"), "tells as done what the event announces"),
    ):
        if all(pattern.search(g.label) and _retells(own, g) for g in grounds) and not pattern.search(around):
            words = own.strip()
            yield Problem("wording", words, text.where, f"{why}: “{grounds[0].label}”", text.shown(sentence))


def _retells(own: str, ground: Ground) -> bool:
    """Whether a clause repeats half of what a title says."""
    title = {stem(word) for word in re.findall(r"[^\W\d_]{3,}", ground.label)}
    return len(title & {stem(word) for word in re.findall(r"[^\W\d_]{3,}", own)}) >= len(title) / 2


def _other_act(text: Text, clause: Span, own: str, grounds: Sequence[Ground]) -> Iterator[Problem]:
    for match in re.finditer(r"[A-Za-z]+", own):
        kind = _ACT.get(stem(match.group()))
        if kind and all(
            ground.event_type is not kind and stem(match.group()) not in ground.stems for ground in grounds
        ):
            yield _in(text, clause, match, f"is not what happened: “{grounds[0].label}”")


def trends(text: Text) -> Iterator[Problem]:
    """A metric that rises or falls without a figure: a proof must say so."""
    for sentence in text.sentences:
        own = text.own_words(sentence)
        told, named = direction_in(own, adverbs=False), measures_in(own)
        if told is None or not named or any(sentence.start <= each.start < sentence.end for each in text.amounts):
            continue
        asked = {each.name for each in named}
        grounds = (*text.grounds, text.all.watch)
        if not any(
            direction_in(saying.text) == told and asked & _measured(saying.text)
            for g in grounds
            for saying in (*g.sayings, *g.computed)
        ):
            way = "rose" if told == "up" else "fell"
            yield Problem(
                "wording",
                own.strip(),
                text.where,
                f"says that a metric {way}; no cited event does",
                text.shown(sentence),
            )


def absences(text: Text) -> Iterator[Problem]:
    """`no serious setback`: said only as a condition of the watch counted it."""
    for match in _ABSENT.finditer(text.text):
        if not text.repeated(*match.span()):
            counted = "; ".join(f"“{saying.text}”" for saying in text.all.watch.computed)
            why = f"is what no condition counted{f'; they counted {counted}' if counted else ''}"
            yield _problem(text, Span(*match.span()), why)


def _measured(text: str) -> set[str]:
    return {each.name for each in measures_in(text)}


def _denies(ground: Ground, own: str) -> bool:
    """Whether the title denies something, or a sentence of a quote that speaks of what the clause does."""
    words = {stem(word) for word in re.findall(r"[^\W\d_]{3,}", own)}
    sentences = [part for saying in ground.sayings for part in re.split(r"(?<=[.!?])\s+|\n+", saying.text)]
    told = [each for each in sentences if DENIED.search(each)]
    about = [len(words & {stem(word) for word in re.findall(r"[^\W\d_]{3,}", each)}) for each in told]
    return DENIED.search(ground.label) is not None or any(count >= 2 for count in about)


def _first_person(own: str) -> bool:
    return re.search(r"\b(?:I|we|you)\s+(?:will|may|might|hope|am|are)|\bI[’']ll\b|\bwe[’']ll\b", own) is not None


def _problem(text: Text, span: Span, why: str) -> Problem:
    return Problem("wording", text.raw[span.start : span.end], text.where, why, text.shown(text.sentence(span.start)))


def _in(text: Text, clause: Span, match: re.Match[str], why: str) -> Problem:
    return Problem("wording", match.group(), text.where, why, text.shown(text.sentence(clause.start)))


def subject_problems(subject: str) -> Iterator[Problem]:
    """One line of at most 90 characters."""
    if len(subject) > SUBJECT_LIMIT:
        yield Problem("wording", subject, "subject", f"is longer than {SUBJECT_LIMIT} characters")
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in subject):
        yield Problem("wording", subject, "subject", "is more than one line, or holds control characters")
