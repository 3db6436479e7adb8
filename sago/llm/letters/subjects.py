"""Subject lines: the company, and the fact that the letter is about. At most 90 characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sago.domain.companies import Granularity
from sago.domain.events import Event, EventType, Metric
from sago.domain.letters import LetterRequest
from sago.domain.metrics import METRICS
from sago.domain.watches import ConditionResult, Direction, Outcome
from sago.domain.wording import figure, metric_label, metric_phrase
from sago.llm.letters.answers import reason
from sago.llm.letters.clauses import renewals
from sago.llm.letters.figures import telling_figures
from sago.llm.letters.phrasing import Phrases, one_line

SUBJECT_LIMIT = 90
SHORT_REASON = 34
"""Characters of a reason that may be recalled in a subject."""
MOST_PHRASES = 3
_FACTS = "\0"
"""Where the facts stand in a form."""
LONGEST_PHRASE = 45
_NOUNS = {"headcount": "people", "runway": "of runway", "contract_value": "contract"}
_OF_A_DEAL = frozenset({"contract_value", "amount_raised", "valuation"})
_FORMS = (
    (re.compile(r"(?P<who>(?!Million).+?) signed a contract"), "{who} signed"),
    (re.compile(r"(?P<who>(?!Million|Term sheet|Loan|Grant).+?) (?:signed|signs)\b"), "{who} signed"),
    (re.compile(r"(?P<round>Series [A-F]) closes\b"), "{round} closed"),
    (re.compile(r"Term sheet (?:from|of|signed|received)"), "term sheet"),
    (re.compile(r"(?P<who>.+?) renewed or expanded"), "{who} renewed"),
    (re.compile(r"(?P<who>\S+ .+?) joins as "), "{who} joins"),
    (re.compile(r"(?P<who>.+?) started a paid pilot"), "{who} pays for a pilot"),
    (re.compile(r"(?P<round>Series [A-F])(?: of (?P<value>\S+(?: \S+)?))? closed"), "{round} closed"),
    (re.compile(r"Funding round of (?P<value>.+?) closed"), "funding round of {value}"),
    (re.compile(r".+? sent an? (?P<what>.+?) term sheet"), "{what} term sheet"),
    (re.compile(r".+? sent a term sheet"), "term sheet"),
    (re.compile(r"(?P<what>.+?) (?:is|are) available to customers"), "{what} released"),
)


_TYPES = {
    EventType.ENTERPRISE_DEAL: "a deal",
    EventType.CUSTOMER_SUCCESS: "a customer’s result",
    EventType.REVENUE_MILESTONE: "revenue",
    EventType.USER_GROWTH: "usage",
    EventType.FUNDING: "funding",
    EventType.PARTNERSHIP: "a partnership",
    EventType.MARKET_EXPANSION: "a new market",
    EventType.MEDIA_COVERAGE: "in the press",
    EventType.PRODUCT_LAUNCH: "a release",
    EventType.TECHNICAL_ACHIEVEMENT: "the product",
    EventType.COMPLIANCE: "compliance",
    EventType.HIRING: "the team",
}
"""What an event is about that has no short name of its own."""


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
    short = list(dict.fromkeys([*asked.values(), *filter(None, others)]))
    is_update = request.verdict.outcome is not Outcome.NOW
    return short or [_TYPES[kind] for kind in _kinds(request) if is_update or not request.watch.told_reason]


def _kinds(request: LetterRequest) -> list[EventType]:
    return [kind for kind in dict.fromkeys(event.event_type for event in request.events) if kind in _TYPES]


def _asked(result: ConditionResult, request: LetterRequest) -> str:
    if result.condition.kind != "metric" or not result.holds or result.seen is None:
        return ""
    if request.granularity is not Granularity.EXACT:
        return ""
    about = "~" if result.note else ""
    label = metric_label(result.condition.name)
    label = _NOUNS.get(result.condition.name) or (label if label.isupper() else label.lower())
    return f"{about}{figure(result.seen, result.unit)} {label}"


def _signed(text: str, event: Event) -> str:
    """A customer that signed, or renewed; of a title of another form only a new deal, by the customer's name."""
    is_ours = " signed a contract" in event.title
    if "renewed" in renewals(event):
        return f"{text.removesuffix('signed')}renewed" if is_ours else ""
    return text if is_ours or (event.event_type is EventType.ENTERPRISE_DEAL and text[0].isupper()) else ""


def _is_about(event: Event, counted: Metric) -> bool:
    """Whether a count is what the event is about, and no number that it names beside: `covering 63 sites`."""
    is_level = event.event_type in (EventType.USER_GROWTH, EventType.REVENUE_MILESTONE)
    return is_level and metric_label(counted.name).split()[-1].lower() in event.title.lower()


def _phrase(event: Event, request: LetterRequest) -> str:
    """`$2.1M ARR`, `Kestrel Air signed`, `a $9M round`; nothing of an event that has no short name."""
    for form, phrase in _FORMS:
        if (found := form.match(event.title)) and len(text := phrase.format(**found.groupdict())) <= LONGEST_PHRASE:
            if text.startswith(("A ", "An ", "The ")) or "[" in text:
                return ""
            if not text.endswith(" signed"):
                return text
            return _signed(text, event)
    figures = [m for m in telling_figures(event) if m.name in METRICS and m.name not in _OF_A_DEAL]
    figures = [metric for metric in figures if metric.unit != "count" or _is_about(event, metric)]
    if figures and figures[0].name in _NOUNS and request.granularity is Granularity.EXACT:
        return f"{figure(figures[0].value, figures[0].unit)} {_NOUNS[figures[0].name]}"
    return metric_phrase(figures[0]) if figures and request.granularity is Granularity.EXACT else ""
