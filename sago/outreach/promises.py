"""Said versus did: what was planned for a day, against what was said of it later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sago.domain.amounts import find_amounts
from sago.domain.events import Event, EventType, Metric, MetricPoint, Observation, Status
from sago.domain.metrics import METRICS, UNSTATED, is_currency
from sago.domain.significance import Fate, Promise
from sago.domain.wording import day, figure, metric_phrase
from sago.outreach.counterevidence import is_about
from sago.outreach.deadlines import deadline
from sago.outreach.quoting import evidence_of, stating, telling
from sago.outreach.series import level, series
from sago.outreach.significance import FALLING

_OF_ONE_DEAL = frozenset({"contract_value", "amount_raised", "valuation", "bookings"})
"""Figures that no series of the company's can reach."""
_FIGURES = frozenset({EventType.REVENUE_MILESTONE, EventType.USER_GROWTH})
"""Types that are reached by a figure: without one nothing is promised."""
_DOWN_TO = re.compile(
    r"\b(?:down to|below|under|at most|no more than|less than|fewer than"
    r"|(?:cut|reduc|shrink|lower|trim)\w*(?: \w+){0,3} to)(?: (?:about|around|some|only|just))? ?\W?$",
    re.I,
)
MOST = 20
"""Promises told."""


@dataclass(frozen=True)
class _Told:
    """What promises are held against, as of a moment."""

    events: Mapping[UUID, Event]
    points: Sequence[MetricPoint]
    as_of: datetime
    heard: datetime
    """When anything was last said: silence keeps and breaks no promise."""
    series: dict[str, list[MetricPoint]] = field(default_factory=dict)

    def series_of(self, metric: str) -> list[MetricPoint]:
        """The metric's points, oldest first; put in order once."""
        if metric not in self.series:
            self.series[metric] = series(metric, self.points, self.as_of)
        return self.series[metric]


class _Became(NamedTuple):
    """A promise's fate, the words for it, and what proves it."""

    fate: Fate
    text: str
    event: Event | None = None
    value: float | None = None
    at: datetime | None = None


def promises(
    observations: Sequence[Observation], events: Sequence[Event], points: Sequence[MetricPoint], as_of: datetime
) -> tuple[Promise, ...]:
    """Each planned figure or event that names a day to come, and what became of it by `as_of`; the newest due first, at
    most MOST.

    A target that was promised again for the same day counts once, as it was first said. What names no day, or had been
    reached when it was said, is none. A figure is missed once a lower one was said after the day; an event once people
    have gone on talking after the day and none of its type and subject was told.
    """
    heard = [said for said in observations if said.said_at <= as_of]
    known = _Told(
        {event.id: event for event in events if event.is_active and event.occurred_at <= as_of},
        [point for point in points if point.said_at <= as_of],
        as_of,
        max([*(s.said_at for s in heard), *(e.occurred_at for e in events if e.occurred_at <= as_of)], default=as_of),
    )
    found: dict[tuple[object, ...], Promise] = {}
    for said in sorted(heard, key=lambda said: (said.said_at, said.message_id, said.start)):
        if said.status is Status.PLANNED and said.event_type is not EventType.SETBACK:
            for key, promise in _of(said, known):
                found.setdefault(key, promise)
    return tuple(sorted(found.values(), key=lambda p: (-p.due.toordinal(), -p.said_at.timestamp(), p.what))[:MOST])


def _of(said: Observation, known: _Told) -> Iterator[tuple[tuple[object, ...], Promise]]:
    """The promises of one observation, each with what makes two tellings of it one."""
    targets = [metric for metric in said.metrics if _is_target(metric)]
    for target in targets:
        stands = next((a.start for a in find_amounts(said.quote) if a.value == target.value), 0)
        due = deadline(said.quote, said.said_at.date(), stands)
        if due and (outcome := _figure_outcome(said, target, due, known)):
            yield (target.name, target.value, due), _promise(said, metric_phrase(target), due, outcome)
    if said.event_type not in _FIGURES and not said.metrics and (due := deadline(said.quote, said.said_at.date())):
        named = (said.subject or said.title).lower()
        yield (said.event_type, named, due), _promise(said, said.title, due, _event_outcome(said, due, known))


