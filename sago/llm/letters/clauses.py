"""Titles in the form our own readers give them, as clauses of a letter: `you signed Kestrel Air at $240k a year`.

A title of another form gives none. Where figures are told in bands a title holds them in brackets; what is not shared
falls out of its clause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from sago.domain.events import Event
from sago.llm.letters.facts import is_name
from sago.llm.letters.titles import bare_title, opening, told_title

ON, SAID = "\0", "\1"
"""Where in a clause its day stands, ` on 14 November` or ` (14 November)`, where that is not its end."""
_HIDDEN = re.compile(
    r"\[(?:not shared|…|rose|fell|several times|a part)\]"
    r"|\ban undisclosed figure\b|\bsome time\b|\bsome (?=people)|^some$"
)
_BAND = re.compile(r"\[([^\[\]]+)\]")
_NOBODY = re.compile(
    r"(?:an?|the) (?:customer|investor|prospect|partner|plaintiff|key \w+|news outlet|new market|new product)"
    r"|(?:thousand|million|billion)s?",
    re.I,
)
_RENEWED = re.compile(
    r"(?<!auto-)(?<!auto )renew|re-?sign|re-?up|another (?:\w+ )?years?|extend|verläng|renov|prolong|reconduct", re.I
)
_EXPANDED = re.compile(r"expan|upgrad|more seats|grew from|went from|go(?:ing)? from|up from|add(?:ed|ing)", re.I)
_WENT = re.compile(
    r"(?P<what>(?:[A-Za-z][\w-]* ){0,4}[A-Za-z][\w-]*) (?:fell|went|dropped|came down|rose|grew|climbed|improved) "
    r"from (?P<before>\d[\d.,]*(?: ?%| \w+)?) to (?P<after>\d[\d.,]*(?: ?%| \w+)?)"
)
_CLAUSE = re.compile(r"[^:;,.!?\n—–]+")
_SPEAKERS = re.compile(r"\b(?:we|our|us|i|you|my|your|they|it)\b", re.I)
_VERBS = re.compile(r"\b(?:is|are|was|were|fell|rose|went|dropped|got|cut|grew|has|have|had)\b")
_SHORTEST_WORDS, _MOST_WORDS = 4, 16
LEAST_COUNT = 100
"""Smaller counts say too little by themselves."""


class Sides(NamedTuple):
    """Who the letter's company is: `you` and `your` to a founder, `we` and `our` by one."""

    who: str
    whom: str
    own: str


YOU, WE = Sides("you", "you", "your"), Sides("we", "us", "our")


def clause(event: Event, sides: Sides) -> str:
    """The clause of an event's title, without its day; empty where the title has no form that is known here."""
    for form, title in _formed(event):
        text = _FORMS[form](_Title(title, event, sides))
        if text and not _HIDDEN.search(text):
            return _BAND.sub(r"\1", text)
    return ""


def is_known(event: Event) -> bool:
    """Whether the title has a form of our own readers: where that gives no clause, it says too little by itself."""
    return next(_formed(event), None) is not None


def _formed(event: Event) -> Iterator[tuple[re.Pattern[str], re.Match[str]]]:
    """The first form of the title, then that of the title without what is not shared of it."""
    for title in dict.fromkeys((bare_title(event.title), told_title(event.title))):
        found = ((form, match) for form in _FORMS if (match := form.fullmatch(title)))
        yield from islice(found, 1)


class _Title(NamedTuple):
    """What a clause may draw on: the parts of the title, the event, and who speaks."""

    found: re.Match[str]
    event: Event
    sides: Sides

    @property
    def we(self) -> str:
        return self.sides.who

    @property
    def us(self) -> str:
        return self.sides.whom

    @property
    def our(self) -> str:
        return self.sides.own

    def part(self, name: str, before: str = "", after: str = "") -> str:
        """A part between its words; nothing where the title lacks it or it is not shared."""
        value = self.found[name]
        return f"{before}{value}{after}" if value and not _HIDDEN.search(value) else ""

    def who(self, otherwise: str) -> str:
        """Whom the title names."""
        name = self.found["who"]
        nobody = not name or _NOBODY.fullmatch(name) or not is_name(name, self.event)
        return otherwise if nobody else name

    def label(self) -> str:
        what = self.found["what"]
        return what if what.isupper() else what.lower()


