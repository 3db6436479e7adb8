"""Subject lines: the company, and the fact that the letter is about. At most 90 characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sago.domain.companies import Granularity
from sago.domain.events import Event
from sago.domain.letters import LetterRequest
from sago.domain.metrics import METRICS
from sago.domain.watches import ConditionResult, Direction, Outcome
from sago.domain.wording import figure, metric_label, metric_phrase
from sago.llm.letters.answers import reason
from sago.llm.letters.figures import telling_figures
from sago.llm.letters.phrasing import Phrases, one_line

SUBJECT_LIMIT = 90
SHORT_REASON = 34
"""Characters of a reason that may be recalled in a subject."""
MOST_PHRASES = 3
_FACTS = "\0"
"""Where the facts stand in a form."""
LONGEST_PHRASE = 45
_OF_A_DEAL = frozenset({"contract_value", "amount_raised", "valuation"})
_FORMS = (
    (re.compile(r"(?P<who>(?!Million).+?) signed a contract"), "{who} signed"),
    (re.compile(r"(?P<who>.+?) renewed or expanded"), "{who} renewed"),
    (re.compile(r"(?P<who>\S+ .+?) joins as "), "{who} joins"),
    (re.compile(r"(?P<who>.+?) started a paid pilot"), "{who} pays for a pilot"),
    (re.compile(r"(?P<round>Series [A-F])(?: of (?P<value>\S+(?: \S+)?))? closed"), "{round} closed"),
    (re.compile(r"Funding round of (?P<value>.+?) closed"), "funding round of {value}"),
    (re.compile(r".+? sent an? (?P<what>.+?) term sheet"), "{what} term sheet"),
    (re.compile(r".+? sent a term sheet"), "term sheet"),
    (re.compile(r"(?P<what>.+?) (?:is|are) available to customers"), "{what} released"),
)


def subject(request: LetterRequest, phrases: Phrases, told: Sequence[Event]) -> str:
    """Of a reply the thread's own; else the company with what answers the objection, or the strongest facts told."""
    name = one_line(request.company.name)[: SUBJECT_LIMIT - len(": news")]
    facts, forms = _phrases(request, told), ["{name}: {facts}"]
    if request.verdict.outcome is Outcome.NOW:
        recalled = reason(request)
        turned = "no longer holds" if request.answers_all else "and what has changed"
        bare = f"{name}: “{recalled}” {turned}"
        if recalled and not facts and len(bare) <= SUBJECT_LIMIT:
            return bare
        if request.watch.direction is Direction.TO_FOUNDER:
            forms = ["{name}: {facts} – time to talk", "Back to {name}: {facts}"]
        if recalled and len(recalled) <= SHORT_REASON and request.answers_all:
            forms.append("{name}: {facts} – “{why}” no longer holds")
        return _fitting(name, phrases.pick("subject", *forms, name=name, why=recalled, facts=_FACTS), facts)
    return _fitting(name, f"{name}: {_FACTS}", facts)


def _fitting(name: str, form: str, facts: Sequence[str]) -> str:
    """As many facts as fit, and the plain form where the longer one leaves room for none."""
    for each in (form, f"{name}: {_FACTS}"):
        for number in range(min(MOST_PHRASES, len(facts)), 0, -1):
            text = each.replace(_FACTS, ", ".join(facts[:number]))
            if len(text) <= SUBJECT_LIMIT:
                return text
    return f"{name}: news"


def _phrases(request: LetterRequest, told: Sequence[Event]) -> list[str]:
    """What a condition asked for, then what the letter tells: a metric's figure or whom an event names."""
    asked = {result.event_id: phrase for result in request.verdict.results if (phrase := _asked(result, request))}
    others = [_phrase(event, request) for event in told if event.id not in asked]
    return list(dict.fromkeys([*asked.values(), *filter(None, others)]))


def _asked(result: ConditionResult, request: LetterRequest) -> str:
    if result.condition.kind != "metric" or not result.holds or result.seen is None:
        return ""
    if request.granularity is not Granularity.EXACT:
        return ""
    about = "~" if result.note else ""
    label = metric_label(result.condition.name)
    return f"{about}{figure(result.seen, result.unit)} {label if label.isupper() else label.lower()}"


def _phrase(event: Event, request: LetterRequest) -> str:
    """`$2.1M ARR`, `Kestrel Air signed`, `a $9M round`; nothing of an event that has no short name."""
    for form, phrase in _FORMS:
        if (found := form.match(event.title)) and len(text := phrase.format(**found.groupdict())) <= LONGEST_PHRASE:
            return "" if text.startswith(("A ", "An ", "The ")) or "[" in text else text
    figures = [m for m in telling_figures(event) if m.name in METRICS and m.name not in _OF_A_DEAL]
    return metric_phrase(figures[0]) if figures and request.granularity is Granularity.EXACT else ""
