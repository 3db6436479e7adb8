"""Titles that read as a person would note the fact: who, what, how much."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sago.domain.amounts import find_amounts
from sago.domain.events import EventType, Metric
from sago.domain.metrics import METRICS, UNSTATED, is_currency
from sago.llm.providers.offline.cues import ROLE
from sago.llm.providers.offline.figures import OTHER, REVENUE, TOLD
from sago.llm.providers.offline.subjects import instrument

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "INR": "₹", "JPY": "¥", "KRW": "₩"}
_FIELD = (
    r"(?:engineer\w*|design\w*|scientist|marketing|sales|product|growth|finance|people|operations|"
    r"platform|data|success)"
)
_ROLE = re.compile(rf"(?P<as>\bas (?:our |an? |the )?)?\b{ROLE}(?:\s(?:of\s)?(?:(?-i:[A-Z])\w+|{_FIELD})){{0,3}}", re.I)
_OPENING = re.compile(
    r"(?:(?:the|our|and|so|ok|finally|now|also)\s)*((?:[\w'’-]+\s){0,4}?[\w'’-]+)\s"
    r"(?:is|are|went|has been|have been|was|were)\b",
    re.I,
)
_LENGTH, _HOUR = 160, 60
_CHANGES = (" growth", " decline")
_ASIDE = tuple(f"{word} " for word in ("earlier", "expected", "others'", *OTHER))
"""Before the names of figures that no title begins with."""
_NOT_ITS_OWN = frozenset({"valuation", *REVENUE})
"""Money that a deal, a round or a loss is not worth: the company's own level stands beside it."""


def say(metric: Metric) -> str:
    """The figure as people read it: `$1.116M`, `143%`, `25,000`, `62 minutes`."""
    value = metric.value
    if is_currency(metric.unit):
        sign = "" if metric.unit == UNSTATED else _SIGNS.get(metric.unit)
        return f"{sign}{_short(value)}" if sign is not None else f"{metric.unit} {_short(value)}"
    if metric.unit == "minutes" and value == int(value) and value > _HOUR and value % _HOUR:
        return f"{value // _HOUR:g} hour{'s' * (value >= 2 * _HOUR)} {value % _HOUR:g} minutes"
    number = f"{value:,.0f}" if value == int(value) else f"{value:g}"
    if metric.unit in ("percent", "x"):
        return number + {"percent": "%", "x": "x"}[metric.unit]
    if metric.unit == "count":
        return number if abs(value) < 1e6 else _short(value)
    unit = metric.unit[:-1] if value == 1 and metric.unit.endswith("s") and metric.unit != "ms" else metric.unit
    return f"{number} {unit}"


def _short(value: float) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def title(event_type: EventType, kind: str, subject: str | None, metrics: Sequence[Metric], text: str) -> str:
    """A fact in one line of 5 to 200 characters, every figure of it among `metrics`."""
    written = _WRITERS[kind](_Facts(subject, metrics, text)) if kind in _WRITERS else _by_metrics(event_type, metrics)
    line = " ".join(written.split())
    return line[:_LENGTH].rsplit(" ", 1)[0] if len(line) > _LENGTH else line


