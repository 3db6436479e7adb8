"""Letters without a model: phrases around facts, nothing that no event says.

Which of several structures and phrasings is taken depends on the watch and the window alone, so a repeated call gives
the same letter.
"""

from __future__ import annotations

from sago.domain.events import Event
from sago.domain.letters import LetterDraft, LetterRequest
from sago.domain.watches import Outcome
from sago.errors import PermanentError
from sago.llm.letters.answers import answering
from sago.llm.letters.parts import ask, highlights, lead, news, objection, other_side
from sago.llm.letters.people import greeting, sign_off, signature
from sago.llm.letters.phrasing import Phrases
from sago.llm.letters.subjects import SUBJECT_LIMIT, subject
from sago.llm.letters.tellings import Manner, Telling, tell, tellable

__all__ = ["MAX_HIGHLIGHTS", "SUBJECT_LIMIT", "assembled", "compose_offline", "signature"]

MAX_HIGHLIGHTS = 5
_FACTS_BY_WORDS = ((60, 1), (110, 2), (170, 4))
"""Facts beside the first for a writer of mails of at most so many words."""


def compose_offline(request: LetterRequest) -> LetterDraft:
    """The letter of a request; raises PermanentError when there is no event to tell."""
    if not request.events:
        raise PermanentError(f"watch {request.watch.id}: there is no event to write about")
    phrases = Phrases(request)
    first, told = _chosen(request)
    answered = answering(request)
    lines = ([first] if first else []) + told
    events = [event for event in request.events if event.id in answered] + [line.event for line in lines]
    body = assembled(
        request,
        *_news(request, phrases, first, told),
        other_side(request, phrases),
        ask(request, phrases, events),
        closing=phrases.pick("closing", "Best", "All the best", "Best regards", "Regards", "Warm regards"),
    )
    return LetterDraft(
        subject=subject(request, phrases, [event for event in events if _is_clause(event, request)]),
        body=body,
        highlights=highlights(lines, body),
        metrics=tuple(dict.fromkeys(metric for event in events for metric in event.metrics)),
    )


def _news(request: LetterRequest, phrases: Phrases, first: Telling | None, told: list[Telling]) -> list[str]:
    """What the letter opens with and what follows: one paragraph where an update is short."""
    rest = news(request, phrases, told)
    if request.verdict.outcome is Outcome.NOW:
        return [objection(request, phrases), rest]
    opening = lead(request, phrases, first) if first else ""
    return [f"{opening} {rest}".strip()] if "\n" not in rest else [opening, rest]


def _is_clause(event: Event, request: LetterRequest) -> bool:
    return tell(event, request).manner < Manner.QUOTE


def assembled(request: LetterRequest, *paragraphs: str, closing: str) -> str:
    """A letter's body of its parts; greeting and signature are those of the request's people, whoever wrote them."""
    parts = [greeting(request), *paragraphs, sign_off(request, closing), signature(request)]
    return "\n\n".join(part for part in parts if part)


def _chosen(request: LetterRequest) -> tuple[Telling | None, list[Telling]]:
    """What an update leads with, and what is told beside that, as much as its writer's mails are long."""
    answered = answering(request)
    told = tellable([event for event in request.events if event.id not in answered], request)
    first = None if request.verdict.outcome is Outcome.NOW or not told else told.pop(0)
    voice = request.watch.voice
    fewer = (most for words, most in _FACTS_BY_WORDS if voice and voice.words <= words)
    return first, told[: next(fewer, MAX_HIGHLIGHTS - bool(first))]
