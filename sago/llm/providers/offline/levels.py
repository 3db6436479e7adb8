"""Whether a figure is the company's own level of a metric: `ARR is $2.1M`. `+$80k ARR` is a change of it, `$180k ARR`
beside a signature a customer's part, `ARR pipeline` a hope, and what a rival reached is somebody else's."""

from __future__ import annotations

import calendar
import re
from enum import StrEnum
from typing import NamedTuple

from sago.domain.amounts import Amount, find_amounts
from sago.domain.events import EventType
from sago.domain.everyday import everyday_words
from sago.domain.metrics import canonical
from sago.llm.providers.offline import subjects


class _Share(StrEnum):
    """What a figure is of its metric."""

    LEVEL = "level"
    NEW = "new"
    LOST = "lost"
    HOPED = "expected"
    CONTRACT = "contract"
    THEIRS = "others'"


TOLD = "told"
"""The kind of an event that no cue names."""
_RECURRING = frozenset({"arr", "mrr"})
"""Metrics of which parts are told: what a customer adds, and takes along."""
_SUMS = _RECURRING | {"revenue", "bookings", "customers", "headcount", "users", "dau", "wau", "mau"}
"""Metrics that are made up of parts."""
_CONTRACT_NAMES = {"mrr": "monthly fee", "arr": "annual contract value"}
"""What a customer's part of the company's metric is."""
_COUNTERPARTS = frozenset({EventType.ENTERPRISE_DEAL, EventType.PARTNERSHIP, EventType.CUSTOMER_SUCCESS})
_LOSSES = ("churn", "lost deal")
_WAS, _MONTH = re.compile(r"\bwas\W{1,3}$", re.I), re.compile(rf"\b(?:{'|'.join(calendar.month_name[1:])})\b")
_CLAUSE = re.compile(r"[.;!?]\s|[,:(–—]\s?|\s-\s|\b(?:and|but|so|while|which|because|after|since|as)\s", re.I)
_SENTENCE = re.compile(r"[.;!?]\s|\n")
_ROUGHLY = (
    r"(?:(?:about|around|roughly|approx\w*|some|another|over|under|almost|nearly|just|more than|an?|the|our|us|~)\W*)*"
)
_BEFORE_NEW = re.compile(
    r"(?:\b(?:add(?:s|ed|ing)?|gain(?:s|ed|ing)?|br(?:ings?|ought|inging)(?: in| us)?|plus|up|grew|rose|increased|"
    r"climbed|jumped|expanded|extra|additional|another|further)(?: by)?"
    r"|\b(?:increase|gain|growth|addition|uplift|expansion|upsell|rise|jump) of)\s" + _ROUGHLY + r"$",
    re.I,
)
_BEFORE_LOST = re.compile(
    r"(?:\b(?:los(?:t|e|es|ing)|churned|cancelled|minus|shed|cost(?:s|ing)?|down|fell|drop(?:ped|s)?|declined|decreased|"
    r"slipped|shrank|cut)(?: by)?|\b(?:loss|losses|churn|drop|fall|decline|hole|reduction|decrease) of)\s"
    + _ROUGHLY
    + r"$",
    re.I,
)
_BEHIND_LOST = re.compile(
    r",?\s(?:(?:is|are|was|has|have|now|just|all|been)\s)*(?:gone|lost)\b|\s(?:churned|churning|cancelled|leaving|"
    r"walk(?:s|ed|ing)|at risk)\b",
    re.I,
)
_WON = re.compile(rf"\b(?:landed|booked|won|closed|sold|signed)\s{_ROUGHLY}$", re.I)
_BEHIND_NEW = re.compile(r"\s(?:added|gained|won|sold|signed)\b", re.I)
_NAMED_NEW = re.compile(
    r"(?<!\bour )(?<!\bthe )\b(?:new|extra|more|added)\s(?:logo |business |customer )?$"
    r"|\b(?:net[- ]new|additional|incremental|expansion|upsell)\s$",
    re.I,
)
_NAMED_LOST = re.compile(r"\b(?:churned|lost|cancelled)\s$", re.I)
_AND_NEW = re.compile(r"\s(?:growth|increase|additions?|added|gain(?:ed)?|uplift|expansion|upsell)\b", re.I)
_AND_LOST = re.compile(r"\s(?:churn|loss(?:es)?|lost|contraction|reduction|at risk)\b", re.I)
_MORE, _LESS = (
    re.compile(
        rf"\s(?:{words})(?! or (?:more|less)\b)(?:\s(?:in|of|monthly|annual|paying|active|daily|weekly))*(?=\W|$)", re.I
    )
    for words in ("more|higher", "less|fewer|lower")
)
"""Behind a figure: by so much another is exceeded, or not reached."""
_OF_ONE = re.compile(
    r"\s(?:customer|client|deal|contract|account|logo|order|renewal|subscription|each|a piece|"
    r"per (?:customer|client|account|user|seat|head|employee|logo|site))\b",
    re.I,
)
_WORTH = re.compile(rf"\bworth\s(?:of\s)?{_ROUGHLY}$", re.I)
_AIM = r"(?:target|goal|plan|budget|quota|forecast|guidance|projection)s?"
_HOPE = r"(?:pipeline|potential)"
_HOPED = re.compile(r"\b(?:potential|pipeline|prospective|weighted)\s$", re.I)
_AIMED = re.compile(rf"\b(?:{_AIM}|target(?:ed)?|expected|forecast(?:ed)?|budgeted|planned)\s$", re.I)
_AND_HOPE, _AND_AIM = re.compile(rf"\s(?:in (?:the|our) )?{_HOPE}\b", re.I), re.compile(rf"\s{_AIM}\b", re.I)
_OF_HOPE = re.compile(rf"\b{_HOPE}\b[^,;.]{{0,30}}$", re.I)
_OF_AIM = re.compile(
    rf"\b{_AIM}\b(?:[\s:]+(?:for|of|is|was|at|stands|now|this|next|the|year|quarter|to|a|q\d|\d{{4}}))*[\s:=–—-]*$",
    re.I,
)
_MISSING = re.compile(
    rf"\b(?:needs?\b[^,;.!?]{{0,40}}|(?:missing|short of|shy of|away from|far from)\s{_ROUGHLY})$", re.I
)
_AND_MISSING = re.compile(r"\s(?:to go|short|missing|away)\b", re.I)
_SUPPOSED = re.compile(
    r"\b(?:if|once|unless|would|could|should|might|will|wo ?n['’]?t|ca ?n['’]?t|cannot|shall|going to)\b|['’]ll\b", re.I
)
_REACHED_AIM = re.compile(
    r"\b(?:hit|reach\w*|pass\w*|beat\w*|exceed\w*|met|cross\w*|achiev\w*|smash\w*|above|ahead|over|below|behind|under|vs|"
    r"versus|against|on (?:target|plan|budget))\b",
    re.I,
)
_NOW = r"(?:now|to|at|over|past|stands?|stood|reach\w*|hits?|pass\w*|cross\w*)"
_LEVEL_BEHIND_NAME = re.compile(rf"\s(?:is|are)\s\W*$|\b{_NOW}\b|[=→>]", re.I)
_LEVEL_BEFORE_FIGURE = re.compile(
    rf"\b(?:hits?|hitting|reach\w*|pass(?:ed|es|ing)|cross\w*|surpass\w*|topp\w+|broke|exceed\w*)\s{_ROUGHLY}$"
    rf"|\bwe(?:['’]re)?(?:\s(?:are|were|went|stand|sit|now|just|back|from\s\S+))*\s(?:at|to|over|past)\s{_ROUGHLY}$"
    rf"|\b(?:us|company|total|arr|mrr|revenue)\s(?:now\s|back\s|up\s)?(?:at|to|over|past|of)\s{_ROUGHLY}$"
    rf"|\bnow(?:\sat)?\s{_ROUGHLY}$",
    re.I,
)
WE = (
    r"we|us|our|wir|uns|unser\w*|nous|notre|nos|nosotros|nuestr[oa]s?|noss[oa]s?|noi|nostr[oaie]|wij|onze|vår\w*|"
    r"vores|nasz\w*|naše"
)
"""Words for those who speak, in the languages they write."""
_OURS = re.compile(rf"\b(?:i|{WE})\b", re.I)
_ABROAD = re.compile(r"\d,\d{1,2}(?!\d)|\b(?:mio|mrd|tsd|mln|mld|mkr|mill?i?on(?:es|en|i)|milh\w+)\b|\d\s?[mk]€", re.I)
"""A figure written as English does not: in other languages a capital letter is no sign of a name."""
_HAVE = (
    r"(?:(?:is|are|was|were|has|have|had|hits?|does|do|did|makes?|made|reach\w*|pass(?:ed|es)|cross\w*|claim\w*|reports?|"
    r"reported|runs?|ran|sits?|stands?|went|goes|grew|gets?|got|earns?|generates?|raised|closed)\b|['’](?:s|re)\s)"
)
_THEY_HAVE = re.compile(
    rf"\b(?:they|(?:an?|the|this|that|one|another|every|their|your|our)\s(?:\w+\s)?(?:customer|client|prospect|start-?up|"
    rf"vendor|supplier|friend))\s?(?:\w+\s){{0,2}}?{_HAVE}[^;.!?]{{0,40}}$",
    re.I,
)
_RIVAL = re.compile(r"\b(?:competitors?|competition|rivals?|(?:portfolio|sister) compan(?:y|ies))\b", re.I)
_HAS = re.compile(rf"\s?(?:(?:just|now|already|also|only)\s)*{_HAVE}.*", re.I | re.S)
_LATEST = r"\s(?:(?:own|current|latest|total|reported|annual|monthly)\s)?$"
_POSSESSES = re.compile(rf"['’]s{_LATEST}")
_OWNS, _THEIR = re.compile(rf"(?:['’]s)?{_LATEST}"), re.compile(rf"\b(?:their|his|her|your){_LATEST}", re.I)
_PROPER = re.compile(r"^(?!.*-[a-z]).*[a-z]")
"""A name, and not `SMB`, `Self-serve`."""
_WITH = re.compile(r"\s(?:over\s)?(?:at|of|for|from|von|de|di|van|bei)\s", re.I)