class _Facts:
    """What a title may draw on."""

    def __init__(self, subject: str | None, metrics: Sequence[Metric], text: str) -> None:
        self.subject = _cased(subject) if subject else None
        self.metrics = metrics
        self.text = text

    def who(self, otherwise: str) -> str:
        return self.subject or otherwise

    def first(self, wanted: Callable[[Metric], bool], before: str = " ", after: str = "") -> str:
        """The first fitting figure between its words, or nothing."""
        found = next((m for m in self.metrics if wanted(m) and not m.name.startswith("earlier ")), None)
        return f"{before}{say(found)}{after}" if found else ""

    def product(self) -> str:
        """What was launched: its name, else the words before `is live`, `are out`, `is GA`."""
        opening = _OPENING.match(self.text)
        if opening and (self.subject is None or self.subject.lower() in opening[1].lower()):
            return opening[1][:1].upper() + opening[1][1:]
        return self.who("A new product")

    def money(self, before: str, after: str = "") -> str:
        return self.first(lambda m: is_currency(m.unit) and m.name not in _NOT_ITS_OWN, before, after)

    def loss(self, before: str) -> str:
        """What is lost, with the period that the text gives it for: `$500 a month`."""
        found = next((m for m in self.metrics if is_currency(m.unit) and m.name not in _NOT_ITS_OWN), None)
        told = (amount.period for amount in find_amounts(self.text) if found and abs(amount.value) == found.value)
        period = next(filter(None, told), None)
        return self.money(before, f" a {period}" if period in ("month", "quarter", "year") else "")

    def term(self, before: str = " for ") -> str:
        return self.first(lambda m: m.unit in ("days", "weeks", "months", "years"), before)

    def percent(self, before: str) -> str:
        found = [m for m in self.metrics if m.unit == "percent" and not m.name.startswith("earlier ")]
        told = next((m for m in found if "rate" not in m.name), next(iter(found), None))
        return f"{before}{say(told)}" if told else ""

    def count(self, before: str) -> str:
        found = next((m for m in self.metrics if m.unit == "count" and m.name != "count"), None)
        return f"{before}{say(found)} {found.name.removeprefix('earlier ')}" if found else ""

    def value(self, before: str) -> str:
        """A contract's worth, with its period."""
        own = (m for m in self.metrics if is_currency(m.unit) and m.name not in _NOT_ITS_OWN)
        found = next((m for m in own if not m.name.startswith("earlier ")), None)
        period = {"monthly fee": " a month", "annual contract value": " a year"}.get(found.name, "") if found else ""
        return f"{before}{say(found)}{period}" if found else ""


def _cased(name: str) -> str:
    """Small letters of chat made a name, shouting quiet."""
    return " ".join(word.capitalize() for word in name.split()) if name.islower() or _shouts(name) else name


def _shouts(name: str) -> bool:
    """Whether the name itself is in capitals for the noise: `MERIDIAN RAIL`, but neither `SOC 2` nor `AWS`."""
    return name.isupper() and any(len(word) > 5 for word in name.split()) and name.replace(" ", "").isalpha()


def _leaver(facts: _Facts) -> str:
    """Who leaves, by name and role, else by role alone."""
    role = _role(facts.text)
    if facts.subject is None and role:
        return f"The {role.removeprefix(' as ')} is leaving"
    return f"{facts.who('A key person')} is leaving{role}"


def _role(text: str) -> str:
    """` as VP Growth`: the role behind `as`, else the first; one-word fragments such as `lead` are none."""
    roles = list(_ROLE.finditer(text))
    found = next((role for role in roles if role["as"]), next(iter(roles), None))
    if found is None:
        return ""
    name = found[0][len(found["as"] or "") :]
    return "" if name.lower() in ("lead", "staff", "head", "principal", "founding") else f" as {name}"


def _term_sheet(f: _Facts) -> str:
    valuation = f.first(lambda m: m.name == "valuation", " at ", " valuation")
    what = instrument(f.text)
    sheet = f"a {what.title()} term sheet" if what else "a term sheet"
    return f"{f.who('An investor')} sent {sheet}{f.money(': ')}{valuation}"


def _round(f: _Facts) -> str:
    what = (instrument(f.text) or "Funding round").capitalize().replace("Series a", "Series A")
    what = re.sub(r"(?i)series ([a-f])", lambda m: f"Series {m[1].upper()}", what)
    return f"{what}{f.money(' of ')} closed" + (f", with {f.subject}" if f.subject else "")


def _fall(f: _Facts) -> str:
    by = next((m for m in f.metrics if m.name.endswith(" decline") or m.name.startswith("lost ")), None)
    now = next((m for m in f.metrics if m is not by and not m.name.startswith(_ASIDE)), None)
    was = next((m for m in f.metrics if m.name.startswith("earlier ")), None)
    what = _label(
        (now or was or by or f.metrics[0]).name.removeprefix("earlier ").removeprefix("lost ").removesuffix(" decline")
    )
    to = f" to {say(now)}" if now else ""
    verb = "rose" if re.match(r"(?i)churn|burn", what) else "fell"
    return f"{what} {verb}{f' by {say(by)}' if by else ''}{to}{f' from {say(was)}' if was else ''}"


def _certificate(f: _Facts) -> str:
    granted = re.search(r"licen[cs]e|certificat\w+|mark\b", f.text, re.I)
    return f"{f.subject or (granted[0].capitalize() if granted else 'Audit')} {'granted' if granted else 'passed'}"


