"""A second reader's opinion of each statement, and what it changes in what the rules found.

An encoder that has read labelled companies says how likely a statement tells each type of event. What the rules found
and it thinks unlikely is left out; what it is sure of and no rule found is told in the statement's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from sago.domain.amounts import find_amounts
from sago.domain.events import EventType, Status
from sago.llm.providers.offline import figures, subjects
from sago.llm.providers.offline.draft import Draft, Setting
from sago.llm.providers.offline.drafts import LONGEST_QUOTE, match
from sago.llm.providers.offline.reading import Reading, Statement, Voice

SURE = 0.5
"""From here on a statement tells an event though no rule says so."""
DOUBTFUL = 0.15
"""Below this a rule is not believed."""
SHORTEST = 8
"""Code points that tell something by themselves."""

Likely = Mapping[EventType, float]


class SecondReader(Protocol):
    """How likely each statement of each message tells each type of event, in context."""

    def opinions(self, readings: Sequence[Reading]) -> list[list[Likely]]:
        """One list a reading, one opinion a statement; probabilities between 0 and 1."""


def weigh(
    readings: Sequence[Reading], found: dict[str, list[Draft]], opinions: Sequence[Sequence[Likely]], setting: Setting
) -> None:
    """Leave out what the second reader doubts and add what only it saw. Changes `found`, which is by message id."""
    for reading, likely in zip(readings, opinions, strict=True):
        own = found.get(reading.message.id, [])
        kept = [draft for draft in own if not _is_doubted(draft, reading.statements, likely)]
        if reading.voice is not Voice.NOBODY:
            kept += _seen(reading, likely, kept, setting)
        found[reading.message.id] = sorted(kept, key=lambda draft: (draft.start, draft.event_type))


def _is_doubted(draft: Draft, statements: Sequence[Statement], likely: Sequence[Likely]) -> bool:
    """Only what is told as done: a denial takes an event back, whoever doubts it."""
    if draft.status is not Status.ACTUAL:
        return False
    of_it = [
        each[draft.event_type]
        for statement, each in zip(statements, likely, strict=True)
        if statement.start < draft.end and draft.start < statement.end
    ]
    return bool(of_it) and max(of_it) < DOUBTFUL


def _seen(reading: Reading, likely: Sequence[Likely], known: Sequence[Draft], setting: Setting) -> list[Draft]:
    added: list[Draft] = []
    for event_type, first, last in _runs(reading, likely):
        start, end = reading.statements[first].start, reading.statements[last].end
        is_told = any(d.event_type is event_type and d.start < end and start < d.end for d in known)
        if is_told or end - start < SHORTEST:
            continue
        added.append(_draft(reading, event_type, start, end, setting))
    return added


def _runs(reading: Reading, likely: Sequence[Likely]) -> Iterator[tuple[EventType, int, int]]:
    """Type, first and last statement of each stretch that is surely of one type; lines of a list stay apart."""
    for event_type in EventType:
        first: int | None = None
        for place, each in enumerate(likely):
            is_sure = each[event_type] >= SURE
            if first is not None and not (is_sure and _goes_on(reading, first, place)):
                yield event_type, first, place - 1
                first = None
            if is_sure and first is None:
                first = place
        if first is not None:
            yield event_type, first, len(likely) - 1


def _goes_on(reading: Reading, first: int, place: int) -> bool:
    statements = reading.statements
    gap = reading.message.text[statements[place - 1].end : statements[place].start]
    is_short = statements[place].end - statements[first].start <= LONGEST_QUOTE
    return is_short and ("\n" not in gap or "@" not in reading.message.sender)


def _draft(reading: Reading, event_type: EventType, start: int, end: int, setting: Setting) -> Draft:
    quote = reading.message.text[start:end]
    cued = match(quote, reading.voice)
    if cued and cued[0].event_type is event_type:
        kind = cued[0].kind
        subject = subjects.find(quote, cued[1].span(), event_type, kind, setting.exclude)
    else:
        kind = figures.TOLD
        subject = next(iter(subjects.clear_names(quote, setting.exclude)), None)
    read = figures.figures(quote, find_amounts(quote), event_type, kind, setting.currency)
    metrics = tuple(figure.metric for figure in read)
    draft = Draft(reading.message, event_type, kind, Status.ACTUAL, start, end, subject, metrics)
    return replace(draft, corrects=reading.takes_back and bool(metrics))
