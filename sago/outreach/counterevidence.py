"""What speaks against a verdict in the same period: setbacks, figures that fell, contradictions, denials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from rapidfuzz.fuzz import token_set_ratio

from sago.domain.contradictions import contradictions
from sago.domain.events import CATALOGUE, Event, EventType, MetricPoint, Observation, Status
from sago.domain.metrics import METRICS
from sago.domain.significance import CounterEvidence, Scale, Score
from sago.domain.watches import Condition, Verdict
from sago.domain.wording import day, figure, metric_label
from sago.outreach.quoting import evidence_of, stating, telling
from sago.outreach.significance import FALLING, is_setback, scores

MOST = 5
"""Facts told; the weaker ones would hide the strong."""
FELL = 0.01
"""Share by which a figure must have fallen: less is rounding."""
DEEP_FALL = 0.3
"""A figure that fell by this share or more counts as an event of high severity."""
OTHERWISE = 0.5
"""What speaks against something nobody asked for counts this share."""
CONTRADICTED = 2.0
"""A contradicted figure that the verdict rests on counts as an event of medium severity."""
SAME_SUBJECT = 85
"""rapidfuzz's token set ratio (0 to 100) from which an event is about what was denied before."""
_SIZES = frozenset({"contract_value", "amount_raised", "valuation", "bookings", "runway"})
"""Figures of one deal or one round: the next one may be smaller without anything having fallen."""


class Asked(NamedTuple):
    """What the conditions speak of; all empty for an update, to which everything matters."""

    metrics: frozenset[str]
    types: frozenset[str]

    def share(self, *, metric: str | None = None, event_type: str | None = None) -> float:
        """1 for what was asked for, OTHERWISE for the rest."""
        if not self.metrics and not self.types:
            return 1.0
        return 1.0 if metric in self.metrics or event_type in self.types else OTHERWISE


def counter_evidence(
    verdict: Verdict,
    events: Sequence[Event],
    points: Sequence[MetricPoint],
    observations: Sequence[Observation],
    since: datetime | None,
    scale: Scale,
) -> tuple[CounterEvidence, ...]:
    """The strongest facts against writing that were said after `since` and up to the verdict's moment; at most MOST.

    Setbacks weigh their score, also those that block already; a fall by its depth; a denial half its type's weight.
    What was not asked for weighs half.
    """
    as_of = verdict.as_of
    known = {event.id: event for event in events if event.is_active and event.occurred_at <= as_of}
    recent = [event for event in known.values() if since is None or event.occurred_at > since]
    setbacks = [event for event in recent if is_setback(event)]
    told = [point for point in points if point.said_at <= as_of and point.event_id in known]
    asked = asked_by(verdict.watch.conditions)
    weighed = scores(events, as_of, verdict.watch.weights, scale, of=setbacks)
    found = [
        *_setbacks(setbacks, weighed),
        *_falls(told, known, asked, since, as_of, scale),
        *_contradictions(verdict, told, known),
        *islice(_denials(observations, known.values(), asked, since, as_of, scale), MOST),
    ]
    return tuple(sorted(found, key=lambda each: (-each.strength, -each.at.timestamp(), each.text))[:MOST])


def asked_by(conditions: Sequence[Condition]) -> Asked:
    """MRR is asked for with ARR: twelve times one is the other."""
    metrics = {each.name for each in conditions if each.name in METRICS}
    metrics |= {"mrr"} if "arr" in metrics else set()
    return Asked(frozenset(metrics), frozenset(each.name for each in conditions) - metrics)


def _setbacks(setbacks: Sequence[Event], weighed: Mapping[UUID, Score]) -> Iterator[CounterEvidence]:
    for event in setbacks:
        yield CounterEvidence(
            kind="setback",
            text=f"{event.title.rstrip('.')} ({event.severity.value})",
            proof=telling(event),
            event_id=event.id,
            at=event.occurred_at,
            strength=weighed[event.id].value,
        )


