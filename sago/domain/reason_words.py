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
ANY_HIRE = re.compile(r"\b(?:key|senior) hires?\b", re.I)
PLACE = re.compile(r"\b(?:in|into|to|across|outside)\s(?:the\s)?(?-i:[A-Z])\w")
"""`in the US`: which market is meant."""
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
_MORE_EVENTS: dict[EventType, str] = {
    EventType.ENTERPRISE_DEAL: r"gro(?:ß|ss)kunde\w*|konzern\w*|grands? comptes?|grandes? (?:cuentas?|clientes?)",
    EventType.COMPLIANCE: r"lizenz\w*|zertifi\w*|zulassung\w*|agrément|licencia",
    EventType.HIRING: r"hir(?:e|es|ed|ing)|recruit\w*|salespe\w+"
    r"|(?:nobody|no ?-?one|none) (?:\w+ ){0,2}(?:sells?|selling)"
    r"|niemand\w*,? (?:\w+ ){0,2}verkauf\w*|personne pour (?:la |le )?vendre|vertriebs\w+|mitgründer\w*|cofondat\w+",
    EventType.PRODUCT_LAUNCH: r"produkt\w*|markteinführung|produit|lancement|producto|lanzamiento|prodotto",
    EventType.PARTNERSHIP: r"\w+partner\w*|kooperation\w*|partenari\w*",
    EventType.FUNDING: r"fund(?:ing|ed|raising)|rais(?:e|ed|ing)|leadinvestor\w*|finanzierung\w*|levée|financement",
    EventType.INVESTOR_INTEREST: r"(?:other|another|outside|second|more|no) (?:\w+ )?(?:investors?|vcs?)"
    r"|investor interest",
    EventType.MARKET_EXPANSION: r"(?:second|other|another|more|new) (?:market|country|countries|cit(?:y|ies)|regions?)"
    r"|expansion|ausland\w*|internation\w*|étranger|extranjero",
    EventType.CUSTOMER_SUCCESS: r"referenz\w*|références?|referencias?",
    EventType.TECHNICAL_ACHIEVEMENT: r"technik|technisch\w*|technique\w*|técnic\w+",
    EventType.USER_GROWTH: r"nutzer\w*|utilisateur\w*|usuari\w+|utenti",
    EventType.REVENUE_MILESTONE: r"pays?|umsatz\w*|umsätze|zahl(?:t|en|end\w*)|chiffre d['’]affaires|ingresos|ricavi",
    EventType.MEDIA_COVERAGE: r"presse|medien\w*|prensa|stampa",
}
"""How else a type is named, also in other languages: too loose for the rules, enough for a model that read the rest."""
EVENT_NAMES = {kind: re.compile(rf"\b(?:{words}|{_MORE_EVENTS[kind]})\b", re.I) for kind, words in _EVENTS.items()}
EVENT_NAMES[EventType.SETBACK] = re.compile(
    rf"{SETBACK.pattern}|\b(?:setbacks?|downtime|(?:was|were|is|are|went|days?|hours?|tage?|stunden) (?:\w+ )?down"
    r"(?! to)|hack(?:ed|s)?"
    r"|leak(?:ed|s)?|fraud|fined|sued|(?:has|have|just|team) left|resign\w*"
    r"|lost (?:its|two|three|several|customers?|clients?)"
    r"|recall(?:ed|s)?|ausf[aä]ll\w*|klagen?|verklagt|gekündigt|verlor\w*|verlassen"
    r"|datenleck\w*|störung\w*|pannes?|démission\w*)\b",
    re.I,
)
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
OTHER_NAMES = tuple(
    (name, re.compile(rf"\b(?:{words})\b", re.I))
    for name, words in {
        "growth": GROWTH.pattern.removeprefix(r"\b(?:").removesuffix(r")\b")
        + r"|\w*wachstum\w*|wächst|gewachsen|croissance|crecimiento|crescita|crescimento",
        "revenue": r"umsatz|umsätze|chiffre d['’]affaires|ingresos|ricavi|fatturato|receita",
        "customers": r"kunden|clientes|clienti",
        "users": r"nutzer|utilisateurs|usuarios|utenti",
        "headcount": r"mitarbeiter\w*|employés|empleados|dipendenti",
        "valuation": r"bewertung|valorisation|valoración|valutazione",
        "churn": r"abwanderung|kündigungsrate",
    }.items()
)
"""Growth, and metrics in other languages: only a model reads these."""
CHANGE = re.compile(
    r"\b(?:up|down|ris(?:e|es|ing|en)|rose|increas\w*|declin\w*|f[ae]ll(?:s|en|ing)?|drop\w*|shrink\w*|doubl\w*|accelerat\w*)\b",
    re.I,
)
ELSEWHERE = re.compile(
    r"\b(?:unter|über|mindestens|wenigstens|weniger als|mehr als|moins de|plus de|au moins|sous|menos de|más de"
    r"|al menos|meno di|più di|almeno)\s*$",
    re.I,
)
"""`THRESHOLD_OF` in other languages."""
EXPECTED = re.compile(
    r"\b(?:until|once|when|unless|if|as soon as|wants?|needs?|should|must|would|ha(?:s|ve) to|come back|wait\w*"
    r"|expect\w*|at least|wenn|sobald|bis|wollen|brauch\w*|soll\w*|müss\w*|quand|voulons|cuando|queremos)\b|['’]d\b",
    re.I,
)
"""What makes `at 2M` one that is waited for: `once ARR is at 2M`."""
TOLD = re.compile(
    r"\b(?:is|are|at|now|today|still|so far|has|have|got|grew|reached|stands?|standing|sits?|ist|sind|liegt|steht|bei"
    r"|hat|haben|est|sont|está)\b|['’]s\b",
    re.I,
)
WAS = re.compile(
    r"\b(?:was|were|had|met|only|just|merely|barely|currently|war|waren|lag|lagen|hatten?|nur|erst|derzeit|aktuell|était"
    r"|seulement|actuellement|solo|sólo|apenas)\b",
    re.I,
)
"""How a figure is told that is or was: `ARR is at 1.2M`, `only 800k`."""
TOLD_AFTER = re.compile(
    r"\s*(?:in )?(?:[A-Z]{3} )?(?:today|currently|now|right now|so far|was|were"
    r"|is (?:too|not)|derzeit|aktuell|heute)\b",
    re.I,
)
EXAMPLES = {
    "currency": "2M", "percent": "110%", "count": "100",
    "churn": "3%", "headcount": "10", "runway": "12", "mrr": "150k", "burn": "200k", "valuation": "20M", "nps": "40",
    "gross_margin": "70%", "grr": "90%", "uptime": "99.9%",
}  # fmt: skip
"""A figure to write in place of one that is missing, by metric or by its unit."""