def _article(noun: str) -> str:
    """`an $80M`, `a $15M`, `an 11%`: as the figure is spoken."""
    spoken = noun.lstrip("$€£¥₹ ")
    is_vowel = spoken[:1].lower() in "aeiou" or re.match(r"8|1[18](?![\d,])", spoken) is not None
    return f"{'an' if is_vowel else 'a'} {noun}"


def renewals(event: Event) -> list[str]:
    """What the proof says of a customer that had signed before: `renewed`, `expanded`."""
    quotes = " ".join(proof.quote for proof in event.evidence)
    return [verb for verb, cue in (("renewed", _RENEWED), ("expanded", _EXPANDED)) if cue.search(quotes)]


def _contract(t: _Title) -> str:
    if "renewed" in renewals(t.event):
        return _expansion(t)
    value = t.part("value")
    rate = f" at {value}" if value.endswith((" a year", " a month")) else value and f" to a contract worth {value}"
    return f"{t.we} signed {t.who('a new customer')}{rate}{t.part('term', ' for ')}"


def _pilot(t: _Title) -> str:
    terms = ", ".join(filter(None, (t.part("value"), t.part("term"))))
    return f"{t.who('a customer')} started a paid pilot{terms and f' ({terms})'}"


def _expansion(t: _Title) -> str:
    verbs = " and ".join(renewals(t.event)) or "renewed"
    return f"{t.who('a customer')} {verbs}{t.part('value', ' at ')}{t.part('term', ' for ')}"


def _term_sheet(t: _Title) -> str:
    sheet = _article(t.part("what", "", " ") + "term sheet") + t.part("value", " for ")
    valuation = t.part("valuation")
    sheet += f" at {_article(valuation)} valuation" if valuation else ""
    who = t.who("")
    return f"{who} sent {t.us} {sheet}" if who else f"{t.we} received {sheet}"


def _round(t: _Title) -> str:
    what = t.found["what"]
    if what == "Funding round":  # `closed a round` would need a proof that says so
        return f"{t.our} funding round{t.part('value', ' of ')} closed{t.part('who', ' with ')}"
    what = what if re.match(r"Series|SAFE", what) else what[:1].lower() + what[1:]
    return f"{t.we} closed {_article(what)}{t.part('value', ' of ')}{t.part('who', ' with ')}"


def _hire(t: _Title) -> str:
    """Somebody with first and last name, or the office alone."""
    who, role = t.who(""), t.part("role")
    if " " in who:
        return f"{t.we} hired {who}{role and f' as {role}'}"
    return f"{t.we} hired {_article(role)}" if role else ""


def _certificate(t: _Title) -> str:
    what = t.found["who"]
    if what == "Audit":
        return f"{t.we} passed {t.our} audit"
    if what in ("Licence", "License", "Certificate"):
        return f"{t.we} were granted {t.our} {what.lower()}"
    return f"{t.we} passed {what}" if t.found["verb"] == "passed" else f"{t.we} were granted the {opening(what)}"


def _result(t: _Title) -> str:
    """The customer's words that hold the figure, where they are a short clause that a stranger may read."""
    value, who = t.found["value"], t.who("")
    for proof in t.event.evidence if value and who else ():
        for words in (part.group().strip() for part in _CLAUSE.finditer(proof.quote)):
            if value in words and _is_plain(words):
                return f"{who} reports{SAID} that “{words}”"
    return ""


