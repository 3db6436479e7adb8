"""The very objection answered: each condition by what was seen, on which day, and what was asked."""

from __future__ import annotations

import math

from sago.domain.amounts import find_amounts
from sago.domain.companies import Granularity
from sago.domain.condition_wording import asked_phrase, change_phrase, count_phrase, time_phrase
from sago.domain.events import Event
from sago.domain.letters import LetterRequest
from sago.domain.watches import ConditionResult
from sago.domain.wording import SYMBOLS, figure, metric_label, plain
from sago.llm.letters.clauses import YOU
from sago.llm.letters.days import judged_time
from sago.llm.letters.phrasing import Phrases, capital, listed
from sago.llm.letters.tellings import Manner, sides, tell

NAMED_TOGETHER = 3
"""Events that one sentence names where several were asked for."""


def answers(request: LetterRequest, phrases: Phrases) -> list[str]:
    """A sentence for each condition that holds by a fact, in the order the person gave them."""
    told = [_answer(number, result, request, phrases) for number, result in enumerate(request.verdict.results)]
    return list(dict.fromkeys(filter(None, told)))


def answering(request: LetterRequest) -> set[object]:
    """Ids of the events that the answers tell: no other line repeats them."""
    results = request.verdict.results
    told = {result.event_id for result in results}
    return told | {each.id for result in results for each in _counted(result, request)}


def reason(request: LetterRequest) -> str:
    """The reason as its writer put it, on one line; of a long one the first parts."""
    return request.watch.recalled_reason


def _answer(number: int, result: ConditionResult, request: LetterRequest, phrases: Phrases) -> str:
    if result.condition.kind == "metric":
        return _level(number, result, request, phrases)
    if result.condition.kind == "change":
        return _change(result, request)
    return _count(result, request)


def _level(number: int, result: ConditionResult, request: LetterRequest, phrases: Phrases) -> str:
    """`Your ARR reached $2.1M on 14 November, past the $2M I had asked for.`"""
    side, condition = sides(request), result.condition
    asker = "I" if side is YOU else "you"
    own, label = capital(side.own), metric_label(condition.name)
    label = label if label.isupper() else label.lower()
    asked = _asked(result)
    is_exact = request.granularity is Granularity.EXACT and result.seen is not None
    how = _how_far(result, asked, asker, is_exact=is_exact)
    if not is_exact or result.seen is None:
        return f"{own} {label} is now {how}." if request.granularity is not Granularity.NONE else _unsaid(own, label)
    seen = figure(result.seen, result.unit)
    if result.note:
        how = how.replace(asked, f"{asked} {label}", 1)
        label, seen = _derived(result, request, label, seen)
    if condition.name == "contract_value":
        ours = "yours" if side is YOU else "ours"
        return f"A contract of {ours} came to {seen}{_on(result, request)}, {how}."
    if condition.name == "headcount":
        label, seen = "team", f"{seen} people"
    reached = "reached" if condition.op in (">", ">=") else "stood at"
    if result.unit == "percent" and reached == "reached":
        reached = phrases.pick(f"reached:{number}", "reached", "came in at")
    return f"{own} {label} {reached} {seen}{_on(result, request)}, {how}."


def _asked(result: ConditionResult, unit: str | None = None) -> str:
    """The threshold to the last digit: one that a scale letter would round is written out."""
    unit = unit or result.unit
    rounded = figure(result.condition.value, unit)
    stated = next((amount.value for amount in find_amounts(rounded)), result.condition.value)
    if math.isclose(stated, result.condition.value, rel_tol=1e-9):
        return rounded
    sign = SYMBOLS.get(unit or "", f"{unit} ")
    return f"{sign}{plain(result.condition.value)}"


def _unsaid(own: str, label: str) -> str:
    return f"{own} {label} is where it was asked to be."