def level_name(
    text: str,
    amount: Amount,
    mention: re.Match[str],
    name: str,
    event_type: EventType,
    kind: str,
    exclude: frozenset[str],
) -> str:
    """The metric's own `name`, which `mention` says, for the company's level alone; in an event of that type and kind.
    `exclude` are the company's own names, and its people's."""
    is_told_loss = event_type is EventType.SETBACK and kind == TOLD and amount.end <= mention.start()
    is_counterparts = kind in _LOSSES or is_told_loss or event_type in _COUNTERPARTS
    share = _share_of(text, amount, mention, name, exclude, is_counterparts=is_counterparts)
    if kind in _LOSSES and (share in (_Share.CONTRACT, _Share.NEW) or name in _SUMS - _RECURRING):
        share = _Share.LOST
    if is_told_loss and share is _Share.CONTRACT:
        share = _Share.LOST
    earlier = "earlier " if amount.role == "from" else ""
    if share is _Share.CONTRACT:
        return earlier + _CONTRACT_NAMES.get(name, "contract_value")
    return f"{earlier if share is _Share.LEVEL else f'{share} '}{name}"


def _share_of(
    text: str, amount: Amount, mention: re.Match[str], name: str, exclude: frozenset[str], *, is_counterparts: bool
) -> _Share:
    """`is_counterparts`: the text tells what a customer did, so that a figure is theirs unless it is said to be the
    company's."""
    start, end = min(amount.start, mention.start()), max(amount.end, mention.end())
    if _is_hoped(text, amount, mention):
        return _Share.HOPED
    if name in _SUMS and (difference := _difference(text, amount, mention)):
        return difference
    if name in _RECURRING and (change := _change(text, amount, mention)):
        return change
    is_behind = mention.start() >= amount.end
    level = (
        _LEVEL_BEFORE_FIGURE.search(text[: amount.start])
        if is_behind
        else _LEVEL_BEHIND_NAME.search(text[mention.end() : amount.start])
    )
    is_one = _OF_ONE.match(text, end) or _OF_ONE.match(text, mention.end()) or _WORTH.search(text[: amount.start])
    if name in _RECURRING and (is_one or (is_counterparts and not level)):
        return _Share.CONTRACT
    around = _Around(
        sentence=text[_begin(text, start, _SENTENCE) : start],
        clause=text[_begin(text, start, _CLAUSE) : start],
        between=text[min(amount.end, mention.end()) : max(amount.start, mention.start())],
        behind=text[end:],
        is_behind=is_behind,
        is_said=level is not None,
        is_abroad=_ABROAD.search(text, amount.start, min(amount.end + 3, len(text))) is not None,
        is_recurring=name in _RECURRING,
    )
    return _Share.THEIRS if _is_theirs(around, exclude) else _Share.LEVEL


