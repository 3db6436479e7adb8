"""How much an event weighs as of a moment: severity × weight of its type × novelty × decay, each part listed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from math import prod
from typing import NamedTuple
from uuid import UUID

from sago.domain.changes import is_improvement
from sago.domain.events import CATALOGUE, Event, EventType, Severity
from sago.domain.metrics import canonical
from sago.domain.significance import DEFAULT_SCALE, NewlyMet, Scale, Score
from sago.domain.watches import Condition
from sago.domain.wording import day, metric_noun

LOOK_BACK = timedelta(days=180)
"""What an event is compared with."""
REPEATED = 0.85
"""Each earlier event of the type leaves this share of the novelty; where the figure is the highest so far, its root."""
MET_POINTS = 3.0
"""A condition newly met counts as an event of high severity and full weight."""
FALLING = frozenset({"churn", "burn"})
"""Metrics of which less is better."""
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def is_setback(event: Event) -> bool:
    """Whether an event speaks against the company: of the type, and of high severity, or none whose quotes all tell
    nothing but a figure that changed for the better, whoever took it for one."""
    return event.event_type is EventType.SETBACK and (
        event.severity is Severity.HIGH or not all(is_improvement(proof.quote) for proof in event.evidence)
    )


class Precedent(NamedTuple):
    """What came before an event: how many of its type within LOOK_BACK, and the metric of which it is the best."""

    earlier: int
    record: str | None = None

    @property
    def novelty(self) -> float:
        """`REPEATED ** earlier`; of a record `REPEATED ** (earlier / 2)`: 1 for the first of its kind, less for each
        further one, and a record always more than an event of the same rank that is none."""
        return float(REPEATED ** (self.earlier / 2 if self.record else self.earlier))

    @property
    def text(self) -> str:
        """`third of its kind in 180 days, highest ARR so far`."""
        told = f"{_ordinal(self.earlier + 1)} of its kind in {LOOK_BACK.days} days"
        best = "lowest" if self.record in FALLING else "highest"
        return f"{told}, {best} {_in_text(self.record)} so far" if self.record and self.earlier else told


def precedents(events: Iterable[Event]) -> dict[UUID, Precedent]:
    """Event id → what came before it in the company's own history, whatever the order they are given in."""
    found: dict[UUID, Precedent] = {}
    seen: dict[EventType, list[datetime]] = {}
    best: dict[tuple[str, str], float] = {}
    for event in sorted(events, key=lambda event: (event.occurred_at, str(event.id))):
        of_type = seen.setdefault(event.event_type, [])
        earlier = len(of_type) - bisect_left(of_type, event.occurred_at - LOOK_BACK)
        of_type.append(event.occurred_at)
        found[event.id] = Precedent(earlier, _record(event, best))
    return found


class Parts(NamedTuple):
    """An event's score before it is put in words: of ten thousand a few are shown."""

    event: Event
    before: Precedent
    weight: float
    decay: float

    @property
    def value(self) -> float:
        """Never negative, and never more than the severity's points."""
        return self.event.severity.rank * self.weight * self.before.novelty * self.decay

    def score(self, as_of: datetime, scale: Scale) -> Score:
        """The same with each part told."""
        severity, kind = self.event.severity, CATALOGUE[self.event.event_type]
        novelty, decay = _shown(severity.rank * self.weight, self.before.novelty, self.decay)
        return Score(
            event_id=self.event.id,
            severity=severity,
            points=severity.rank,
            weight=self.weight,
            novelty=self.before.novelty,
            decay=self.decay,
            value=self.value,
            because=f"severity {severity.value} {severity.rank:.1f} × {_lower(kind.label)} {self.weight:g} × "
            f"novelty {novelty} ({self.before.text}) × "
            + _decay_text(decay, as_of - self.event.occurred_at, scale.half_life(self.event.event_type)),
        )


def scores(
    events: Sequence[Event],
    as_of: datetime,
    weights: Mapping[EventType, float] | None = None,
    scale: Scale = DEFAULT_SCALE,
    *,
    of: Iterable[Event] | None = None,
    limit: int | None = None,
) -> dict[UUID, Score]:
    """The scores of active events up to `as_of` against all such `events` of the company, strongest first; with `of`
    only of these, with `limit` of the strongest."""
    known = [event for event in events if event.is_active and event.occurred_at <= as_of]
    before = precedents(known)
    wanted = known if of is None else [event for event in of if event.id in before]
    parts = [_parts(event, before[event.id], as_of, weights or {}, scale) for event in wanted]
    parts.sort(key=lambda each: (-each.value, str(each.event.id)))
    return {each.event.id: each.score(as_of, scale) for each in parts[:limit]}


def _parts(event: Event, before: Precedent, as_of: datetime, weights: Mapping[EventType, float], scale: Scale) -> Parts:
    weight = weights.get(event.event_type, CATALOGUE[event.event_type].weight)
    return Parts(event, before, weight, scale.decay(as_of - event.occurred_at, event.event_type))


def newly_met(condition: Condition, since: date, as_of: datetime, scale: Scale) -> NewlyMet:
    """What a condition adds that holds since that day: MET_POINTS, decaying like any event."""
    age = as_of.date() - since
    decay = scale.decay(age)
    (told,) = _shown(MET_POINTS, decay)
    return NewlyMet(
        condition=condition.text,
        since=since,
        points=MET_POINTS,
        decay=decay,
        value=MET_POINTS * decay,
        because=f"newly met {MET_POINTS:.1f}, since {day(since, beside=as_of)} × "
        + _decay_text(told, age, scale.default_half_life_days),
    )


def _record(event: Event, best: dict[tuple[str, str], float]) -> str | None:
    """The first metric of the event of which its figure is the best ever said; `best` is kept up."""
    record = None
    for metric in event.metrics:
        name = canonical(metric.name.removeprefix("annual "))  # what contracts are worth, most are by the year
        if name is None:
            continue
        key = name, metric.unit
        value = -metric.value if name in FALLING else metric.value
        if key not in best or value > best[key]:
            best[key] = value
            record = record or name
    return record


def _shown(points: float, *shares: float) -> tuple[str, ...]:
    """The shares with as many digits, two or more, as make what is shown multiply to the score that is shown."""
    wanted = f"{points * prod(shares):.2f}"
    told = (tuple(_plain(share, digits) for share in shares) for digits in range(2, 7))
    fits = (each for each in told if f"{points * prod(map(float, each)):.2f}" == wanted)
    return next(fits, tuple(f"{share:.6f}" for share in shares))


def _plain(share: float, digits: int) -> str:
    """`0.724`, and `1.00` for one, however many digits."""
    return f"{share:.{digits}f}" if round(share, digits) != round(share, 2) else f"{share:.2f}"


def _decay_text(decay: str, age: timedelta, half_life: float) -> str:
    days = round(age / timedelta(days=1))
    return f"decay {decay} ({days} day{'' if days == 1 else 's'}, half-life {half_life:g})"


def _ordinal(number: int) -> str:
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _in_text(metric: str | None) -> str:
    return metric_noun(metric or "")


def _lower(label: str) -> str:
    return label if label.isupper() else label.lower()
