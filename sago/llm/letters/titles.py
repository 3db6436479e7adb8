"""Titles of any form, read as people write them: without notes on how they came about, and as a clause in the past.

A headline tells in the present, or leaves words out: `Pret signs for all its shops`, `Operator licence granted`. Only
what is sure is turned; what has no verb that is known here is told as it stands.
"""

# ruff: noqa: SIM905 - a table of words is read more easily as one string
from __future__ import annotations

import re

from sago.domain.everyday import everyday_words
from sago.llm.letters.phrasing import capital

_MONTHS = "January February March April May June July August September October November December".split()
_VALUE = (
    r"(?:[~≈]|about )?(?:(?:[A-Z]{3} ?|[$€£¥₹])?\d[\d.,  ]*(?:%| ?(?:k|m|M|K|B|bn|million|billion|percent|per cent"
    r"|days|weeks|months|years)\b)?(?: ?[$€£¥₹])?(?: a (?:year|month))?"
    rf"|(?:\d{{1,2}} )?(?:{'|'.join(_MONTHS)})(?: \d{{1,2}})?(?:,? 20\d\d)?)"
)
"""A figure or a date by itself: what a note corrects."""
_MENDED = r"(?:now |since |later )?(?:corrected|correction|amended|revised|restated|updated|typo)"
_NOTE = re.compile(
    rf"\s*\((?:{_MENDED}|(?:{_MENDED}(?:[:,]? (?:from|on|not|was|instead of))?|not|was|instead of|formerly|previously"
    rf"|originally|first told(?: as)?):? {_VALUE})\)"
    rf"|,? (?:corrected|amended|revised|restated) from {_VALUE}(?=[,;:]|$)"
)
"""Any other bracket qualifies what the title says, and is told with it."""
_QUALIFIED = re.compile(
    r"\((?:(?:now|since|later|still|but|only) )*(?:corrected|amended|revised|restated|formerly|previously|originally"
    r"|not|was|instead of|subject to|until|unless|if|pending|provisional\w*|non-?binding|conditional\w*)\b",
    re.I,
)
_TO_PAST = {
    "signs": "signed", "renews": "renewed", "closes": "closed", "reaches": "reached", "grants": "granted",
    "falls": "fell", "rises": "rose", "cuts": "cut", "passes": "passed", "opens": "opened", "approves": "approved",
    "raises": "raised", "wins": "won", "awards": "awarded", "agrees": "agreed", "sends": "sent", "offers": "offered",
    "quotes": "quoted", "invites": "invited", "hits": "hit", "lands": "landed", "shrinks": "shrank",
    "drops": "dropped", "grows": "grew", "expands": "expanded", "launches": "launched", "ships": "shipped",
    "registers": "registered", "places": "placed", "publishes": "published", "confirms": "confirmed",
    "completes": "completed", "adds": "added", "prepays": "prepaid", "starts": "started", "takes": "took",
    "asks": "asked", "visits": "visited", "approaches": "approached", "meets": "met", "puts": "put", "runs": "ran",
    "allows": "allowed", "re-signs": "re-signed", "extends": "extended", "doubles": "doubled", "goes": "went",
    "joins": "joined", "begins": "began", "climbs": "climbed", "crosses": "crossed", "receives": "received",
    "backs": "backed", "digs": "dug", "spends": "spent", "wants": "wanted", "discusses": "discussed",
}  # fmt: skip
_OF_MANY = {
    "reach": "reached", "pass": "passed", "close": "closed", "fall": "fell", "rise": "rose", "grow": "grew",
    "cross": "crossed", "climb": "climbed", "start": "started",
}  # fmt: skip
_RARE = frozenset(
    "joined approached backed climbed cut dug expanded extended hit prepaid put ran rose shrank visited won".split()
)
"""Forms that a letter has only where a text of the event has them: to its check any other is a strange word."""
_ALSO_NOUNS = frozenset(
    "cuts falls rises passes awards raises drops lands hits ships places offers quotes visits starts puts runs grants "
    "climbs crosses backs doubles wants".split()
)
_PAST = frozenset({*_TO_PAST.values(), *_OF_MANY.values(), "was", "were", "is", "are", "came", "joined", "bought"})
_OBJECTLESS = frozenset(
    {"granted", "awarded", "received", "released", "launched", "raised", "cut", "approved", "published", "sent", "paid"}
)
"""Without an object these were done to their subject: `latency cut from 900 ms`."""
_PAPER = re.compile(
    r"\b(?:term sheet|terms|agreement|contract|licence|license|permit|grant|loan|debt|line|patent"
    r"|audit|order|tender)\b",
    re.I,
)
_DONE_TO_PAPER = frozenset({"signed", "closed", "passed", "won"})
_ON_PAPER = re.compile(r"(?:for|at|of|from|on|across|with) (?!.*(?:,|:))", re.I)
_NO_OBJECT = re.compile(
    r"[,;:(]|(?:out|for|to|from|with|by|at|on|in|after|over|across|between|publicly|and [a-z]+ed\b)\b|$", re.I
)
_TAKES = re.compile(
    r"(?:an?|the|its|their|his|her|one|two|three|four|five|six|first|all|to|for|from|with|by|in|into|on|at|as|above|below"
    r"|through|over|up|down|due|diligence|back|out|proper|new|more|part|final|allotment|[A-Z0-9$€£¥₹][\w.,–-]*"
    r"|[a-z]+-[a-z]+)\b|[$€£¥₹]|$"
)
"""What stands behind a verb, and behind a noun of the same letters seldom."""
_OF_NOUNS = re.compile(r"(?:of|reach|are|is|were|was|have|had|and)\b")
_LACKS_ARTICLE = re.compile(
    r"^(signed|started|won|received|completed|reached) (?!(?:an?|the|its|first|all) )"
    r"(?=(?:[a-z-]+ ){1,3}(?:agreement|contract|deal|pilot)\b|record )"
)
_SPLIT_NAME = re.compile(r"\b\dG\b")
_APPOSITION = re.compile(r"[A-Z][^,]*, an? [^,]+, ")
_OWN = re.compile(
    r"(?!(?:the|an?|all|its|version|three|two|four|five|six|ten) )[a-z]|Series [A-F]\b"
    rf"|(?:{'|'.join(_MONTHS)}) "
)
_WORD = re.compile(r"[\w’'-]+")
_NOUN = re.compile(
    r"(?i:term sheet|terms|agreement|grant|loan|revenue|sales|originations|bookings|capture rate|retention|margin"
    r"|tender|orders|patent|contract|ARR|MRR|NRR)(?= (?:of|from|for|with|[A-Z]{3} ?\d|[$€£¥₹]?\d)|[:,])"
)
_LEVEL = re.compile(
    r"(?P<what>(?:[^\s,:;]+ ){0,4}(?i:revenue|sales|originations|bookings|rate|retention|margin|orders|ARR|MRR|NRR))"
    r"(?: of)? (?P<much>(?:[A-Z]{3} ?\d|[$€£¥₹]?\d).*)"
)
_NO_VERB = re.compile(r"\b(?:is|are|has|have|will|\w+ed|\w+(?<!s)s(?= (?:the|an?|its)\b))\b")
_SPLIT = re.compile(r"[,;:(]| – ")
_SOME = r"some(?! (?:(?!to |from |over )[a-z-]+ ){0,2}[a-z-]+s\b)"
_UNDISCLOSED = rf"(?:an undisclosed figure|some time|{_SOME})"
_UNTOLD = re.compile(rf"an undisclosed figure|\bsome time\b|\b{_SOME}\b|\[…\]|\[not shared\]")
_WITHOUT = re.compile(
    rf",? (?:of|at|for|worth|with|over|up from|from) {_UNDISCLOSED}"
    r"(?=$|[,;:]| (?:paid|signed|awarded|received|closed|in|for|to|over|with|by|and)\b)"
)
_BEFORE_NOUN = re.compile(r"\b(an?|a paid|the) (?:an undisclosed figure|some time) (?=[a-z])")
_BAND = r"(?:[A-Z]{3} )?\S*\d\S*–\S*\d[\w%]*"
_SAME_AGAIN = re.compile(
    rf",? (?:up |down )?from {_BAND}(?: \S+/\S+)?(?: in [A-Z]\w+)?(?=$|, | in | over )"
    rf"|, first \w+ above {_BAND}|, (?:rose|fell) last year"
    r"|,? (?:over|in) 0–\d+ [a-z]+"
)
"""What tells nothing beside a band: an earlier one, a step over its edge, a few runs."""
_FEW = re.compile(r"^0–\d+ (?=[A-Z])|(?<=\b(?:all|for) )0–\d+ (?=[a-z])")


