"""Letters without a model: phrases around facts, nothing that no event says.

Which of several phrasings is taken depends on the watch and the month alone, so a repeated call gives the same letter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sago.domain.amounts import find_amounts
from sago.domain.companies import Company
from sago.domain.events import CATALOGUE, Event, Metric, MetricPoint
from sago.domain.letters import Highlight, LetterDraft, LetterRequest
from sago.domain.metrics import METRICS, is_currency, is_vague
from sago.domain.watches import ConditionResult, Direction, Outcome
from sago.domain.wording import day, figure, metric_label, metric_phrase
from sago.errors import PermanentError

SUBJECT_LIMIT = 90
MAX_HIGHLIGHTS = 5
SHORT_TITLE = 45
"""Characters up to which a title may stand in a subject line."""
SMALLEST_COUNT = 100
"""Smaller counts of an unknown name (`2 partners`) are no figure for a letter."""
_CHANGES = (" growth", " decline")
HIGHLIGHTS_HEADING = "Key highlights"


def compose_offline(request: LetterRequest) -> LetterDraft:
    """The letter of a request; raises PermanentError when there is no event to tell."""
    if not request.events:
        raise PermanentError(f"watch {request.watch.id}: there is no event to write about")
    highlights = tuple(_highlight(event, request) for event in request.events[:MAX_HIGHLIGHTS])
    metrics = tuple(dict.fromkeys(m for event in request.events[:MAX_HIGHLIGHTS] for m in event.metrics))
    return LetterDraft(
        subject=_subject(request), body=_body(request, highlights), highlights=highlights, metrics=metrics
    )


class _Phrases:
    """Picks one of several phrasings, the same each time for one watch and month."""

    def __init__(self, request: LetterRequest) -> None:
        seed = f"{request.watch.id}:{request.as_of:%Y-%m}"
        self._digest = hashlib.sha256(seed.encode()).digest()
        self._used = 0

    def pick(self, *choices: str) -> str:
        number = self._digest[self._used % len(self._digest)]
        self._used += 1
        return choices[number % len(choices)]


def _body(request: LetterRequest, highlights: Sequence[Highlight]) -> str:
    phrases = _Phrases(request)
    voice = _to_founder if request.watch.direction is Direction.TO_FOUNDER else _to_investor
    opening, ask = voice(request, phrases), _ask(request, phrases)
    return assembled(request, opening, highlights, ask, phrases.pick("Best", "All the best", "Best regards"))


def assembled(request: LetterRequest, opening: str, highlights: Sequence[Highlight], ask: str, closing: str) -> str:
    """A letter's body of its parts; greeting and signature are those of the request's people, whoever wrote them."""
    lines = "\n".join(f"- {line.heading}: {line.text}" for line in highlights)
    parts = [
        f"Hi {_addressee(request)},",
        opening,
        f"{HIGHLIGHTS_HEADING}:\n\n{lines}" if lines else "",
        ask,
        f"{closing},",
        signature(request),
    ]
    return "\n\n".join(part for part in parts if part)


def _addressee(request: LetterRequest) -> str:
    to_founder = request.watch.direction is Direction.TO_FOUNDER
    investor = request.watch.investor
    name = request.company.founder if to_founder else investor.name if investor else None
    return name.split()[0] if name and name.split() else "there"


def signature(request: LetterRequest) -> str:
    """Name and office of who signs."""
    if request.watch.direction is Direction.TO_FOUNDER:
        return request.watch.investor.name if request.watch.investor else ""
    company = request.company
    return (
        f"{company.founder}\n{company.founder_title}, {company.name}" if company.founder else f"The {company.name} team"
    )


def _to_founder(request: LetterRequest, phrases: _Phrases) -> str:
    name = request.company.name
    if request.verdict.outcome is not Outcome.NOW:
        return phrases.pick(
            f"I have kept following {name}, and would like to pick our conversation up again.",
            f"I have been following what {name} does, and it is time to talk again.",
        )
    met = _met(request)
    reason = request.watch.reason.strip().rstrip(".")
    remembered = f"my reason for passing was “{reason}”" if reason else "I thought it was too early"
    before = f"When we met{met}, {remembered}." if met else f"When we met, {remembered}."
    facts = " ".join(_answer(result, request) for result in request.verdict.results)
    after = phrases.pick(f"That no longer holds. {facts}", f"That has changed. {facts}", f"The reason is gone. {facts}")
    closing = phrases.pick(
        "I said I would come back when it did, so here I am.",
        f"I would like to take a fresh look at {name}.",
        "I would like to pick the conversation up where we left it.",
    )
    return f"{before} {after}\n\n{closing}"


def _answer(result: ConditionResult, request: LetterRequest) -> str:
    """The very reason answered, with its figure and day."""
    condition, when = result.condition, _when(result, request)
    if condition.kind == "count":
        event = next((event for event in request.events if event.id == result.event_id), None)
        return f"Since then: {_sentence(event.title)}{when}." if event else ""
    seen, asked = figure(result.seen or 0, result.unit), figure(condition.value, result.unit)
    mine = request.watch.direction is Direction.TO_INVESTOR
    whose, asker = ("Our", "you") if mine else ("Your", "I")
    label, now = metric_label(condition.name), seen
    if result.note:
        stated = next((p for p in request.metric_points if p.event_id == result.event_id and p.metric == "mrr"), None)
        label, now = ("MRR", figure(stated.value, stated.unit) + f" (~{seen} ARR)") if stated else (label, f"~{seen}")
    past = {">": "past", ">=": "past" if (result.seen or 0) > condition.value else "at"}.get(condition.op, "against")
    return f"{whose} {label} reached {now}{when}, {past} the {asked} {asker} had asked for."


def _when(result: ConditionResult, request: LetterRequest) -> str:
    return f" on {day(result.as_of, beside=request.as_of)}" if result.as_of else ""


def _met(request: LetterRequest) -> str:
    met_on = request.watch.met_on
    return f" on {day(met_on, beside=request.as_of)}" if met_on else ""


def _to_investor(request: LetterRequest, phrases: _Phrases) -> str:
    if request.verdict.outcome is Outcome.NOW:
        return _answered_by_founder(request, phrases)
    name, lead = request.company.name, request.events[0]
    when = f"on {day(lead.occurred_at, beside=request.as_of)}"
    fact = _statement(lead, request).removesuffix(f" ({day(lead.occurred_at, beside=request.as_of)}).").rstrip(".")
    rest = len(request.events) > 1
    return phrases.pick(
        f"I’m writing because there is news at {name}, {when}: {fact}."
        + (" The rest of what moved is below." if rest else ""),
        f"The short version of where {name} stands: {fact}, {when}." + (" More of it below." if rest else ""),
        f"One thing first, from {day(lead.occurred_at, beside=request.as_of)}: {fact}."
        + (f" It is not the only change at {name}." if rest else ""),
    )


def _answered_by_founder(request: LetterRequest, phrases: _Phrases) -> str:
    reason = request.watch.reason.strip().rstrip(".")
    remembered = f"your reason for passing was “{reason}”" if reason else "you thought it was too early"
    facts = " ".join(_answer(result, request) for result in request.verdict.results)
    return f"When we met{_met(request)}, {remembered}. " + phrases.pick(
        f"That no longer holds. {facts}", f"That has changed. {facts}"
    )


def _ask(request: LetterRequest, phrases: _Phrases) -> str:
    if request.watch.direction is Direction.TO_FOUNDER:
        return phrases.pick(
            "Do you have 30 minutes for a call next week? I would like to hear what is behind these numbers, and "
            "whether there is room for us to be useful.",
            "Could we speak for 30 minutes next week? I would like to understand what changed, and what you need next.",
        )
    return phrases.pick(
        "Do you have 20 minutes for a call next week? I would like to walk you through the numbers and hear what you "
        "would need to see next.",
        "Could we speak for 20 minutes next week? I will bring the numbers behind each line, and would like to hear "
        "what is still missing for you.",
    )


def _highlight(event: Event, request: LetterRequest) -> Highlight:
    heading = CATALOGUE[event.event_type].label
    return Highlight(heading=heading, text=_statement(event, request), event_id=event.id)


def _statement(event: Event, request: LetterRequest) -> str:
    """The title, the figures it leaves out, and its day."""
    text = _sentence(event.title)
    missing = [m for m in _telling(event) if not _told(m, text)][:2]
    if missing:
        text += f": {' and '.join(metric_phrase(m) for m in missing)}"
    annual = _annual(event, request.metric_points)
    if annual and "ARR" not in text:
        text += f" ({annual})"
    return f"{text} ({day(event.occurred_at, beside=request.as_of)})."


def _told(metric: Metric, text: str) -> bool:
    """Whether the text states the figure, however it is written or rounded."""
    near = 0.005 * abs(metric.value)
    return any(abs(amount.value - metric.value) <= near for amount in find_amounts(text))


def _telling(event: Event) -> list[Metric]:
    """The event's figures fit for a line of their own, best known first: no earlier values, changes or durations."""
    fit = [m for m in event.metrics if not m.name.startswith("earlier ") and not m.name.endswith(_CHANGES)]
    return [m for m in fit if m.name in METRICS] + [m for m in fit if m.name not in METRICS and _speaks(m)]