def _how_far(result: ConditionResult, asked: str, asker: str, *, is_exact: bool) -> str:
    condition = result.condition
    at_asked = result.seen == condition.value
    if not is_exact:  # a band may begin, or end, with what was asked
        return f"{'at least' if condition.op in ('>=', '>') else 'at most'} the {asked} {asker} had asked for"
    where = {">": "past", ">=": "at" if at_asked else "past", "<": "below", "<=": "at" if at_asked else "below"}
    return f"{where.get(condition.op, 'against')} the {asked} {asker} had asked for"


def _derived(result: ConditionResult, request: LetterRequest, label: str, seen: str) -> tuple[str, str]:
    """An ARR that nobody stated: the MRR that was, and what it comes to."""
    stated = next((p for p in request.metric_points if p.event_id == result.event_id and p.metric == "mrr"), None)
    return ("MRR", f"{figure(stated.value, stated.unit)} (~{seen} ARR)") if stated else (label, f"~{seen}")


def _change(result: ConditionResult, request: LetterRequest) -> str:
    """What grew past what was asked, from where to where; without both ends no figure of any event says how much."""
    side, condition = sides(request), result.condition
    asker = "I" if side is YOU else "you"
    if result.points and request.granularity is Granularity.EXACT:
        asked = asked_phrase(condition)
        told = change_phrase(result, request.as_of)
        label = metric_label(result.points[-1].metric)
        told = told if label.isupper() else f"{told[0].lower()}{told[1:]}"
        return f"{capital(side.own)} {told}; {asker} had asked for {asked}."
    grown = "grown" if condition.op in (">", ">=") and condition.value >= 0 else "moved"
    label = metric_label(condition.name)
    asked = _asked(result, "percent")
    how = {">": "more than", ">=": "at least", "<": "less than", "<=": "at most"}.get(condition.op, "")
    told = f"{capital(side.own)} {label if label.isupper() else label.lower()} has {grown} by {how}".rstrip()
    event = _event(result, request)
    level = tell(event, request) if event and request.granularity is Granularity.EXACT else None
    close = f": {level.clause}" if level and level.manner is Manner.CLAUSE else ""
    return f"{told} the {asked} {asker} had asked for{close}."


def _count(result: ConditionResult, request: LetterRequest) -> str:
    """The events that were waited for, by name; an absence in plain words."""
    events = _counted(result, request)
    if not events:
        since = " since we met" if request.watch.met_on else ""
        within = f" {result.note}" if result.note else ""
        none = f"{count_phrase(result.condition, 0)}{time_phrase(result.condition, since)}{within}"
        return f"There has been {none}." if result.condition.is_absence else ""
    told = [tell(event, request) for event in events]
    clauses = [each.clause for each in told if each.manner is Manner.CLAUSE]
    if clauses:
        signed = f"{sides(request).who} signed "
        same = all(each.startswith(signed) and " to a contract " not in each for each in clauses)
        rest = [each.removeprefix(signed) if same else each for each in clauses[1:]]
        return f"{capital(listed([clauses[0], *rest]))}."
    return told[-1].found


def _counted(result: ConditionResult, request: LetterRequest) -> list[Event]:
    """Of a count's events the latest, and those beside it where more than one was asked for."""
    if result.condition.kind != "count":
        return []
    levels = {each.event_id for each in request.verdict.results if each.condition.kind != "count"}
    wanted = max(1, min(NAMED_TOGETHER, int(result.condition.value)))
    same = [event for event in request.events if event.event_type == result.condition.name]
    latest = [event for event in same if event.id == result.event_id]
    others = [event for event in same if event.id != result.event_id]
    fit = [event for event in (latest + others)[:wanted] if event.id not in levels]
    return sorted(fit, key=lambda event: event.occurred_at) if latest else []


def _event(result: ConditionResult, request: LetterRequest) -> Event | None:
    return next((event for event in request.events if event.id == result.event_id), None)


def _on(result: ConditionResult, request: LetterRequest) -> str:
    if result.as_of is None:
        return ""
    return judged_time(result.as_of, result.event_id, request.metric_points, request.as_of)
