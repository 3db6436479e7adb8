"""Words that turn an act round, hedge or end it, and claims that hold neither figure, date nor name.

Closed lists: a word of them stands only where the texts of the clause's own event hold it, or one of its group. What
is added with other words is refused by `additions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sago.domain.events import EventType
from sago.domain.watches import Direction
from sago.outreach.claims.grounds import Ground
from sago.outreach.claims.measures import measures_in
from sago.outreach.claims.passages import Span
from sago.outreach.claims.reading import Problem, Text

_TURNING = [
    re.compile(rf"\b(?:{group})\b", re.I)
    for group in (
        r"reject\w*|refus\w+|declin\w+|turn(?:s|ed|ing)? down",
        r"su(?:es|ed|ing)|lawsuits?|litigation|disput\w+|contest(?:s|ed|ing)",
        r"consider(?:s|ed|ing)?|evaluat\w+|discuss(?:es|ed|ing)|negotiat\w+",
        r"(?<!\bI )(?<!\bwe )(?<!\byou )(?:could|would)(?! (?:we|you|I|like|love|welcome|be (?:glad|happy|curious))\b)",
        r"almost|nearly|not quite|close to (?=[a-z])|(?:on the )?verge of|about to",
        r"brief|briefly|temporar\w+|momentar\w+|for (?:a|one) (?:moment|day|week)",
        r"cancel\w*|call(?:s|ed|ing)? off|withdr[ae]w\w*|withdrawn|revers\w+|revok\w+|rescind\w*|annul\w*|void(?:ed)?",
        r"slip(?:s|ped|ping)?|slid|dropp?(?:s|ed|ing)?|fell back|collaps\w+",
        r"los[et]s?|losing|loss|churn(?:s|ed)|lapsed?|quit|leaves|leaving|(?<!\bis )(?<!\bare )left|resign\w*",
        r"verbal(?:ly)?|oral(?:ly)?|informal(?:ly)?|tentativ\w+|provisional(?:ly)?|in principle|non-?binding"
        r"|supposed(?:ly)?|reported(?:ly)?|apparently|perhaps|maybe|probably|letter of intent|loi",
        r"down from",
        r"terminat\w+|end(?:s|ed|ing)|expir\w+|stopp(?:ed|ing)|suspend\w*|paus(?:es|ed|ing)|halt\w*|abandon\w*",
        r"postpon\w+|delay\w*|defer(?:s|red|ring)?|push(?:es|ed) back",
        r"den(?:y|ies|ied)|fail(?:s|ed|ing)?|miss(?:es|ed)",
        r"excluding|net of|minus",
    )
]
_RESUMED = re.compile(
    r"\b(?:start|extend|resum|renew|expand|convert|complet|continu|restart|began|begun|sign(?=s|ed|ing))\w*", re.I
)
_ASIDE = re.compile(r"\b(?:I|we|you)\b[^,;:–]*$", re.I)
"""Somebody of the letter says it of themselves: `I considered`, `we discussed`."""
_OF_OURSELVES = re.compile(r"\b(?:consider|discuss|miss|would|could|left)", re.I)
_JUDGED = re.compile(
    r"\b(?:low|high|strong|weak|excellent|great|good|bad|poor|healthy|solid|impressive|long|short|zero|nil"
    r"|growing|improving|rising|falling|shrinking|stable|flat|better|worse|audited)\b",
    re.I,
)
_ALSO_JUDGED = re.compile(r"\b(?:margins?|retention|team|product|costs?|growth|revenue|sales|burn)\b", re.I)
_CLAIMS = [
    re.compile(rf"\b(?:{group})\b", re.I)
    for group in (
        r"invest(?:s|ed|ing)?|co-invest\w*",
        r"commit(?:s|ted|ting)?|commitments?",
        r"wir(?:e|es|ed|ing)(?= )(?! (?:fraud|less))",
        r"term sheets?|bridge rounds?|valuations?|due diligence is",
        r"(?:raising|closed|closing) (?:a|an|our|your|the) (?:\w+ )?round",
        r"partners? approved|approved the investment|investment committee",
        r"lawsuits?|litigation|court",
        r"settled|settlement",
        r"bankrupt\w*|insolven\w+|liquidat\w+",
        r"fraud\w*|investigation|embezzl\w+|stole|stolen",
        r"profitable|profitab\w+|break-?even|cash[- ]flow positive",
        r"acqui(?:re|res|red|ring|sition|sitions)",
        r"bank details|password|passwords|deposit",
        r"outages?|breach(?:es|ed)?",
        r"margins?",
    )
]


def reversed_acts(text: Text, clause: Span, grounds: Sequence[Ground]) -> Iterator[Problem]:
    """A clause of an event that rejects, hedges or ends what the event tells, or starts again what it says stopped."""
    own = text.own_words(clause)
    if text.text[text.sentence(clause.start).start : text.sentence(clause.start).end].rstrip().endswith("?"):
        return
    patterns = [*_TURNING, *([_RESUMED] if all(g.event_type is EventType.SETBACK for g in grounds) else [])]
    for pattern in patterns:
        for match in pattern.finditer(own):
            said = match.group()
            is_own = _ASIDE.search(own[: match.start()]) and _OF_OURSELVES.match(said)
            if is_own or _holds(pattern, said, grounds, whole=pattern is not _RESUMED):
                continue
            yield _problem(text, clause, said, f"turns round what the event says: “{grounds[0].label}”")


_PAYS = r"(?: (?!who |that |can |could )[a-z]+){0,2} (?:pay|pays|paid|owe|owes|owed)\b"
_OWES = re.compile(r"(?<!\bI )(?<!\bwe )(?<!\byou )\b(?:owes?|owed)\b", re.I)
_OWN_PAYING = re.compile(r"\bwe(?: [a-z]+){0,2} (?:pay|paid|owe)\b|\bow(?:e|es|ed)\b", re.I)
"""A proof in which the company pays, or something is owed."""


def turned_payments(text: Text, clause: Span, grounds: Sequence[Ground]) -> Iterator[Problem]:
    """`You pay Kestrel Air` of a customer's contract, and `owes` of what nobody said is due."""
    if text.text[: text.sentence(clause.start).end].rstrip().endswith("?"):
        return
    if not all(ground.event_type is EventType.ENTERPRISE_DEAL for ground in grounds):
        return
    if any(_OWN_PAYING.search(each) for ground in grounds for each in ground.texts):
        return
    payer = "you|your company" if text.all.direction is Direction.TO_FOUNDER else "we|our company"
    name = re.escape(text.all.company.sayings[0].text)
    paying = re.compile(rf"(?<!\w)(?:{payer}|{name}){_PAYS}", re.I)
    own = text.own_words(clause)
    for match in (*paying.finditer(own), *_OWES.finditer(own)):
        yield _problem(text, clause, match.group(), f"turns round who pays: “{grounds[0].label}”")


