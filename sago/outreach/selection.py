"""Which events a letter tells: the weightiest recent ones, of different kinds, each fact once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from rapidfuzz.fuzz import token_set_ratio

from sago.domain.bands import BandPoint
from sago.domain.events import Event, EventType, Severity
from sago.domain.metrics import METRICS
from sago.domain.significance import Score
from sago.outreach.significance import is_setback, scores

SAME_TYPE_SHARE = 0.5
"""Each further event of a type already chosen counts this share of the one before,"""
OTHER_METRIC_SHARE = 0.75
"""and this share where it leads with a metric that none of the chosen leads with: NRR beside ARR."""
HEADLINE = {"arr": 1.2, "mrr": 1.2}
"""Metrics that an investor looks for first, and how much more an event counts that leads with one."""
SAME_FACT = 88
"""rapidfuzz's token set ratio (0 to 100) from which two titles of one type tell one fact."""
_OF_ONE_EVENT = {"contract_value", "amount_raised", "valuation", "bookings"}
SERIES = METRICS.keys() - _OF_ONE_EVENT
"""Metrics of which only the newest figure is told; the others belong to their event."""
_Series = Mapping[UUID, Sequence[str]]


def choose(
    events: Iterable[Event],
    as_of: datetime,
    limit: int,
    weighed: Mapping[UUID, Score] | None = None,
    bands: Sequence[BandPoint] | None = None,
) -> list[Event]:
    """At most `limit` active events up to `as_of`, best first; never a setback, an outdated figure or a fact twice.

    `weighed` are the events' scores against the company's whole history; without it they are its history. `bands` say
    of which metric an event speaks whose figures are not shared.
    """
    events = list(events)
    series = _series(events, bands or ())
    weighed = scores(events, as_of) if weighed is None else weighed
    candidates = [e for e in events if e.is_active and e.event_type is not EventType.SETBACK and e.occurred_at <= as_of]
    left = _newest_figures(candidates, series)
    chosen: list[Event] = []
    while left and len(chosen) < limit:
        best = min(left, key=lambda event: (-_worth(event, weighed[event.id], chosen, series), str(event.id)))
        chosen.append(best)
        left = [event for event in left if event is not best and not _same_fact(event, best)]
    return chosen


def other_side(events: Iterable[Event], since: datetime, as_of: datetime, weighed: Mapping[UUID, Score]) -> list[Event]:
    """All setbacks of high severity since a moment, the heaviest first; without one the newest of medium severity."""
    found = [
        event
        for event in events
        if event.is_active
        and is_setback(event)
        and event.severity is not Severity.LOW
        and since <= event.occurred_at <= as_of
    ]
    high = [event for event in found if event.severity is Severity.HIGH]
    if not high:
        return sorted(found, key=lambda event: (event.occurred_at, str(event.id)))[-1:]
    return sorted(high, key=lambda event: (weighed[event.id].value, event.occurred_at, str(event.id)), reverse=True)


def _worth(event: Event, weighed: Score, chosen: Sequence[Event], series: _Series) -> float:
    """The event's score × headline, less for each one of its type chosen before."""
    lead = next(iter(series[event.id]), None)
    told = sum(other.event_type is event.event_type for other in chosen)
    further = lead is not None and lead not in {next(iter(series[other.id]), None) for other in chosen}
    share = (OTHER_METRIC_SHARE if further else SAME_TYPE_SHARE) ** told
    return float(weighed.value * HEADLINE.get(lead or "", 1.0) * share)


def _newest_figures(events: Sequence[Event], series: _Series) -> list[Event]:
    """Without the events whose leading figure a newer event has replaced."""
    newest: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: (event.occurred_at, str(event.id))):
        newest.update(dict.fromkeys(series[event.id], event))
    return [event for event in events if not (own := series[event.id]) or newest[own[0]] is event]


def _series(events: Sequence[Event], bands: Sequence[BandPoint]) -> _Series:
    """Of each event the metrics of a series that it speaks of, the leading one first."""
    points: dict[UUID, list[str]] = {}
    for point in bands:
        points.setdefault(point.event_id, []).append(point.metric)
    stated = {event.id: [m.name for m in event.metrics] or points.get(event.id, []) for event in events}
    return {event_id: [name for name in names if name in SERIES] for event_id, names in stated.items()}


def _same_fact(one: Event, other: Event) -> bool:
    if one.event_type is not other.event_type:
        return False
    if set(one.metrics) & set(other.metrics) and not (set(one.stakeholders) ^ set(other.stakeholders)):
        return True
    return token_set_ratio(one.title.lower(), other.title.lower()) >= SAME_FACT
