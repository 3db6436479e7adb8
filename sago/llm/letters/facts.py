"""What is left to tell of an event whose words are no prose: its kind, whom it names, and its figure."""

# ruff: noqa: SIM905 - a table of words is read more easily as one string
from __future__ import annotations

import re

from sago.domain.companies import Granularity
from sago.domain.events import Event, EventType, Evidence
from sago.domain.metrics import is_vague
from sago.domain.wording import figure, metric_label

LONGEST_SENTENCE = 120
_SHORTEST_SENTENCE = 4
_KINDS = {
    EventType.ENTERPRISE_DEAL: ("an enterprise deal", " with "),
    EventType.CUSTOMER_SUCCESS: ("a success at a customer’s", ""),
    EventType.REVENUE_MILESTONE: ("a milestone in revenue", ""),
    EventType.USER_GROWTH: ("a milestone in user numbers", ""),
    EventType.FUNDING: ("a step in funding", " with "),
    EventType.INVESTOR_INTEREST: ("interest from an investor", ""),
    EventType.PARTNERSHIP: ("a partnership", " with "),
    EventType.MARKET_EXPANSION: ("a step into a new market", ""),
    EventType.MEDIA_COVERAGE: ("coverage in the media", ""),
    EventType.PRODUCT_LAUNCH: ("a product release", ""),
    EventType.TECHNICAL_ACHIEVEMENT: ("a technical result", ""),
    EventType.COMPLIANCE: ("a step in compliance", ""),
    EventType.HIRING: ("a hire", ""),
    EventType.SETBACK: ("a setback", ""),
}
_CHAT = re.compile(
    r"\b(?:ok|okay|lol|btw|imo|tbh|omg|yeah|yep|yay|nah|haha\w*|jaja\w*|gonna|gotta|wanna|kinda|guys|folks|hey|hi|wow"
    r"|pls|thx|ty|fyi|asap|ain[’']t|u|ur|y[’']all|dunno|cuz)\b|[!?]{2}|[*_`<>{}\[\]#@|~]|\.\.\.|…|\n",
    re.I,
)
_BEGINS = re.compile(r"[A-Z$€£¥₹]|\d[\d.,]*[kM%]? [a-z]")
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|came|went|fell|rose|grew|cut|won|lost|sent|took|gave|got|put|sold|bought|met"
    r"|signed|\w{3,}ed)\b"
)
_PRONOUNS = frozenset(
    "nothing everything somebody "
    "i me my mine we us our ours you your he him his she her it its they them their this that these those who what "
    "which else all both each none same one some any every copy opened signed counter-signed".split()
)


def is_prose(words: str) -> bool:
    """Whether a stranger reads it as a sentence: begun as one, with a verb, and without the marks of a chat."""
    text = words.strip()
    return (
        len(text) <= LONGEST_SENTENCE
        and len(text.split()) >= _SHORTEST_SENTENCE
        and _BEGINS.match(text) is not None
        and _VERB.search(text) is not None
        and not _CHAT.search(text)
        and all(ord(letter) < 0x2190 for letter in text)
    )


def prose(event: Event) -> Evidence | None:
    """The first quote that is a sentence by itself."""
    return next((proof for proof in event.evidence if is_prose(proof.quote)), None)


def fact(event: Event, granularity: Granularity) -> str:
    """`an enterprise deal with Cedar Grove`, `a technical result (latency of 61 seconds)`."""
    noun, joined = _KINDS[event.event_type]
    names = [name for name in event.stakeholders if is_name(name, event)]
    told = f"{noun}{joined}{names[0]}" if names and joined else noun
    if granularity is not Granularity.EXACT:
        return told
    spoken = [m for m in event.metrics if not m.name.startswith(("earlier ", "other ")) and not is_vague(m.name)]
    fit = [metric for metric in spoken if not metric.name[-1].isdigit()]
    if not fit or len(event.metrics) > 1:
        return told
    label = metric_label(fit[0].name)
    return f"{told} ({label if label.isupper() else label.lower()} of {figure(fit[0].value, fit[0].unit)})"


def is_name(who: str, event: Event) -> bool:
    """Whether it is a name and no word of the sentence: `copy` of `signed copy` is written small wherever it stands."""
    if who.lower() in _PRONOUNS or len(who) < 2:
        return False
    if any(name.lower() == who.lower() and name != name.lower() for name in event.stakeholders):
        return True
    quotes = " ".join(proof.quote for proof in event.evidence)
    written = re.findall(rf"(?<!\w){re.escape(who)}(?!\w)", quotes, re.I)
    return not written or any(each != each.lower() or not each.isascii() for each in written)
