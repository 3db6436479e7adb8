"""Subject lines: the company, and the fact that the letter is about. At most 90 characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sago.domain.companies import Granularity
from sago.domain.events import Event, EventType, Metric
from sago.domain.letters import LetterRequest
from sago.domain.metrics import METRICS
from sago.domain.watches import ConditionResult, Direction, Outcome
from sago.domain.wording import figure, metric_label, metric_phrase, one_line
from sago.llm.letters.answers import reason
from sago.llm.letters.clauses import renewals
from sago.llm.letters.facts import is_name
from sago.llm.letters.figures import telling_figures
from sago.llm.letters.phrasing import Phrases, listed
from sago.llm.letters.tellings import Manner, tell
from sago.llm.letters.titles import headed, is_qualified, is_speech

SUBJECT_LIMIT = 90
SHORT_REASON = 34
"""Characters of a reason that may be recalled in a subject."""
MOST_PHRASES = 3
_FACTS = "\0"
"""Where the facts stand in a form."""
LONGEST_PHRASE = 45
_DAYS_OF_A_BARE_MONTH = 330
_UNTOLD = re.compile(r"\[|\bundisclosed\b|\bsome\b")
_NOUNS = {"headcount": "people", "runway": "of runway", "contract_value": "contract"}
_OF_A_DEAL = frozenset({"contract_value", "amount_raised", "valuation"})
_FORMS = (
    (re.compile(r"(?P<who>(?!Million).+?) signed a contract"), "{who} signed"),
    (re.compile(r"(?P<who>(?!Million|Term sheet|Loan|Grant).+?) (?:signed|signs)\b"), "{who} signed"),
    (re.compile(r"(?P<round>Series [A-F]) closes\b"), "{round} closed"),
    (re.compile(r"Term sheet from (?P<who>[^:,]+)"), "term sheet from {who}"),
    (re.compile(r"Term sheet (?:of|signed|received)"), "term sheet"),
    (re.compile(r"(?P<who>.+?) renewed or expanded"), "{who} renewed"),
    (re.compile(r"(?P<who>\S+ .+?) joins as "), "{who} joins"),
    (re.compile(r"(?P<who>.+?) started a paid pilot"), "{who} pays for a pilot"),
    (re.compile(r"(?P<round>Series [A-F])(?: of (?P<value>\S+(?: \S+)?))? closed"), "{round} closed"),
    (re.compile(r"Funding round of (?P<value>.+?) closed"), "{value} funding round"),
    (re.compile(r".+? sent an? (?P<what>.+?) term sheet"), "{what} term sheet"),
    (re.compile(r".+? sent a term sheet"), "term sheet"),
    (
        re.compile(r"(?P<who>(?!.* sent ).+?) term sheet(?::| (?:for|of|received|signed|accepted)\b)"),
        "{who} term sheet",
    ),
    (re.compile(r"(?P<what>(?!A new).+?) (?:is|are) available to customers"), "{what} released"),
)


_TYPES = {
    EventType.ENTERPRISE_DEAL: "customers",
    EventType.CUSTOMER_SUCCESS: "customers",
    EventType.REVENUE_MILESTONE: "revenue",
    EventType.USER_GROWTH: "usage",
    EventType.FUNDING: "funding",
    EventType.PARTNERSHIP: "partnerships",
    EventType.MARKET_EXPANSION: "new markets",
    EventType.MEDIA_COVERAGE: "the press",
    EventType.PRODUCT_LAUNCH: "the product",
    EventType.TECHNICAL_ACHIEVEMENT: "the product",
    EventType.COMPLIANCE: "compliance",
    EventType.HIRING: "the team",
}
"""What there is news on, where no event has a short name of its own."""
LONGEST_WHOLE, LONGEST_HEAD = 58, 62
LONGEST_TOGETHER = 78
_SHORTEST_HEAD = 3
_STOPS = re.compile(r"[,;:] | \(| – | and (?=[a-z]+ed\b|grew\b|went\b|took\b|sent\b|met\b|began\b)")
_NOBODY = re.compile(r"an? (?:customer|investor|prospect|partner|newspaper)\b")
_SPEAKERS = re.compile(r"^(?:you|we)\b|\b(?:you|us)\b")
_OF_OURS = (
    (re.compile(r"(?:You|We) reached (.+?)(?:, (?:up|down) .+)?"), r"\1"),
    (re.compile(r"(?:You|We) were granted (?:the|your|our|an?) (.+)"), r"\1 granted"),
    (re.compile(r"(?:You|We) passed (?:your |our )?(.+)"), r"\1 passed"),
    (re.compile(r"(?:You|We) signed a partnership agreement with (.+)"), r"agreement with \1"),
    (re.compile(r"(?:You|We) hired (?:an? )?([^ ]+(?: [^ ]+){0,3})"), r"\1 hired"),
    (re.compile(r"(?:You|We) opened in ((?!a new).+)"), r"open in \1"),
    (re.compile(r"(?:You|We) were awarded a (grant.*)"), r"\1"),
    (re.compile(r"(.+) awarded (?:you|us) a (grant.*)"), r"\2"),
)
"""Clauses about ourselves, as a subject line has them."""
_JOINTS = re.compile(r" (?:for|with|at|from|over|on|in|after|of|across|between|that) (?!\d+(?:\.\d+)? to )|(?<!\d) to ")


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
        if not facts:
            return _what_was_asked(name, request)
        if request.watch.direction is Direction.TO_FOUNDER:
            forms = ["{name}: {facts} – time to talk", "Back to {name}: {facts}"]
        if recalled and len(recalled) <= SHORT_REASON and request.answers_all:
            forms.append("{name}: {facts} – “{why}” no longer holds")
        return _fitting(name, phrases.pick("subject", *forms, name=name, why=recalled, facts=_FACTS), facts)
    return _fitting(name, f"{name}: {_FACTS}", facts)


def _what_was_asked(name: str, request: LetterRequest) -> str:
    """The meeting recalled, where neither a fact nor the reason fits."""
    met = request.watch.met_on
    asker = "I" if request.watch.direction is Direction.TO_FOUNDER else "you"
    is_recent = met and (request.as_of.date() - met).days <= _DAYS_OF_A_BARE_MONTH
    return f"{name}: what {asker} asked for in {met:%B}" if is_recent else f"{name}: what {asker} asked for"


def _fitting(name: str, form: str, facts: Sequence[str]) -> str:
    """As many facts as fit, and the plain form where the longer one leaves room for none; several only while short."""
    for each in (form, f"{name}: {_FACTS}"):
        for number in range(min(MOST_PHRASES, len(facts)), 0, -1):
            text = each.replace(_FACTS, ", ".join(facts[:number]))
            if len(text) <= (LONGEST_TOGETHER if number > 1 else SUBJECT_LIMIT):
                return text
    return f"{name}: news"


def _phrases(request: LetterRequest, told: Sequence[Event]) -> list[str]:
    """What a condition asked for, then what the letter tells: a metric's figure, whom an event names, or the head of
    its title."""
    asked = {result.event_id: phrase for result in request.verdict.results if (phrase := _asked(result, request))}
    others = [event for event in told if event.id not in asked and event.event_type is not EventType.SETBACK]
    short = list(dict.fromkeys([*asked.values(), *filter(None, (_phrase(event, request) for event in others))]))
    answered = {result.event_id for result in request.verdict.results}
    strongest = next((event for event in others if event.id in answered), others[0] if others else None)
    if strongest and not asked and (not short or not _phrase(strongest, request)):
        heads = (_head(event, request) for event in ([strongest] if short else others))
        if head := next(filter(None, heads), ""):
            return [head]  # one telling by itself: beside it another fact reads as a part of it
    if short or (request.verdict.outcome is Outcome.NOW and request.watch.told_reason):
        return short
    kinds = list(dict.fromkeys(_TYPES[event.event_type] for event in request.events if event.event_type in _TYPES))
    return [f"news on {listed(kinds[:2])}"] if kinds and request.verdict.outcome is not Outcome.NOW else []


def _head(event: Event, request: LetterRequest) -> str:
    """`Triage v3 reached 94% sensitivity`: what a telling begins with, up to where it may be cut."""
    telling = tell(event, request)
    if telling.manner in (Manner.QUOTE, Manner.FACT) or _NOBODY.match(telling.text):
        return ""
    text = headed(telling.text)
    if _SPEAKERS.search(telling.text):
        return next((form.sub(short, text) for form, short in _OF_OURS if form.fullmatch(text)), "")
    if is_qualified(event.title):
        return text if len(text) <= LONGEST_HEAD else ""
    first = text if len(text) <= LONGEST_WHOLE else _STOPS.split(text)[0]
    if len(first) > LONGEST_HEAD:
        ends = [match.start() for match in _JOINTS.finditer(first[:LONGEST_HEAD])]
        first = re.sub(r" from \S+(?: \S+)?$", "", first[: ends[-1]]) if ends else ""
    return first if len(first.split()) >= _SHORTEST_HEAD else ""


def _asked(result: ConditionResult, request: LetterRequest) -> str:
    if result.condition.kind != "metric" or not result.holds or result.seen is None:
        return ""
    if request.granularity is not Granularity.EXACT:
        return ""
    about = "~" if result.note else ""
    label = metric_label(result.condition.name)
    label = _NOUNS.get(result.condition.name) or (label if label.isupper() else label.lower())
    return f"{about}{figure(result.seen, result.unit)} {label}"


def _names(found: re.Match[str], event: Event) -> bool:
    """Whether the one whom a title names is somebody, and no word of the chat."""
    who = found.groupdict().get("who")
    return who is None or is_name(who, event)


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
    if is_qualified(event.title):
        return ""
    for form, phrase in () if is_speech(event.title) else _FORMS:
        if (found := form.match(event.title)) and len(text := phrase.format(**found.groupdict())) <= LONGEST_PHRASE:
            if text.startswith(("A ", "An ", "The ")) or _UNTOLD.search(text) or not _names(found, event):
                return ""
            if not text.endswith(" signed"):
                return text
            return _signed(text, event)
    figures = [m for m in telling_figures(event) if m.name in METRICS and m.name not in _OF_A_DEAL]
    figures = [metric for metric in figures if metric.unit != "count" or _is_about(event, metric)]
    if figures and figures[0].name in _NOUNS and request.granularity is Granularity.EXACT:
        return f"{figure(figures[0].value, figures[0].unit)} {_NOUNS[figures[0].name]}"
    return metric_phrase(figures[0]) if figures and request.granularity is Granularity.EXACT else ""