def _interest(f: _Facts) -> str:
    who = f.who("An investor")
    if re.search(r"diligence|confirmatory", f.text, re.I):
        return f"{who} began due diligence{f.money(' on ')}"
    if re.search(r"partner(?:ship|s)?\b|committee", f.text, re.I):
        return f"{who} brought the company before its partners{f.money(' over ')}"
    return f"{who} asked for more data{f.money(' with ', ' in mind')}"


def _measure(f: _Facts) -> str:
    told = [f"{m.name} {say(m)}" for m in f.metrics[:3]]
    return "Measured: " + ", ".join(told)


_WRITERS: dict[str, Callable[[_Facts], str]] = {
    "churn": lambda f: f"{f.who('A customer')} will not renew{f.loss(', losing ')}",
    "lost deal": lambda f: f"Lost the deal with {f.who('a prospect')}{f.loss(', worth ')}",
    "outage": lambda f: f"Outage{f.first(lambda m: m.unit in ('minutes', 'hours'), ' of ')}{f.count(' affected ')}",
    "breach": lambda f: f"Data incident{f.count(' affecting ')}",
    "lawsuit": lambda f: f"{f.who('A plaintiff')} went to court{f.money(' for ')}",
    "layoffs": lambda f: f"Layoffs{f.count(' of ')}",
    "departure": lambda f: f"{_leaver(f)}",
    "recall": lambda f: f"Recall{f.count(' of ')}{f.money(', cost ')}",
    "fall": _fall,
    "term sheet": _term_sheet,
    "round": _round,
    "grant": lambda f: f"Grant{f.money(' of ')} awarded" + (f" by {f.subject}" if f.subject else ""),
    "debt": lambda f: f"Loan{f.money(' of ')} signed" + (f" with {f.subject}" if f.subject else ""),
    "partnership": lambda f: f"Partnership agreement signed with {f.who('a partner')}{f.count(', ')}",
    "hire": lambda f: f"{f.who('A key hire')} joins{_role(f.text)}",
    "team size": lambda f: f"The team grew{f.first(lambda m: m.unit == 'count', ' to ')} people",
    "certificate": _certificate,
    "award": lambda f: f"Won an award{f': {f.subject}' if f.subject else ''}",
    "article": lambda f: f"{f.who('A news outlet')} published on the company",
    "reference": lambda f: f"{f.who('A customer')} offers a reference{f.percent(', after ')}{f.money(', ', ' saved')}",
    "result": lambda f: f"{f.who('A customer')} reports a result{f.percent(' of ')}{f.money(' worth ')}",
    "interest": _interest,
    "place": lambda f: f"Opened in {f.who('a new market')}",
    "pilot": lambda f: f"{f.who('A customer')} started a paid pilot{f.value(' for ')}{f.term()}",
    "expansion": lambda f: f"{f.who('A customer')} renewed or expanded{f.value(' at ')}{f.term()}",
    "contract": lambda f: f"{f.who('A customer')} signed a contract{f.value(' worth ')}{f.term()}",
    "launch": lambda f: f"{f.product()} is available to customers",
    "patent": lambda f: f"Patent granted{f' for {f.subject}' if f.subject else ''}",
    "measure": _measure,
    TOLD: lambda f: f.text,
    "profit": lambda f: "Reached profitability" if re.search(r"profit|cash|even", f.text, re.I) else "First revenue",
}  # fmt: skip


def _label(name: str) -> str:
    first, _, rest = name.partition(" ")
    if rest in METRICS:
        return f"{first[:1].upper()}{first[1:]} {METRICS[rest].label}"
    return METRICS[name].label if name in METRICS else name[:1].upper() + name[1:]


def _by_metrics(event_type: EventType, metrics: Sequence[Metric]) -> str:
    """`MRR reached $450k, ARR $5.4M, up 14%`."""
    now = [m for m in metrics if not m.name.startswith(_ASIDE) and not m.name.endswith(_CHANGES)]
    was = next((m for m in metrics if m.name.startswith("earlier ")), None)
    up = next((m for m in metrics if m.name.endswith(" growth")), None)
    if not now:
        return f"{event_type.replace('_', ' ').capitalize()} reported"
    is_level = now[0].unit != "percent" and not now[0].name.startswith("new ")
    head = f"{_label(now[0].name)} {'reached' if is_level else 'was'} {say(now[0])}"
    more = "".join(f", {_label(m.name)} {say(m)}" for m in now[1:3])
    return f"{head}{more}{f', from {say(was)}' if was else ''}{f', up {say(up)}' if up else ''}"
