"""The gate a letter passes before anybody sees it: every figure, date and name must stand in what it cites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from sago.domain.amounts import Amount, find_amounts
from sago.domain.letters import Highlight, LetterDraft, LetterRequest
from sago.domain.metrics import METRICS
from sago.outreach.facts import (
    WORD,
    Facts,
    find_days,
    joined,
    of_event,
    of_verdict,
    of_watch,
    says_day,
    says_monthly,
    says_value,
    words_of,
)

_WEEKDAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
_ALWAYS = {"i", "m", "d", "ve", "ll", "ceo", "cto", "cfo", "coo"}
"""`I` with what may follow its apostrophe, and offices."""
_ASKED_MINUTES = {15.0, 20.0, 30.0, 45.0, 60.0}
_ASK = re.compile(r"\b(call|talk|speak|chat|meet|walk|find|free)\b", re.I)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;–—“\"(\n•*-])[\s“\"*•(–—-]*$")
_ANNUAL = re.compile(r"\s*(?:of\s+)?(?:ARR|annual)", re.I)


class Problem(NamedTuple):
    """One thing a letter says that nothing it cites says, and where: `subject`, `body`, `highlight 2`, `metrics`."""

    kind: Literal["figure", "date", "name", "event"]
    text: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind} {self.text!r} stands in no cited event"


def check(draft: LetterDraft, request: LetterRequest) -> list[Problem]:
    """Everything in the letter that is not grounded; empty when the letter may be shown.

    A highlight is held against its own event, the rest against all events. Allowed besides what is stated: rounding
    to the digits written, and MRR × 12 where the letter writes it as `~$5.4M ARR`.
    """
    watch = joined([of_watch(request), of_verdict(request)])
    of_events = {event.id: of_event(event) for event in request.events}
    everything = joined([watch, *of_events.values()])
    own_name = request.company.name
    problems = [*_in_text(_without(draft.subject, own_name), "subject", everything)]
    problems += _in_text(_without(_without_highlights(draft), own_name), "body", everything)
    for number, line in enumerate(draft.highlights, start=1):
        where = f"highlight {number}"
        own = of_events.get(line.event_id)
        if own is None:
            problems.append(Problem("event", str(line.event_id), where))
        else:
            problems += _in_text(_without(_written(line), own_name), where, joined([watch, own]))
    return problems + _metrics(draft, request)


def _without(text: str, name: str) -> str:
    """The text less the company's own name, which may hold a figure: `Studio 54`."""
    return text.replace(name, " ")


def _written(line: Highlight) -> str:
    return f"{line.heading}: {line.text}"


def _without_highlights(draft: LetterDraft) -> str:
    """The body less the highlights' own lines, which are held against their events one by one."""
    body = draft.body
    for line in draft.highlights:
        body = body.replace(f"- {_written(line)}", "", 1)
    return body


def _in_text(text: str, where: str, facts: Facts) -> Iterator[Problem]:
    days = find_days(text)
    for amount in find_amounts(text):
        if not _is_grounded(amount, text, facts):
            yield Problem("figure", amount.text, where)
    for day in days:
        if not says_day(facts, day):
            yield Problem("date", day.text, where)
    for word in _names(text, [(day.start, day.end) for day in days]):
        if not words_of(word) <= facts.words | _known_words() and word.lower() not in facts.words:
            yield Problem("name", word, where)


def _is_grounded(amount: Amount, text: str, facts: Facts) -> bool:
    if says_value(facts, amount) or _is_asked_time(amount, text):
        return True
    marked = text[: amount.start].rstrip().endswith(("~", "≈")) or amount.text.startswith(("~", "≈"))
    return marked and _ANNUAL.match(text[amount.end :]) is not None and says_monthly(facts, amount)


def _is_asked_time(amount: Amount, text: str) -> bool:
    """The minutes a letter asks for, in a sentence that asks to speak."""
    if amount.unit != "minutes" or amount.value not in _ASKED_MINUTES:
        return False
    start = max(text.rfind(mark, 0, amount.start) for mark in ".!?\n")
    ends = [at for mark in ".!?\n" if (at := text.find(mark, amount.end)) >= 0]
    return _ASK.search(text[start + 1 : min(ends, default=len(text))]) is not None


def _names(text: str, dates: list[tuple[int, int]]) -> Iterator[str]:
    """Capitalised words that may be names: those inside a sentence, and those at its start that are not ordinary."""
    for match in WORD.finditer(text):
        word = match.group()
        if not any(letter.isupper() for letter in word) or any(a <= match.start() < b for a, b in dates):
            continue
        starts = _SENTENCE_START.search(text[: match.start()]) is not None
        if not (starts and _plain(word) in _ordinary()):
            yield word


def _plain(word: str) -> str:
    """Before the apostrophe of `I’m` and `Here’s`."""
    return re.split(r"[’']", word.lower())[0]


@cache
def _ordinary() -> frozenset[str]:
    """Words that begin sentences without being names."""
    return frozenset(files("sago.outreach").joinpath("ordinary.txt").read_text(encoding="utf-8").split())


@cache
def _known_words() -> frozenset[str]:
    """Capitalised in any sentence without naming anybody: weekdays, metrics, offices."""
    labels = {word for kind in METRICS.values() if kind.label.isupper() for word in words_of(kind.label)}
    return frozenset(labels | _WEEKDAYS | _ALWAYS)


def _metrics(draft: LetterDraft, request: LetterRequest) -> list[Problem]:
    stated = {metric for event in request.events for metric in event.metrics}
    return [
        Problem("figure", f"{metric.name} {metric.value:g} {metric.unit}", "metrics")
        for metric in draft.metrics
        if metric not in stated
    ]