def _is_plain(words: str) -> bool:
    """A sentence about no speaker: letters, figures, and a verb."""
    return (
        _SHORTEST_WORDS <= len(words.split()) <= _MOST_WORDS
        and re.fullmatch(r"[A-Za-z][\w %$€£&'’/-]*", words) is not None
        and not _SPEAKERS.search(words)
        and _VERBS.search(words) is not None
    )


def _measured(t: _Title) -> str:
    """What went from where to where, in the quote's own words; else a large count of something."""
    for proof in t.event.evidence:
        if went := _WENT.search(proof.quote):
            what = re.sub(r"^(?:the|our|its|and|of|production|week|day|[A-Z]\w+) ", "", went["what"])
            return f"{t.our} {what} went from {went['before']} to {went['after'].rstrip('.,')}"
    for metric in t.event.metrics:
        if metric.unit == "count" and metric.value >= LEAST_COUNT and re.fullmatch(r"\w+ \w+s", metric.name):
            return f"{t.we} measured {metric.value:,.0f} {_as_written(metric.name, t.event)}"
    return ""


def _as_written(name: str, event: Event) -> str:
    """A figure's name with the capitals that the proof gives it: `concurrent WebSockets`."""
    for proof in event.evidence:
        if (at := proof.quote.lower().find(name.lower())) >= 0:
            return proof.quote[at : at + len(name)]
    return name


def _interest(t: _Title) -> str:
    who, what = t.who("an investor"), t.found["what"]
    if what.startswith("began"):
        return f"{who} has begun due diligence{SAID}"
    return f"{who} took {t.us} to its partners" if what.startswith("brought") else f"{who} asked for more data"


def _lost(t: _Title) -> str:
    of_mrr = any(metric.name == "lost mrr" for metric in t.event.metrics)
    cost = t.part("value", f", which costs {t.us} ", " of MRR" if of_mrr else "")
    return f"{t.who('a customer')} will not renew{SAID}{cost}"


def _said_behind(change: str) -> str:
    """The day in brackets behind an earlier figure, which it is not of."""
    return f"{change}{SAID if ' from ' in change else ''}"


