"""A second reader's opinion of each statement, and what it changes in what the rules found.

An encoder that has read labelled companies says how likely a statement tells each type of event. What the rules found
and it thinks unlikely is left out; what it is sure of and no rule found is told in the statement's own words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from sago.domain.amounts import FIRST_WIDE, find_amounts
from sago.domain.changes import is_improvement, is_worsening
from sago.domain.events import EventType, Status
from sago.domain.metrics import is_currency
from sago.llm.providers.offline import figures, subjects
from sago.llm.providers.offline.company_figures import FAKE
from sago.llm.providers.offline.desk import SHOWN_BY_WORK, TOLD_BY_WORK, Paper, counts_paper, is_at_work
from sago.llm.providers.offline.draft import Draft, Setting
from sago.llm.providers.offline.drafts import LONGEST_QUOTE, match, metrics_of
from sago.llm.providers.offline.reading import Reading, Statement
from sago.llm.providers.offline.speech import Act, act, is_conditional
from sago.llm.providers.offline.weighing import Likely, beside, weighed

SURE = 0.6
"""From here on a statement tells an event though no rule says so."""
DOUBTFUL = 0.3
"""Below this a rule is not believed."""
CERTAIN = 0.9
"""From here on a statement tells a second event too."""
RELATED = 0.03
"""From here on a statement with a figure speaks of what its message tells; right beside it any does."""
LIKELY = 0.4
"""From here on it tells an event that its message, or one beside it in the chat, surely tells."""
SHORTEST, SHORTEST_IN_MAIL = 8, 24
"""Code points that tell something by themselves; a letter of Chinese, Japanese or Korean counts for two."""

_GOOD = (
    EventType.REVENUE_MILESTONE, EventType.USER_GROWTH, EventType.TECHNICAL_ACHIEVEMENT, EventType.CUSTOMER_SUCCESS,
)  # fmt: skip
"""Types that a figure tells which changed for the better."""
_NEVER_TOLD = (Act.ASKED, Act.JOKED)
_COUNTED = (EventType.REVENUE_MILESTONE, EventType.USER_GROWTH)
_POINT = re.compile(r"^[ \t]*(?:[-*•·–]|\d{1,2}[.)]|[\w ]{2,24}:)\s", re.M)


class SecondReader(Protocol):
    """How likely each statement of a message tells each type of event, in context."""

    def opinions(self, readings: Sequence[Reading], of: Collection[str]) -> Mapping[str, Sequence[Likely]]:
        """By message id, one opinion a statement, for those of the messages `of` that somebody says in person;
        `readings` are by time. Probabilities between 0 and 1."""


def weigh(
    readings: Sequence[Reading],
    found: dict[str, list[Draft]],
    opinions: Mapping[str, Sequence[Likely]],
    setting: Setting,
) -> None:
    """Leave out what the second reader doubts and add what only it saw. Changes `found`, which is by message id."""
    weighty = weighed(readings, found, opinions)
    for reading in readings:
        _by_direction(reading, weighty.get(reading.message.id, []))
        _name_by_figures(reading, found[reading.message.id], weighty.get(reading.message.id, []))
    sure = [_sure_types(weighty.get(reading.message.id, ())) for reading in readings]
    for place, reading in enumerate(readings):
        likely = weighty.get(reading.message.id)
        if likely is not None:
            own = found[reading.message.id]
            kept = [draft for draft in own if not _is_doubted(draft, reading.statements, likely)]
            told = _told(reading, likely, sure[place].union(*(sure[other] for other in beside(readings, place))))
            drafts = _with_figures(reading, likely, _with_seen(reading, told, kept, setting), setting)
            found[reading.message.id] = sorted(drafts, key=lambda draft: (draft.start, draft.event_type))


def _name_by_figures(reading: Reading, found: Sequence[Draft], likely: Sequence[dict[EventType, float]]) -> None:
    """Whose figures a rule has read, `DAU` or `ARR`, it knows better whether they are users or revenue. Changes
    `likely`."""
    for draft in found:
        if draft.kind == "figures" and draft.event_type in _COUNTED:
            for statement, each in zip(reading.statements, likely, strict=bool(likely)):
                if draft.overlaps(statement.start, statement.end):
                    each[draft.event_type] = max(each[event_type] for event_type in _COUNTED)
                    each.update({other: 0.0 for other in _COUNTED if other is not draft.event_type})


def _by_direction(reading: Reading, likely: Sequence[dict[EventType, float]]) -> None:
    """Without a setback where figures changed for the better; where they changed for the worse it is one, whatever
    good news it was taken for. Test accounts are no growth. Changes `likely`."""
    for statement, each in zip(reading.statements, likely, strict=bool(likely)):
        if is_improvement(statement.text):
            each[EventType.SETBACK] = 0.0
        elif is_worsening(statement.text):
            each[EventType.SETBACK] = max(each[event_type] for event_type in (EventType.SETBACK, *_GOOD))
            each.update(dict.fromkeys(_GOOD, 0.0))
        if FAKE.search(statement.text):
            each[EventType.USER_GROWTH] = 0.0


def _sure_types(likely: Sequence[Likely]) -> frozenset[EventType]:
    """The types that a message surely tells. A statement seldom tells two things: the likelier stands, a second one
    where it is beyond doubt."""
    return frozenset(
        event_type
        for each in likely
        for event_type, own in each.items()
        if own >= SURE and (own == max(each.values()) or own >= CERTAIN)
    )


def _told(reading: Reading, likely: Sequence[Likely], expected: frozenset[EventType]) -> list[frozenset[EventType]]:
    """The types that each statement tells: those it is sure of, and with a figure the likeliest where it is
    expected. Of a mail that tells one thing alone only the surest words count."""
    told = [
        _sure_types([each])
        | {
            event_type
            for event_type in expected
            if each[event_type] >= LIKELY and each[event_type] == max(each.values()) and _adds(statement)
        }
        for statement, each in zip(reading.statements, likely, strict=True)
    ]
    told = [_in_earnest(reading, statement, types) for statement, types in zip(reading.statements, told, strict=True)]
    types = frozenset().union(*told)
    if "@" in reading.message.sender and len(types) == 1 and not _is_list(reading):
        (only,) = types
        surest = max(range(len(told)), key=lambda place: likely[place][only])
        return [types if place == surest else frozenset() for place in range(len(told))]
    return told


def _in_earnest(reading: Reading, statement: Statement, types: frozenset[EventType]) -> frozenset[EventType]:
    """Those of the types that a statement can tell: none by a question, a joke or `212 questions.`"""
    text = statement.text
    if not types or act(text) in _NEVER_TOLD or is_conditional(text):
        return frozenset()
    paper = counts_paper(text) if match(text, reading.voice) is None else None
    if paper is Paper.BARE:
        return frozenset()
    if paper is Paper.HANDLED:
        return types & SHOWN_BY_WORK
    return types & TOLD_BY_WORK if is_at_work(text) else types


def _is_list(reading: Reading) -> bool:
    """Whether a mail tells its news point by point."""
    return len(_POINT.findall(reading.message.text)) > 1


def _is_doubted(draft: Draft, statements: Sequence[Statement], likely: Sequence[Likely]) -> bool:
    """Whether its words are unlikely to tell it, or likelier tell something else. Only what is told as done: a denial
    takes an event back, whoever doubts it; and news with a name and an amount of money is believed the rules."""
    if draft.status is not Status.ACTUAL:
        return False
    of_it = [
        each
        for statement, each in zip(statements, likely, strict=True)
        if draft.overlaps(statement.start, statement.end)
    ]
    own = max((each[draft.event_type] for each in of_it), default=1.0)
    best = max((max(each.values()) for each in of_it), default=0.0)
    is_plain = draft.plain or (draft.subject is not None and any(is_currency(metric.unit) for metric in draft.metrics))
    return not is_plain and (own < DOUBTFUL or (own < best and best >= LIKELY))


def _with_seen(
    reading: Reading, told: Sequence[frozenset[EventType]], known: list[Draft], setting: Setting
) -> list[Draft]:
    """What is known, and each stretch of the message that is surely of one type: as words more of what is known of
    that type beside it, else as something new."""
    drafts = list(known)
    for event_type, start, end in _stretches(reading, told):
        beside = next((d for d in drafts if d.event_type is event_type and _is_one(reading, d, start, end)), None)
        if beside is None and _is_long_enough(reading, start, end):
            drafts.append(_draft(reading, event_type, start, end, setting))
        elif beside is not None and beside.kind != "figures" and not (beside.start <= start and end <= beside.end):
            drafts[drafts.index(beside)] = _longer(beside, min(beside.start, start), max(beside.end, end), setting)
    return drafts


def _is_long_enough(reading: Reading, start: int, end: int) -> bool:
    """In a mail a few words are part of a thought: `Seven years.`"""
    words = reading.message.text[start:end]
    length = len(words) + sum(ord(letter) >= FIRST_WIDE for letter in words)
    return length >= (SHORTEST_IN_MAIL if "@" in reading.message.sender else SHORTEST)


def _stretches(reading: Reading, told: Sequence[frozenset[EventType]]) -> Iterator[tuple[EventType, int, int]]:
    """Type, start and end of each stretch of statements that tell one type."""
    for event_type in EventType:
        stretch: tuple[int, int] | None = None
        for statement, types in zip(reading.statements, told, strict=True):
            if event_type not in types:
                continue
            if stretch is not None and _goes_on(reading, stretch[0], stretch[1], statement.start, statement.end):
                stretch = stretch[0], statement.end
                continue
            if stretch is not None:
                yield event_type, *stretch
            stretch = statement.start, statement.end
        if stretch is not None:
            yield event_type, *stretch


def _goes_on(reading: Reading, start: int, end: int, more_start: int, more_end: int) -> bool:
    """Whether further words are of the same telling: in chat all of a message is, in a mail the paragraph."""
    is_short = max(end, more_end) - min(start, more_start) <= LONGEST_QUOTE
    between = reading.message.text[min(end, more_end) : max(start, more_start)]
    is_apart = reading.passes_aside(min(start, more_start), max(end, more_end))
    return is_short and not is_apart and ("\n" not in between or "@" not in reading.message.sender)


def _is_one(reading: Reading, draft: Draft, start: int, end: int) -> bool:
    return draft.status is Status.ACTUAL and (
        draft.overlaps(start, end) or _goes_on(reading, draft.start, draft.end, start, end)
    )


def _with_figures(reading: Reading, likely: Sequence[Likely], drafts: Sequence[Draft], setting: Setting) -> list[Draft]:
    """Each draft with the statements of its message that add a figure and speak of the same: `it is signed. 35k a
    month`. Where the message tells one thing alone they may stand anywhere in it, else right beside the draft."""
    is_alone = len(drafts) == 1 and not ("@" in reading.message.sender and _is_list(reading))
    longer: list[Draft] = []
    for draft in drafts:
        start, end = draft.start, draft.end
        if draft.status is Status.ACTUAL and draft.kind != "figures":
            others = [(other.start, other.end) for other in drafts if other is not draft] + list(reading.aside)
            adding = [
                (statement, is_alone and each[draft.event_type] >= RELATED)
                for statement, each in zip(reading.statements, likely, strict=True)
                if _adds(statement)
            ]
            for statement, is_of_it in (*adding, *reversed(adding)):
                new_start, new_end = min(start, statement.start), max(end, statement.end)
                is_free = all(new_end <= left or right <= new_start for left, right in others)
                gap = reading.message.text[min(end, statement.end) : max(start, statement.start)]
                is_beside = not any(c.isalnum() or c == "\n" for c in gap)
                if is_free and (is_of_it or is_beside) and new_end - new_start <= LONGEST_QUOTE:
                    start, end = new_start, new_end
        longer.append(draft if (start, end) == (draft.start, draft.end) else _longer(draft, start, end, setting))
    return longer


def _adds(statement: Statement) -> bool:
    return bool(find_amounts(statement.text)) and act(statement.text) is Act.TOLD


def _longer(draft: Draft, start: int, end: int, setting: Setting) -> Draft:
    """The draft with further words of its message, and the figures of all of them."""
    text = draft.message.text[start:end]
    metrics = tuple(dict.fromkeys((*draft.metrics, *metrics_of(text, draft.event_type, draft.kind, setting))))
    return replace(draft, start=start, end=end, metrics=metrics)


def _draft(reading: Reading, event_type: EventType, start: int, end: int, setting: Setting) -> Draft:
    quote = reading.message.text[start:end]
    cued = match(quote, reading.voice)
    kind, subject = figures.TOLD, None
    if cued and cued[0].event_type is event_type and act(quote, cued[1].span(), wish=cued[0].wish) is Act.TOLD:
        kind = cued[0].kind
        subject = (
            cued[1]["who"]
            if cued[0].language
            else subjects.find(quote, cued[1].span(), event_type, kind, setting.exclude)
        )
    metrics = metrics_of(quote, event_type, kind, setting)
    draft = Draft(reading.message, event_type, kind, Status.ACTUAL, start, end, subject, metrics)
    return replace(draft, corrects=reading.takes_back and bool(metrics))