_FIRST_PERSON = re.compile(
    r"\b(?:[Ww]e|[Oo]urs?|us|[Mm]y|[Ii]ch|[Ww]ir|[Uu]ns|[Uu]nser\w*|[Nn]ous|[Nn]otre|[Nn]osotros|[Nn]uestr[oa]s?)\b"
    r"|(?:^|[,;:.!?–] ?|\b(?:and|that|but|if|when|so|because|what) )I\b"
)


def is_speech(text: str) -> bool:
    """Whether somebody says it of themselves: in a letter of another such words stand between quotation marks alone."""
    return _FIRST_PERSON.search(text) is not None


def bare_title(title: str) -> str:
    """The title on one line, without its stop and without a note that it was corrected."""
    text = _NOTE.sub("", " ".join(title.split())).rstrip(".!").strip()
    return re.sub(r"\b(\d[\d.,]*) ?T€", r"€\1k", text)


def is_noted(title: str) -> bool:
    """Whether it has such a note."""
    return _NOTE.search(title) is not None


def is_qualified(title: str) -> bool:
    """Whether a bracket of it says that it holds in part: such a title is told whole or not at all."""
    return _QUALIFIED.search(bare_title(title)) is not None


def told_title(title: str) -> str:
    """The title without what is not shared of it, and without a band that says nothing; empty where too little is
    left."""
    text = bare_title(title)
    if re.search(r"\d–\d|\bfell\b|\brose\b", text):
        text = _FEW.sub("", _SAME_AGAIN.sub("", text))
    if not _UNTOLD.search(text):
        return text
    text = _BEFORE_NOUN.sub(lambda match: f"{match[1]} ", text)
    text = _WITHOUT.sub("", text)
    first, *others = re.split(r"(?<=[^,;:])(?=[,;:] )|(?= and (?:grows|grew|goes|went)\b)", text)
    text = first + "".join(part for part in others if not re.search(r"\bsome\b|\bundisclosed\b|\[", part))
    return "" if _UNTOLD.search(text) else re.sub(r"\ba (?=[aeiou])", "an ", text)