_WHOLE_REASON = re.compile(
    r"\bno longer (?:holds?|appl(?:y|ies)|stands?|true|(?:is |are )?(?:so|the case))\b"
    r"|\b(?:that|this|it|both|all|reasons?|objections?|concerns?|doubts?)(?: (?!much)\w+)? "
    r"(?:is|are|has|have)(?: \w+)? (?:gone|changed|answered|settled|resolved|vanished|out of the way)\b",
    re.I,
)


def whole_reason(text: Text) -> Iterator[Problem]:
    """`The reason is gone` of a reason that the conditions answer in part."""
    if text.all.answers_all or text.where.startswith("highlight"):
        return
    for sentence in text.sentences:
        for match in _WHOLE_REASON.finditer(text.own_words(sentence)):
            yield _problem(text, sentence, match.group(), "is said of the whole reason, which is answered in part")


def unbacked(text: Text) -> Iterator[Problem]:
    """Claims of money, health, lawsuits and metrics that hold no figure: a cited text must hold the word."""
    grounds = (*text.grounds, text.all.watch)
    for sentence in text.sentences:
        own = text.own_words(sentence)
        for pattern in _CLAIMS:
            for match in pattern.finditer(own):
                if not _holds(pattern, match.group(), grounds, whole=True):
                    yield _problem(text, sentence, match.group(), "is said by no cited event")
        yield from _judged(text, sentence, own, grounds)


def _judged(text: Text, sentence: Span, own: str, grounds: Sequence[Ground]) -> Iterator[Problem]:
    """`churn is very low`, `gross retention is excellent`: a metric with a judgement that nothing cited makes."""
    for match in _JUDGED.finditer(own):
        clause = re.split(r"[,;:–]", own[: match.start()])[-1] + re.split(r"[,;:–]", own[match.start() :])[0]
        if not (measures_in(clause) or _ALSO_JUDGED.search(clause)) or not re.search(
            r"\b(?:is|are|was|were|stays?|remains?|has|have|had|looks?|with)\b", clause
        ):
            continue
        word = re.compile(rf"\b{match.group()}\b", re.I)
        if not any(word.search(each) for ground in grounds for each in ground.texts):
            yield _problem(text, sentence, match.group(), "judges what no cited event does")


def _holds(pattern: re.Pattern[str], said: str, grounds: Sequence[Ground], *, whole: bool) -> bool:
    """Whether a text of the grounds holds the word, or for `whole` another of its group."""
    wanted = pattern if whole else re.compile(rf"\b{re.escape(said[:5])}", re.I)
    return any(wanted.search(each) for ground in grounds for each in (*ground.texts, *_computed(ground)))


def _computed(ground: Ground) -> tuple[str, ...]:
    return tuple(saying.text for saying in ground.computed)


def _problem(text: Text, span: Span, said: str, why: str) -> Problem:
    return Problem("wording", said, text.where, why, text.shown(text.sentence(span.start)))