_TERM = r"(?: for (?P<term>\[[^\]]+\]|\d+ \w+))?"
_VALUATION = r"(?: at (?P<valuation>.+?) valuation)?"
_LEVELS = "MRR|ARR|NRR|GRR|Bookings|Revenue|DAU|WAU|MAU|Churn|Gross margin"
_INTEREST = "began due diligence|brought the company before its partners|asked for more data"
_VAGUE = "Count|Rate|Duration|Amount|Factor"
_WRITERS: dict[str, Callable[[_Title], str]] = {
    rf"(?P<who>.+?) signed a contract(?: worth (?P<value>.+?))?{_TERM}": _contract,
    rf"(?P<who>.+?) started a paid pilot(?: for (?P<value>\D.*?|\[.+?\]|\d\S*[kMB]))?{_TERM}": _pilot,
    rf"(?P<who>.+?) renewed or expanded(?: at (?P<value>.+?))?{_TERM}": _expansion,
    rf"(?P<who>.+?) sent an? (?:(?P<what>.+?) )?(?i:term sheet)(?:: (?P<value>.+?))?{_VALUATION}": _term_sheet,
    r"(?P<what>[A-Z][\w -]*?)(?: of (?P<value>.+?))? closed(?:, with (?P<who>.+))?": _round,
    r"Grant(?: of (?P<value>.+?))? awarded by (?P<who>.+)":
        lambda t: f"{t.who('a fund')} awarded {t.us} a grant{t.part('value', ' of ')}",
    r"Grant of (?P<value>.+) awarded": lambda t: f"{t.we} were awarded a grant{t.part('value', ' of ')}",
    r"Loan(?: of (?P<value>.+?))? signed(?: with (?P<who>.+))?":
        lambda t: f"{t.we} signed a loan{t.part('value', ' of ')}{t.part('who', ' with ')}",
    r"Partnership agreement signed with (?P<who>[^,]+)(?:, .+)?":
        lambda t: f"{t.we} signed a partnership agreement with {t.who('a partner')}",
    r"(?P<who>.+?) joins(?: as (?P<role>.+))?": _hire,
    r"The team grew to (?P<value>\d[\d,.]+|\[.+\]) people":
        lambda t: f"the team reached {t.found['value']} people",
    r"(?P<who>.+) (?P<verb>granted|passed)": _certificate,
    r"Won an award(?:: (?P<what>.+))?": lambda t: f"{t.we} won an award{t.part('what', ' (', ')')}",
    r"(?P<who>.+?) published on the company": lambda t: f"{t.who('a newspaper')} wrote about {t.us}",
    r"(?P<who>.+?) offers a reference(?:, .+)?": lambda t: f"{t.who('a customer')} offered to be a reference",
    r"(?P<who>.+?) reports a result(?: of (?P<value>\S+))?(?: worth .+)?": _result,
    rf"(?P<who>.+?) (?P<what>{_INTEREST}).*": _interest,
    r"Opened in (?P<who>.+)": lambda t: f"{t.we} opened in {t.who('a new market')}",
    r"(?P<what>.+?) (?:is|are) available to customers": lambda t: f"{t.we} released {opening(t.found['what'])}",
    r"Patent granted(?: for (?P<what>.+))?": lambda t: f"{t.we} were granted a patent{t.part('what', ' for ')}",
    r"Measured: .+": _measured,
    r"Reached profitability": lambda t: f"{t.we} reached profitability",
    rf"(?P<what>{_LEVELS}) (?P<verb>reached|was) (?P<value>\[[^\]]+\]|(?:[A-Z]{{3}} )?\S*\d\S*–\S*\d[^\s,]*).*":
        lambda t: f"{t.our} {t.label()} {t.found['verb']} {t.found['value']}",
    r"(?P<who>.+?) will not renew(?:, losing (?P<value>.+))?": _lost,
    r"Lost the deal with (?P<who>.+?)(?:, worth (?P<value>.+))?":
        lambda t: f"{t.we} lost the deal with {t.who('a prospect')}{t.part('value', ', worth ')}{SAID}",
    r"Outage(?: of (?P<length>.+?))?(?: affected (?:(?P<hit>[\d,.kM]+ [a-z]+s)|.+))?":
        lambda t: f"{t.we} had an outage{t.part('length', ' of ')}{ON}{t.part('hit', ', which affected ')}",
    r"Data incident(?: affecting (?:(?P<hit>[\d,.kM]+ [a-z]+s)|.+))?":
        lambda t: f"{t.we} had a data incident{ON}{t.part('hit', ', which affected ')}",
    r"(?P<who>.+?) went to court(?: for (?P<value>.+))?":
        lambda t: f"{t.who('somebody')} has gone to court against {t.us}{t.part('value', ' for ')}{SAID}",
    r"The (?P<role>.+) is leaving": lambda t: f"{t.our} {t.found['role']} is leaving{SAID}",
    r"(?P<who>.+?) is leaving(?: as (?P<role>.+))?":
        lambda t: f"{t.who('a key person')}{t.part('role', f', {t.our} ', ',')} is leaving{SAID}",
    r"Layoffs of (?P<value>\d[\d,]*)(?: people)?": lambda t: f"{t.we} let {t.found['value']} people go",
    rf"(?P<what>(?!{_VAGUE})[A-Z]\w*(?: \w+){{0,2}}?) (?P<verb>fell|rose)(?P<rest>(?: (?:by|to|from) \S+){{0,3}})":
        lambda t: f"{t.our} {t.label()} {t.found['verb']}{_said_behind(t.found['rest'])}",
}  # fmt: skip
_FORMS = {re.compile(form): write for form, write in _WRITERS.items()}