def _speaks(metric: Metric) -> bool:
    """Whether a figure of an unknown name says something by itself: money or a count of hundreds, of something."""
    is_large = is_currency(metric.unit) or (metric.unit == "count" and metric.value >= SMALLEST_COUNT)
    return is_large and not is_vague(metric.name)


def _annual(event: Event, points: Sequence[MetricPoint]) -> str:
    """`~$5.4M ARR` beside an MRR, unless ARR itself was stated as late."""
    mrr = next((metric for metric in event.metrics if metric.name == "mrr"), None)
    stated = any(m.name == "arr" for m in event.metrics) or any(
        point.metric == "arr" and point.said_at >= event.occurred_at for point in points
    )
    return f"~{figure(mrr.value * 12, mrr.unit)} ARR" if mrr and not stated else ""


def _sentence(title: str) -> str:
    text = " ".join(title.split()).rstrip(".!")
    return text[:1].upper() + text[1:]


def _subject(request: LetterRequest) -> str:
    """Company and up to three figures, as many as fit."""
    company, phrases = request.company, _subject_phrases(request)
    to_founder = request.watch.direction is Direction.TO_FOUNDER
    best = _fitting(company, phrases)
    if to_founder and request.verdict.outcome is Outcome.NOW and len(best) + 13 <= SUBJECT_LIMIT:
        return f"{best} – time to talk"
    return best


def _fitting(company: Company, phrases: Sequence[str]) -> str:
    for number in range(min(3, len(phrases)), 0, -1):
        text = f"{company.name}: {_listed(phrases[:number])}"
        if len(text) <= SUBJECT_LIMIT:
            return text
    return f"{company.name}: news"[:SUBJECT_LIMIT]


def _subject_phrases(request: LetterRequest) -> list[str]:
    """The figure a condition asked for, then the highlights' leading figures, then short titles without figures."""
    asked = [_asked_phrase(r) for r in request.verdict.results if r.condition.kind == "metric" and r.holds]
    led = [metric_phrase(told[0]) for event in request.events if (told := _telling(event))]
    titles = [_sentence(e.title) for e in request.events if not _telling(e) and len(e.title) <= SHORT_TITLE]
    phrases = dict.fromkeys([*asked, *led[:3], *titles])
    return [phrase for phrase in phrases if f"~{phrase}" not in phrases]


def _asked_phrase(result: ConditionResult) -> str:
    about = "~" if result.note else ""
    return f"{about}{figure(result.seen or 0, result.unit)} {metric_label(result.condition.name)}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