def as_clause(title: str, quotes: str = "") -> str:
    """The title as a clause in the past, ready to stand inside a sentence; empty where it has no verb known here."""
    if _SPLIT_NAME.search(title):
        return ""
    text = _in_past(title, quotes)
    known = {*_WORD.findall(title), *_WORD.findall(quotes)}
    return "" if any(word in _RARE - known for word in _WORD.findall(text)) else text


def _in_past(title: str, quotes: str) -> str:
    if title.endswith((" generally available", " now available")):
        return re.sub(r"(?= (?:generally|now) available$)", " is", title)
    beside = _APPOSITION.match(title)
    at = beside.end() if beside else 0
    head = title[: at + len(_SPLIT.split(title[at:])[0])]
    for match in _WORD.finditer(head):
        word, subject, rest = match.group(), head[: match.start()].rstrip(), title[match.end() :]
        if not subject:
            continue
        if word in _PAST or word in _OBJECTLESS:
            return _done(subject, word, rest, quotes)
        if past := _past(word, subject, rest):
            return f"{opening(subject, quotes)} {_with_article(past + _further(rest))}"
    return ""


def _past(word: str, subject: str, rest: str) -> str:
    """The past of a headline's verb; empty of another word, and of a noun that looks like one."""
    if word in _TO_PAST and (word not in _ALSO_NOUNS or _is_verb(subject, rest)):
        return _TO_PAST[word]
    if word in _OF_MANY and re.search(r"s\b", subject) and _TAKES.match(rest.lstrip()):
        return _OF_MANY[word]
    return ""


def _is_verb(subject: str, rest: str) -> bool:
    """Whether a word that may be a noun of many, too, is what somebody does."""
    is_named = subject.split()[-1][0].isupper() and subject.split()[0].lower() not in _common()
    behind = rest.lstrip()
    return _TAKES.match(behind) is not None or (is_named and not _OF_NOUNS.match(behind)) or " from " in rest