class _Around(NamedTuple):
    """The words before a figure and its name in their sentence and clause, between the two, and behind; and whether the
    name stands behind, a word says that the figure was reached, it is not written as in English, and it is of a metric
    that parts are told of."""

    sentence: str
    clause: str
    between: str
    behind: str
    is_behind: bool
    is_said: bool
    is_abroad: bool
    is_recurring: bool


def tells_when(text: str, amount: Amount) -> bool:
    """Whether a figure was that of a month: `ARR at the end of October was €1.95M`."""
    return _WAS.search(text[: amount.start]) is not None and _MONTH.search(text) is not None


def is_bare(text: str, named: re.Pattern[str]) -> bool:
    """Whether a text is no more than figures and what they are of: `$180k ARR.`"""
    for amount in reversed(find_amounts(text)):
        text = text[: amount.start] + text[amount.end :]
    return re.fullmatch(r"(?:\W|\b(?:in|of|a|about)\b)*", named.sub("", text)) is not None


def _begin(text: str, end: int, stops: re.Pattern[str]) -> int:
    """Where what ends at `end` begins."""
    return max((stop.end() for stop in stops.finditer(text, 0, end)), default=0)


def _difference(text: str, amount: Amount, mention: re.Match[str]) -> _Share | None:
    """What `30k less MRR` and `MRR is 30k lower` are of the metric."""
    stop = mention.start() if mention.start() >= amount.end else len(text)
    for pattern, share in ((_MORE, _Share.NEW), (_LESS, _Share.LOST)):
        found = pattern.match(text, amount.end)
        if found is not None and found.end() <= stop:
            return share
    return None


