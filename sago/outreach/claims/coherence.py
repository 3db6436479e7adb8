"""What belongs together: all that one clause says must come from one event, so that nothing is told of another.

A clause that names nobody and no metric goes on with what the one before it spoke of.
"""

# ruff: noqa: SIM905 - a table of words is read more easily as one string
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rapidfuzz.fuzz import partial_ratio, partial_ratio_alignment

from sago.domain.events import EventType
from sago.outreach.claims.acts import reversed_acts, turned_payments
from sago.outreach.claims.calendar import find_days, is_written
from sago.outreach.claims.dates import date_claims
from sago.outreach.claims.figures import figure_claims
from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.names import name_claims, strange_words, zones
from sago.outreach.claims.passages import Span, clauses, occurrences, stem, words_of
from sago.outreach.claims.reading import Claim, Match, Text
from sago.outreach.claims.wording import superlatives, turned

_GOES_ON = re.compile(r"\s*(?:worth|at|for|of|by|to|from|on|in|bringing|adding|valued|totalling|paying)\b", re.I)
NEARLY_A_TITLE = 86
"""rapidfuzz's partial ratio (0 to 100) from which a clause tells an event's title with a word changed."""
_SHORTEST_TITLE = 15
Settled = tuple[Claim, Match | None, str]
Keys = frozenset[object]


def settled(text: Text) -> Iterator[Settled]:
    """Each claim with the one match its clause allows, or with the reason why it is refused."""
    claims = sorted(
        [*figure_claims(text), *date_claims(text), *name_claims(text), *superlatives(text)],
        key=lambda claim: claim.start,
    )
    for claim in claims:
        if not claim.matches:
            yield claim, None, claim.why
    if unsigned := _unsigned(text):
        yield unsigned
    apart = [zone for zone in (zones(text) if text.where == "body" else ()) if zone]
    told = [claim for claim in claims if claim.matches]
    for sentence in text.sentences:
        inside = [claim for claim in told if sentence.start <= claim.start < sentence.end]
        free = [claim for claim in inside if any(zone.holds(claim.start, claim.end) for zone in apart)]
        yield from (_apart(claim) for claim in free)
        yield from _sentence(text, sentence, [claim for claim in inside if claim not in free])
        yield from _changed(text, sentence)


def _unsigned(text: Text) -> Settled | None:
    """A signature that is not the sender's."""
    zone = zones(text)[1] if text.where == "body" else None
    if zone is None or not text.all.sender or words_of(text.all.sender) & words_of(text.text[zone.start : zone.end]):
        return None
    why = f"is not the sender: {text.all.sender}"
    return Claim("name", zone.start, zone.end, (), why), None, why


def _apart(claim: Claim) -> Settled:
    """A greeting and a signature hold names, and nothing that happened."""
    named = claim.kind == "name"
    return (claim, claim.matches[0], "") if named else (claim, None, "stands in the greeting or the signature")


def _sentence(text: Text, sentence: Span, claims: list[Claim]) -> Iterator[Settled]:
    current: Keys | None = None
    anchored = named = False
    for clause in clauses(text.text, sentence, text.whole):
        inside = [claim for claim in claims if clause.start <= claim.start < clause.end]
        bound = [claim for claim in inside if claim.events is not None]
        if not bound:
            yield from ((claim, claim.matches[0], "") for claim in inside)
            if current and anchored:
                yield from _reversed(text, clause, [ground for ground in text.grounds if ground.key in current])
            continue
        has_anchor = any(claim.is_anchor or _is_repeated(claim, text) for claim in bound)
        starts_anew = has_anchor and anchored and not named and not _GOES_ON.match(text.text[clause.start : clause.end])
        keys = None if starts_anew else current
        keys = _nearly(text, clause, keys)
        refused = False
        for claim in sorted(bound, key=lambda each: len(each.events or ())):
            both = claim.events if keys is None else keys & (claim.events or frozenset())
            if not both:
                refused = True
                yield claim, None, _mixed(claim, keys, text)
                continue
            keys = both
        yield from _clause(text, clause, inside, keys or frozenset(), refused=refused)
        current = keys
        anchored = has_anchor or (anchored and not starts_anew)
        is_headed = text.text[clause.start : clause.end].rstrip().endswith(":") and all(c.kind == "name" for c in bound)
        named = named or is_headed


def _clause(text: Text, clause: Span, claims: list[Claim], keys: Keys, *, refused: bool) -> Iterator[Settled]:
    grounds = [ground for ground in text.grounds if ground.key in keys]
    for claim in claims:
        fitting = [match for match in claim.matches if match.ground.key in keys]
        free = [match for match in claim.matches if match.ground.key is None]
        if fitting or free:
            yield claim, (fitting or free)[0], ""
    if refused or not grounds:
        return
    first = next(claim for claim in claims if claim.events is not None)
    for problem in turned(text, clause, grounds):
        at = text.text.find(problem.text, clause.start, clause.end)
        span = (at, at + len(problem.text)) if at >= 0 else (clause.start, clause.end)
        yield first._replace(kind="wording", start=span[0], end=span[1]), None, problem.why
    yield from _reversed(text, clause, grounds)
    if _is_name_alone(text, clause, claims, grounds):
        yield first, None, f"is named, but nothing is said of it that “{grounds[0].label}” says"