def _falls(
    points: Sequence[MetricPoint],
    known: Mapping[UUID, Event],
    asked: Asked,
    since: datetime | None,
    as_of: datetime,
    scale: Scale,
) -> Iterator[CounterEvidence]:
    """Of each series the newest figure, where it is worse than the best of the period and the last one before it."""
    series: dict[tuple[str, str], list[MetricPoint]] = {}
    for point in sorted(points, key=lambda point: (point.as_of, point.said_at, str(point.event_id))):
        if point.metric in METRICS and point.metric not in _SIZES:
            series.setdefault((point.metric, point.unit), []).append(point)
    for (metric, _), told in series.items():
        first = next((n for n, point in enumerate(told) if since is None or point.said_at > since), len(told))
        compared = [point for point in told[max(first - 1, 0) : -1] if point.as_of < told[-1].as_of]
        if first < len(told) and compared:
            best = (min if metric in FALLING else max)(compared, key=lambda point: point.value)
            share = _fallen(best, told[-1])
            if share > FELL:
                decay = scale.decay(as_of - told[-1].as_of)
                strength = 3.0 * min(share / DEEP_FALL, 1.0) * decay * asked.share(metric=metric)
                yield _fall(best, told[-1], known[told[-1].event_id], as_of, strength)


def _fallen(best: MetricPoint, newest: MetricPoint) -> float:
    """The share by which the newest figure is worse than the best."""
    change = newest.value - best.value if newest.metric in FALLING else best.value - newest.value
    return change / (abs(best.value) or 1.0)


def _fall(best: MetricPoint, newest: MetricPoint, event: Event, as_of: datetime, strength: float) -> CounterEvidence:
    from_, to = (f"{figure(each.value, each.unit)} on {day(each.as_of, beside=as_of)}" for each in (best, newest))
    return CounterEvidence(
        kind="fall",
        text=f"{metric_label(newest.metric)} {'rose' if newest.metric in FALLING else 'fell'} from {from_} to {to}",
        proof=stating(event, newest.value),
        event_id=event.id,
        at=newest.said_at,
        strength=strength,
    )


def _contradictions(
    verdict: Verdict, points: Sequence[MetricPoint], known: Mapping[UUID, Event]
) -> Iterator[CounterEvidence]:
    """What other events say otherwise for the same month, against those that the verdict rests on."""
    resting = {result.event_id for result in verdict.results if result.holds}
    if not resting:
        return
    for event_id, told in contradictions(points).items():
        for each in told if event_id in resting else ():
            yield CounterEvidence(
                kind="contradiction",
                text=each.text,
                proof=stating(known[each.other.event_id], each.other.value),
                event_id=each.other.event_id,
                at=each.other.said_at,
                strength=CONTRADICTED,
            )


def _denials(
    observations: Sequence[Observation],
    events: Iterable[Event],
    asked: Asked,
    since: datetime | None,
    as_of: datetime,
    scale: Scale,
) -> Iterator[CounterEvidence]:
    """What somebody said is not so, strongest first; of one subject the newest, unless an event says that by now it
    is."""
    newest: dict[tuple[str, str], Observation] = {}
    for said in sorted(observations, key=lambda said: (said.said_at, said.message_id, said.start)):
        counts = said.status is Status.DENIED and said.event_type is not EventType.SETBACK
        if counts and said.said_at <= as_of and (since is None or said.said_at > since):
            newest[said.event_type, (said.subject or "").lower()] = said
    of_type: dict[EventType, list[Event]] = {}
    for event in events:
        of_type.setdefault(event.event_type, []).append(event)
    told = [_denied(said, asked, as_of, scale) for said in newest.values()]
    for said, each in sorted(zip(newest.values(), told, strict=True), key=lambda pair: -pair[1].strength):
        if not any(_overtakes(event, said) for event in of_type.get(said.event_type, ())):
            yield each


def _denied(said: Observation, asked: Asked, as_of: datetime, scale: Scale) -> CounterEvidence:
    weight = said.severity.rank * CATALOGUE[said.event_type].weight / 2
    return CounterEvidence(
        kind="denial",
        text=f"{CATALOGUE[said.event_type].label}, denied: {said.subject or said.title}",
        proof=evidence_of(said),
        at=said.said_at,
        strength=weight * scale.decay(as_of - said.said_at, said.event_type) * asked.share(event_type=said.event_type),
    )


def _overtakes(event: Event, said: Observation) -> bool:
    """Whether the event, of the same type, was told later and is of what was denied; without a subject any may be."""
    return event.occurred_at > said.said_at and (said.subject is None or is_about(event, said.subject))


def is_about(event: Event, subject: str) -> bool:
    """Whether the subject is named in the event's title, names or quotes."""
    words = " ".join([event.title, *event.stakeholders, *(proof.quote for proof in event.evidence)]).lower()
    return token_set_ratio(subject.lower(), words) >= SAME_SUBJECT
