"""Conditions that count events, absence among them: what counts on a day, since when it holds, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sago.domain import periods
from sago.domain.condition_wording import count_phrase, time_phrase
from sago.domain.events import Event
from sago.domain.watches import Condition, ConditionResult
from sago.domain.wording import day
from sago.outreach.conditions import holds


def evaluate_count(
    condition: Condition, events: Sequence[Event], since: date | None, as_of: datetime
) -> ConditionResult:
    """The condition against the events of its time: of a period before `as_of` where it names one, else from `since`
    on."""
    counted = counted_events(condition, events, since, as_of)
    fulfilled = holds(condition, len(counted))
    latest = counted[-1] if counted else None
    return ConditionResult(
        condition=condition,
        holds=fulfilled,
        seen=float(len(counted)),
        unit="count",
        missing="" if fulfilled else _missing(condition, counted, since, as_of),
        proof=tuple(event.evidence[0] for event in counted),
        event_id=latest.id if latest else None,
        as_of=latest.occurred_at if latest else None,
    )


def count_held_since(condition: Condition, events: Sequence[Event], since: date | None, as_of: datetime) -> date | None:
    """The day from which the count has held: that of the event that made it so, or that on which one grew too old.

    None where it does not hold, or held before anything happened. An event grows too old a period after it occurred,
    so an absence that was broken fires anew once the period is over.
    """
    wanted = _of_kind(condition, events, since, as_of)
    changes = [(event.occurred_at, 1) for event in wanted]
    if condition.within:
        ends = (periods.after(event.occurred_at, condition.within) for event in wanted)
        changes += [(end, -1) for end in ends if end <= as_of]
    number, held, start = 0, holds(condition, 0), None
    for at in sorted({at for at, _ in changes}):
        number += sum(change for when, change in changes if when == at)
        if holds(condition, number) and not held:
            start = at.date()
        held = holds(condition, number)
    return start if held else None


def counted_events(condition: Condition, events: Sequence[Event], since: date | None, as_of: datetime) -> list[Event]:
    """The events that count at `as_of`, oldest first."""
    wanted = _of_kind(condition, events, since, as_of)
    if condition.within is None:
        return wanted
    return [event for event in wanted if periods.after(event.occurred_at, condition.within) > as_of]


def _of_kind(condition: Condition, events: Sequence[Event], since: date | None, as_of: datetime) -> list[Event]:
    """Of the type, at least as severe, known by then; since the meeting where the condition names no period."""
    least = condition.severity.rank if condition.severity else 0
    wanted = [
        event
        for event in events
        if event.is_active and event.event_type == condition.name and event.severity.rank >= least
        and event.occurred_at <= as_of
        and (condition.within or since is None or event.occurred_at.date() >= since)
    ]  # fmt: skip
    return sorted(wanted, key=lambda event: (event.occurred_at, str(event.id)))


def _missing(condition: Condition, counted: Sequence[Event], since: date | None, as_of: datetime) -> str:
    """What is counted, and how far that is from what was asked: how many more, or until when."""
    time = time_phrase(condition, f" since {day(since, beside=as_of)}" if since else "")
    seen = f"{count_phrase(condition, len(counted))}{time}"
    if condition.is_absence:
        latest = counted[-1].occurred_at
        told = f"{seen}, {'the latest ' if len(counted) > 1 else ''}on {day(latest, beside=as_of)}; none asked"
        if not condition.within:
            return told
        return f"{told}, so not before {day(periods.after(latest, condition.within), beside=as_of)}"
    if condition.op in (">=", ">"):
        return f"{len(counted)} of {_least(condition):g}: {_kind(condition)}{time}" if counted else seen
    return f"{seen}, asked {condition.op} {condition.value:g}"


def _kind(condition: Condition) -> str:
    return count_phrase(condition, 1).removeprefix("1 ")


def _least(condition: Condition) -> float:
    return condition.value + (condition.op == ">")