def _reversed(text: Text, clause: Span, grounds: list[Ground]) -> Iterator[Settled]:
    turned = (*reversed_acts(text, clause, grounds), *turned_payments(text, clause, grounds)) if grounds else ()
    for problem in turned:
        at = text.text.find(problem.text, clause.start, clause.end)
        yield Claim("wording", at, at + len(problem.text), (), problem.why), None, problem.why


def _is_repeated(claim: Claim, text: Text) -> bool:
    return bool(text.repeated(claim.start, claim.end))


def _changed(text: Text, sentence: Span) -> Iterator[Settled]:
    """Words that stand in a repeated title instead of its own: names, and what is no word at all."""
    said = text.text[sentence.start : sentence.end]
    for ground in text.grounds:
        title = ground.label.rstrip(".!")
        if len(title) < _SHORTEST_TITLE or ground.event_type is None or next(occurrences(title, text.text), None):
            continue
        aligned = partial_ratio_alignment(title.lower(), said.lower(), score_cutoff=NEARLY_A_TITLE)
        if aligned is None or len(said) < 0.8 * len(title):
            continue
        window = Span(sentence.start + aligned.dest_start, sentence.start + aligned.dest_end)
        why = f"is not in “{ground.label}”, which the sentence repeats otherwise"
        for match in strange_words(text, window, ground):
            heads = text.where == "subject" and text.text[match.end() : match.end() + 1] == ":"
            if heads or text.repeated(*match.span()):
                continue  # looked at by itself, or another saying's word
            yield Claim("name", *match.span(), (), why), None, why
        own = find_days(title)
        for day in text.days if own else ():
            if window.holds(day.start, day.end) and not any(is_written(day, known) for known in own):
                yield Claim("date", day.start, day.end, (), why), None, why


def _nearly(text: Text, clause: Span, keys: Keys | None) -> Keys | None:
    """A title with a word changed is still told as that event's."""
    said = text.text[clause.start : clause.end]
    near = frozenset(
        ground.key
        for ground in text.all.events
        if len(ground.label) >= _SHORTEST_TITLE
        and len(said) >= 0.8 * len(ground.label)
        and partial_ratio(ground.label.lower(), said.lower()) >= NEARLY_A_TITLE
    )
    if not near:
        return keys
    return near if keys is None else (keys & near or keys)


def _is_name_alone(text: Text, clause: Span, claims: Iterable[Claim], grounds: list[Ground]) -> bool:
    """Whether a clause names somebody of an event and says nothing of what the event tells."""
    bound = [claim for claim in claims if claim.events is not None]
    if any(claim.kind not in ("name", "date") or _is_repeated(claim, text) for claim in bound):
        return False
    names = {
        stem(word)
        for claim in bound
        if claim.kind != "name" or claim.is_receipted
        for word in words_of(text.text[claim.start : claim.end])
    }
    sentence = text.sentence(clause.start)
    words = {stem(word) for word in words_of(text.text[sentence.start : sentence.end]) if len(word) > 2} - names
    around = text.text[sentence.start : sentence.end]
    is_courtesy = (
        around.rstrip().endswith("?")
        or _COURTESY.search(around)
        or (_WON.search(around) and any(ground.event_type is EventType.ENTERPRISE_DEAL for ground in grounds))
    )
    return not is_courtesy and not any(words & (ground.stems - names) - _EMPTY for ground in grounds)


_COURTESY = re.compile(
    r"\b(?:regards|greetings|wishes|congratulations|thanks|hello|compliments|forward this) (?:\w+ )?to\b"
    r"|\b(?:congratulations|well done) on\b|\b(?:hear|know|learn|talk|speak|read) (?:\w+ )?about\b",
    re.I,
)
_WON = re.compile(r"\b(?:you|we) (?:won|win|landed)\b", re.I)


_EMPTY = frozenset(
    stem(word)
    for word in (
        "the and for with from that this have has had was were are our your their his her its you they who "
        "what when where which "
        "would like take look new now more than into over about after before also not but all any can could "
        "one two per out"
    ).split()
)


def _mixed(claim: Claim, keys: Keys | None, text: Text) -> str:
    told = next((ground.label for ground in text.all.events if keys and ground.key in keys), "")
    own = claim.matches[0].ground.label
    return f"is said in “{own}”, while the clause tells of “{told}”"