def _change(text: str, amount: Amount, mention: re.Match[str]) -> _Share | None:
    """Whether it came on top, or is gone."""
    end = max(amount.end, mention.end())
    before, named = text[: amount.start], text[: mention.start()]
    if amount.value < 0 or _BEFORE_LOST.search(before) or _BEHIND_LOST.match(text, end):
        return _Share.LOST
    if _NAMED_LOST.search(named) or _AND_LOST.match(text, mention.end()):
        return _Share.LOST
    is_added = before.endswith("+") or amount.text.startswith("+") or _BEFORE_NEW.search(before)
    is_won = amount.end <= mention.start() and _WON.search(before)
    if (
        is_added
        or is_won
        or _BEHIND_NEW.match(text, end)
        or _NAMED_NEW.search(named)
        or _AND_NEW.match(text, mention.end())
    ):
        return _Share.NEW
    return None


def _is_hoped(text: str, amount: Amount, mention: re.Match[str]) -> bool:
    """Whether it may come, or is aimed at; not where an aim is said to be reached."""
    named, before = text[: mention.start()], text[: amount.start]
    if _HOPED.search(named) or _AND_HOPE.match(text, mention.end()) or _OF_HOPE.search(before):
        return True
    if _MISSING.search(before) or _AND_MISSING.match(text, max(amount.end, mention.end())):
        return True
    if _SUPPOSED.search(text, mention.end(), amount.start):
        return True
    is_aim = _AIMED.search(named) or _AND_AIM.match(text, mention.end()) or _OF_AIM.search(before)
    sentence = text[_begin(text, amount.start, _SENTENCE) : max(amount.end, mention.end())]
    return is_aim is not None and not _REACHED_AIM.search(sentence)


def _is_theirs(around: _Around, exclude: frozenset[str]) -> bool:
    """Whether another is said to have it: they, a customer, a rival, a name that is not the company's. A figure of
    which nothing is said is of whom its sentence names."""
    sentence, clause, between, behind, is_behind, is_said, is_abroad, is_recurring = around
    rivals = [rival.end() for rival in _RIVAL.finditer(sentence)]
    if rivals and not _OURS.search(sentence, rivals[-1]):
        return True
    ours = max((word.end() for word in _OURS.finditer(clause)), default=0)
    if (is_behind and _THEY_HAVE.search(clause, ours)) or (not is_behind and _THEIR.search(clause)):
        return True
    for place, name in _others(clause, exclude):
        is_name = is_recurring and (place > 0 or " " in name)
        has = _HAS if is_behind else _OWNS if is_name else _POSSESSES
        if place >= ours and has.fullmatch(clause[place + len(name) :]):
            return True
    if is_behind and is_recurring and not (is_said or is_abroad) and _others(sentence, exclude):
        return True
    stretches = (behind,) if is_behind else (between, behind)
    found = ((stretch, link) for stretch in stretches if (link := _WITH.match(stretch)))
    return any(place == 0 for stretch, link in found for place, _ in _others(stretch[link.end() :], exclude))


def _others(text: str, exclude: frozenset[str]) -> list[tuple[int, str]]:
    """Names of others with their places; no word of every day, and no metric's own name."""
    return [
        (place, name)
        for place, name in subjects.names(text, exclude)
        if name.lower() not in everyday_words() and canonical(name) is None and _PROPER.search(name)
    ]
