"""A letter's data for the prompt, and the letter made of the answer: greeting, list, closing and signature are ours."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from sago.domain.companies import Granularity
from sago.domain.events import CATALOGUE, Event, EventType
from sago.domain.letters import Highlight, LetterDraft, LetterRequest
from sago.domain.watches import ConditionResult, Direction
from sago.domain.wording import day, figure, metric_phrase, one_line
from sago.errors import UnusableAnswerError
from sago.llm.letters import MAX_HIGHLIGHTS, SUBJECT_LIMIT, assembled, signature
from sago.llm.prompts import LETTER
from sago.llm.remote.answers import LetterAnswer

LIST_LEAD = "What has moved:"
QUOTES = 3
"""Proofs shown of one event,"""
QUOTE_TEXT = 600
"""and characters of each."""


def values(request: LetterRequest) -> dict[str, Any]:
    """What the prompt of a letter needs: the events alone, and the watch."""
    to_founder = request.watch.direction is Direction.TO_FOUNDER
    founder, investor = request.company.founder or "the founder", request.watch.investor
    people = [investor.name if investor else "the investor", founder]
    voice = request.watch.voice
    writer, reader = people if to_founder else people[::-1]
    return {
        "writer": writer,
        "reader": reader,
        "to_founder": to_founder,
        "most": MAX_HIGHLIGHTS,
        "exact": request.granularity is Granularity.EXACT,
        "words": voice.words if voice else None,
        "formality": voice.formality.value if voice else None,
        "objections": request.objections,
        "data": json.dumps(_data(request), ensure_ascii=False, indent=1),
    }


def draft(value: Any, request: LetterRequest) -> LetterDraft:
    """The letter of an answer; a highlight of an event that was not given is left out. Raises UnusableAnswerError
    where the answer is no letter."""
    try:
        written = LetterAnswer.model_validate(value)
        numbered = dict(enumerate(request.events, start=1))
        fit = {n: event for n, event in numbered.items() if event.event_type is not EventType.SETBACK}
        told = [(fit[each.event], each) for each in written.highlights if each.event in fit]
        lines = tuple(
            Highlight(heading=one_line(each.heading), text=one_line(each.text), event_id=event.id)
            for event, each in told[:MAX_HIGHLIGHTS]
        )
        metrics = dict.fromkeys(metric for event, _ in told[:MAX_HIGHLIGHTS] for metric in event.metrics)
        listed = "\n".join(f"- {line.heading}: {line.text}" for line in lines)
        news = f"{LIST_LEAD}\n\n{listed}" if lines else ""
        parts = (written.opening.strip(), news, written.other_side.strip(), written.ask.strip())
        body = assembled(request, *parts, closing="Best")
        subject = one_line(written.subject)[:SUBJECT_LIMIT]
        said = {"subject": subject, "body": body, "highlights": lines, "metrics": tuple(metrics)}
        return LetterDraft(**said, prompt_version=LETTER.version)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnusableAnswerError(f"the answer is no letter: {where}: {first['msg']}") from None


def _data(request: LetterRequest) -> dict[str, Any]:
    watch, when = request.watch, request.as_of
    return {
        "company": request.company.name,
        "signed_by": signature(request),
        "met_on": day(watch.met_on, beside=when) if watch.met_on else None,
        "reason_for_passing": watch.reason,
        "answers_all": request.answers_all,
        "because": [_condition(result, request) for result in request.verdict.results],
        "events": [_event(number, event, request) for number, event in enumerate(request.events, start=1)],
    }


def _condition(result: ConditionResult, request: LetterRequest) -> dict[str, Any]:
    is_told = request.granularity is Granularity.EXACT
    return {
        "asked": result.condition.text,
        "holds": result.holds,
        "seen": figure(result.seen, result.unit) if is_told and result.seen is not None else None,
        "note": result.note if is_told or result.condition.kind == "count" else "",
        "on": day(result.as_of, beside=request.as_of) if result.as_of else None,
    }


def _event(number: int, event: Event, request: LetterRequest) -> dict[str, Any]:
    return {
        "n": number,
        "type": CATALOGUE[event.event_type].label,
        "title": event.title,
        "on": day(event.occurred_at, beside=request.as_of),
        "figures": [metric_phrase(metric) for metric in event.metrics],
        "names": list(event.stakeholders),
        "against": event.event_type is EventType.SETBACK,
        "quotes": [proof.quote[:QUOTE_TEXT] for proof in event.evidence[:QUOTES]],
    }
