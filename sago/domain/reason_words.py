"""The words in which people say why they pass, and what each would have to become. Tables alone."""

from __future__ import annotations

import re

from sago.domain.events import EventType
from sago.domain.metrics import METRICS

LESS_IS_BETTER = frozenset({"churn", "burn", "valuation"})
"""Metrics that are waited for until they have fallen."""
WANTING = re.compile(
    r"\b(?:no|not|never|none|without|lack(?:s|ed|ing)?|miss(?:es|ing)|only|just|too|solo|single|one|few(?:er)?|less|yet|pre-?\w*"
    r"|until|unless|once|when|needs?|wants?|want(?:ed)?|waiting|wait|until|un(?:proven|tested|licensed|audited)|need)\b|n['’]t\b",
    re.I,
)
"""Without one of these a clause praises: `a fine enterprise logo` is no reason."""
THRESHOLD_OF = re.compile(
    r"(?:\b(?:below|under|(?:less|fewer|lower|more|higher|faster) than|short of|beneath|not(?: yet)?(?: at| growing)?"
    r"|until(?: (?:they|you|it|we))?|reach(?:es)?|hits?|pass(?:es)?|needs?|wants?|like|at (?:least|most)"
    r"|above|over|beyond|exceed\w*|minimum(?: of)?|past|back at|should be)|[<>≤≥]=?)"
    r"(?: (?:to (?:see|be|have|reach)|a|an|about|around|at least|more than|under|below|over|reach|hit"
    r"|MRR|ARR|revenue of))*\s*$",
    re.I,
)
"""What stands directly before a figure that is waited for; any other figure is what there was: `only 800k ARR`."""
GOAL = re.compile(
    r"(?:(?:we|i|you|they)(?:['’]d| would)? )?(?:needs?|wants?|come back|wait\w*|until|at least|should)\b", re.I
)
"""How a clause begins that says what is waited for."""
TOO_MUCH = re.compile(r"\btoo (?:many|dependent|reliant|concentrated)\b|\b\d[\d.]* ?% of\b", re.I)
"""What asks for less of what it names."""
NO_SETBACK = re.compile(
    r"\b(?:no|never an?|without(?: any| an?)?) (?:\w+ )?(?:outages?|breach\w*|lawsuits?|incidents?|layoffs?)\b", re.I
)
A_THRESHOLD = re.compile(
    r"\b(?:below|under|less|fewer|short|beneath|lower|not\s+yet|not|until|unless|once|when|reach\w*|needs?|want\w*|at\s+least"
    r"|above|over|more|beyond|exceed\w*|higher|minimum|past)\b|[<>≤≥]",
    re.I,
)
BELOW = re.compile(r"\b(?:below|under|less|lower|beneath|fewer)\b|<", re.I)
GROWTH = re.compile(r"\b(?:gr(?:ew|ow(?:th|s|n|ing)?)|traction is flat|flat|stagnat\w*|plateau\w*)\b", re.I)
PERIODS = (
    (re.compile(r"\b(?:mom|m/m|month\w*|monthly)\b", re.I), "1m"),
    (re.compile(r"\b(?:qoq|q/q|quarter\w*)\b", re.I), "3m"),
    (re.compile(r"\b(?:yoy|y/y|year\w*|annual\w*|yearly)\b", re.I), "1y"),
)
"""The period that a rate of growth is told for."""

_EVENTS: dict[EventType, str] = {
    EventType.ENTERPRISE_DEAL: r"(?:enterprise|large|big|named|blue.?chip|lighthouse|anchor|marquee|major|key)[ -]+"
    r"(?:logos?|customers?|deals?|clients?|accounts?|contracts?|references?|names?)|enterprise",
    EventType.COMPLIANCE: r"licen[cs]e[sd]?|unlicen[cs]ed|soc ?2|iso ?27001|certif\w+|hipaa|pci|gdpr|fda|ce[ -]?mark\w*"
    r"|regulat\w+|complian\w+|accredit\w+|audit(?:ed|s)?|permits?|clearance",
    EventType.HIRING: r"(?:ct|cf|co|cr|cm|cp)o|head of \w+|vp(?: of)? \w+|(?:sales|technical|finance|marketing)"
    r" (?:lead\w*|hire|co-?founder|founder|head|chief)|co-?founder|solo founder|key hires?|senior hires?",
    EventType.PRODUCT_LAUNCH: r"product|launch\w*|mvp|prototype|beta|live|general availability|pre-?product",
    EventType.PARTNERSHIP: r"partner\w*|reseller\w*|distribut\w+|channel|alliance\w*",
    EventType.FUNDING: r"lead investor|term sheet|lead|co-?investors?|round (?:not )?(?:filled|led|closed)",
    EventType.INVESTOR_INTEREST: r"other investors?|investor interest|outside investors?",
    EventType.MARKET_EXPANSION: r"(?:one|single|home) (?:market|country|city|region)|abroad|international\w*"
    r"|presence in|outside \w+|expan(?:sion|ded)",
    EventType.CUSTOMER_SUCCESS: r"references?|case stud(?:y|ies)|testimonials?|proof of value|roi",
    EventType.TECHNICAL_ACHIEVEMENT: r"technolog\w+|tech|technical proof|proof of concept|benchmarks?|science|accuracy"
    r"|scal(?:es|able|ability)",
    EventType.USER_GROWTH: r"users?|user base|adoption|sign-?ups?",
    EventType.REVENUE_MILESTONE: r"revenues?|pre-?revenue|sales|monetis\w+|monetiz\w+|paying",
    EventType.MEDIA_COVERAGE: r"press|media|coverage|awards?",
}
"""First match counts: an `enterprise customer` is no reference."""
EVENTS = tuple((kind, re.compile(rf"\b(?:{words})\b", re.I)) for kind, words in _EVENTS.items())
SETBACK = re.compile(
    r"\b(?:outages?|breach\w*|lawsuits?|litigation|lost (?:a|their|the) \w+|(?:founder|cto|ceo|cfo) left|departures?"
    r"|layoffs?|recent setbacks?|scandal|incidents?)\b",
    re.I,
)
"""What has to stay away for a while."""
OWN_NAMES = {
    **{alias: name for name, kind in METRICS.items() for alias in (*kind.aliases, name.replace("_", " "))},
    "revenues": "revenue", "turnover": "revenue", "team": "headcount", "staff": "headcount", "fte": "headcount",
    "engineers": "headcount", "clients": "customers", "customer": "customers", "user": "users", "retention": "nrr",
    "margin": "gross_margin", "margins": "gross_margin", "price": "valuation", "price tag": "valuation",
    "recurring revenue": "arr", "usage": "users", "valued": "valuation", "burning": "burn",
}  # fmt: skip
METRIC = re.compile(
    rf"\b(?!burn multiple)(?:{'|'.join(sorted(map(re.escape, OWN_NAMES), key=len, reverse=True))})\b", re.I
)
"""What people call a metric in a reason, more loosely than in a condition."""
EXAMPLES = {
    "currency": "2M", "percent": "110%", "count": "100",
    "churn": "3%", "headcount": "10", "runway": "12", "mrr": "150k", "burn": "200k", "valuation": "20M", "nps": "40",
    "gross_margin": "70%", "grr": "90%", "uptime": "99.9%",
}  # fmt: skip
"""A figure to write in place of one that is missing, by metric or by its unit."""