def as_level(title: str, quotes: str = "") -> str:
    """`January revenue was $41.2m, the first month above 40`, of a title that sets a figure beside its name."""
    found = _LEVEL.match(title)
    if not found or _NO_VERB.search(found["what"]):
        return ""
    were = "were" if found["what"].endswith("s") else "was"
    return f"{opening(found['what'], quotes)} {were} {found['much']}"


def noun(title: str) -> str:
    """`the term sheet from Savannah Gate: $3.5M`, of a title that names a thing and says no verb; else empty."""
    found = _NOUN.search(title)
    if not found or _NO_VERB.search(title[: found.end()]):
        return ""
    behind = title[found.end() :]
    is_first = found.start() == 0 and re.match("(?i)term sheet|grant|loan|agreement|contract|patent", found.group())
    if is_first:
        return f"a{'n' if title[0] in 'Aa' else ''} {title[0].lower()}{title[1:]}"
    amount = " of" if re.match(r" (?:[A-Z]{3} ?\d|[$€£¥₹]?\d)", behind) else ""
    begun = opening(title[: found.end()])
    return f"{begun if begun.startswith(('the ', 'a ', 'an ')) else f'the {begun}'}{amount}{behind}"


def owned(clause: str, own: str) -> str:
    """`your bid latency was cut`, of a clause that names nobody: what it tells of is the company's own."""
    text = clause.removeprefix("the ") if _OWN.match(clause.removeprefix("the ")) else clause
    return f"{own} {text}" if _OWN.match(text) and " of the company" not in text else clause


def headed(text: str) -> str:
    """A clause or a thing as a subject line has it: without the places of its day, an article or whose it is."""
    bare = re.sub(r"[\x00\x01]", "", text)
    return capital(re.sub(r"^(?:the|an?|your|our) ", "", bare))


def opening(text: str, quotes: str = "") -> str:
    """As it stands inside a sentence: a common word's capital goes, a name's stays."""
    first = re.match(r"[A-Z][a-z]+(?:-[a-z]+)*(?=\s|$)", text)
    if not first or first.group() in _MONTHS:
        return text
    word = first.group().lower()
    if word in _BEFORE_NAMES:
        return f"{word}{text[first.end() :]}"
    is_common = all(part in _common() for part in word.split("-")) or re.search(rf"\b{word}\b", quotes) is not None
    is_name = re.match(r" [A-Z]", text[first.end() :])
    return text if is_name or not is_common else f"{word}{text[first.end() :]}"


def _common() -> frozenset[str]:
    return everyday_words() | _FURTHER_WORDS


_BEFORE_NAMES = frozenset({"record", "monthly", "weekly", "term", "three", "two", "four", "five", "six"})
"""Common words that stay so before a name: `record March sales`."""
_FURTHER_WORDS = frozenset(
    "a an all our net new first second median annual daily open licensed national sales bid app contracted monitored "
    "registered gross early version agreement licence license grant loan patent series".split()
)


def _done(subject: str, verb: str, rest: str, quotes: str) -> str:
    """A clause of a verb in the past; of what was done to its subject with the word that a headline leaves out."""
    paper = _PAPER.search(_ON_PAPER.split(subject)[0])
    begun = opening(subject, quotes)
    if not ((verb in _DONE_TO_PAPER and paper) or verb in _OBJECTLESS) or not _NO_OBJECT.match(rest.lstrip()):
        return f"{begun} {_with_article(verb + _further(rest))}"
    article = "the " if paper and not re.match(r"(?:the|an?|version|all) ", begun, re.I) else ""
    were = "were" if paper and paper.group().lower() == "terms" else "was"
    return f"{article}{begun} {were} {verb}{_further(rest)}"


def _with_article(told: str) -> str:
    """`signed a supply agreement`, of a headline's `signed supply agreement`."""
    return _LACKS_ARTICLE.sub(lambda match: f"{match[1]} a ", told)


def _further(rest: str) -> str:
    """The verbs that go on behind the first: `and expands`, `, visits and starts`."""

    def past(match: re.Match[str]) -> str:
        word, behind = match.group(), rest[match.end() :].lstrip(" ")
        is_verb = word not in _ALSO_NOUNS or _TAKES.match(behind) or behind.startswith("and ")
        return _TO_PAST.get(word, word) if is_verb else word

    return re.sub(r"(?<=\band )[a-z-]+|(?<=, )[a-z-]+", past, rest)