def _is_target(metric: Metric) -> bool:
    kind = METRICS.get(metric.name)
    if kind is None or metric.name in _OF_ONE_DEAL:
        return False
    return is_currency(metric.unit) if kind.unit == "currency" else metric.unit == kind.unit


def _promise(said: Observation, what: str, due: date, outcome: _Became) -> Promise:
    event = outcome.event
    fact = None if event is None else telling(event) if outcome.value is None else stating(event, outcome.value)
    return Promise(
        what=what,
        due=due,
        fate=outcome.fate,
        text=f"{what} by {day(due, beside=said.said_at)}: {outcome.text}",
        said_at=said.said_at,
        plan=evidence_of(said),
        fact=fact,
        fact_at=outcome.at,
        event_id=event.id if event else None,
    )


def _figure_outcome(said: Observation, target: Metric, due: date, known: _Told) -> _Became | None:
    """None where the figure had been reached already."""
    told = [
        point
        for point in known.series_of(target.name)
        if UNSTATED in (target.unit, point.unit) or point.unit == target.unit
    ]
    falls = _is_falling(said, target)
    if any(point.said_at <= said.said_at and _reaches(point, target, falls) for point in told):
        return None
    later = [point for point in told if point.said_at > said.said_at]
    reached = next((point for point in later if _reaches(point, target, falls)), None)
    if reached is not None:
        return _reached(due, reached.as_of, known.events.get(reached.event_id), reached.value)
    if known.as_of.date() <= due:
        return _still_open(due, told, target, known)
    after = next((point for point in later if point.said_at.date() > due or point.as_of.date() >= due), None)
    if after is None:
        return _Became(Fate.OPEN, "the day has passed, and no figure was said since")
    seen = figure(level(after, target.name), after.unit)
    text = f"missed, {seen} on {day(after.as_of, beside=due)}"
    return _Became(Fate.MISSED, text, known.events.get(after.event_id), after.value, after.as_of)


def _still_open(due: date, told: Sequence[MetricPoint], target: Metric, known: _Told) -> _Became:
    if not told:
        return _Became(Fate.OPEN, "still open")
    newest = told[-1]
    text = f"still open, {figure(level(newest, target.name), newest.unit)} on {day(newest.as_of, beside=due)}"
    return _Became(Fate.OPEN, text, known.events.get(newest.event_id), newest.value, newest.as_of)


def _event_outcome(said: Observation, due: date, known: _Told) -> _Became:
    later = [e for e in known.events.values() if e.event_type is said.event_type and e.occurred_at > said.said_at]
    kept = [event for event in later if is_about(event, said.subject or said.title)]
    if kept:
        first = min(kept, key=lambda event: (event.occurred_at, str(event.id)))
        return _reached(due, first.occurred_at, first)
    if known.as_of.date() <= due:
        return _Became(Fate.OPEN, "still open")
    if known.heard.date() <= due:
        return _Became(Fate.OPEN, "the day has passed, and nothing was said since")
    return _Became(Fate.MISSED, f"missed, nothing of it by {day(known.as_of, beside=due)}")


def _reached(due: date, at: datetime, event: Event | None, value: float | None = None) -> _Became:
    late = (at.date() - due).days
    if late <= 0:
        return _Became(Fate.REACHED, f"reached on {day(at, beside=due)}", event, value, at)
    text = f"reached on {day(at, beside=due)}, {late} day{'' if late == 1 else 's'} late"
    return _Became(Fate.LATE, text, event, value, at)


def _reaches(point: MetricPoint, target: Metric, is_falling: bool) -> bool:
    seen = level(point, target.name)
    return seen <= target.value if is_falling else seen >= target.value


def _is_falling(said: Observation, target: Metric) -> bool:
    """Whether less is promised: by the words before the figure, `down to 40 people`, or by what the metric is."""
    stands = next((a.start for a in find_amounts(said.quote) if a.value == target.value), 0)
    return target.name in FALLING or _DOWN_TO.search(said.quote[:stands]) is not None
