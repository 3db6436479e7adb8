"""How verdicts, events and letters are told in a notice: with quotes, and with what was known before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sago.domain.companies import Granularity
from sago.domain.events import Event, Evidence, MetricPoint
from sago.domain.letters import Letter
from sago.domain.metrics import is_vague
from sago.domain.notices import Said, ToldCondition, ToldEvent, ToldFigure, ToldLetter
from sago.domain.watches import ConditionResult, Verdict, Watch
from sago.outreach.knowledge import Known
from sago.outreach.quoting import shown
from sago.outreach.selection import SERIES, choose
from sago.outreach.sharing import View
from sago.outreach.significance import is_setback
from sago.outreach.verdicts import name_of

MOST_EVENTS = 5
"""Told at length in one item."""
MOST_AGAINST = 2
"""Setbacks told beside a verdict to write."""
MOST_FIGURES = 3
"""Told of one event."""


class Looked(NamedTuple):
    """What a person last saw of a watch, and when, or else what there was when the two met; who said what, and how
    exactly it may be told."""

    conditions: Sequence[ToldCondition]
    at_meeting: Sequence[ConditionResult]
    at: datetime | None
    said: Mapping[tuple[str, str], Said] = MappingProxyType({})
    granularity: Granularity = Granularity.EXACT


class Facts(NamedTuple):
    """What happened since, ranked; `ids` are those of all of it."""

    events: tuple[ToldEvent, ...] = ()
    more: tuple[str, ...] = ()
    against: tuple[ToldEvent, ...] = ()
    ids: tuple[UUID, ...] = ()


def facts(known: Known, verdict: Verdict, told: Collection[UUID], looked: Looked) -> Facts:
    """Events since the meeting that were not told yet: the best as a letter would choose them, setbacks beside them;
    what proves a condition stands with it, and counts as told."""
    proving = {result.event_id for result in verdict.results}
    news = [each for each in known.events if each.id not in told and _is_since(each, known.watch, verdict.as_of)]
    proofs = [each for each in known.events if each.id in proving]
    others = [each for each in news if each.id not in proving]
    latest = max((each.occurred_at for each in (*proofs, *others)), default=verdict.as_of)
    # among the proofs, so that no figure is told that one of them replaces
    ranked = choose((*proofs, *others), latest, MOST_EVENTS + len(proofs), bands=known.view.seen.bands)
    best = [each for each in ranked if each.id not in proving][:MOST_EVENTS]
    setbacks = [each for each in others if is_setback(each)]
    against = sorted(setbacks, key=lambda each: (-each.severity.rank, -each.occurred_at.timestamp(), str(each.id)))
    chosen = {each.id for each in (*best, *against[:MOST_AGAINST])}
    return Facts(
        events=tuple(event(each, known, looked) for each in best),
        more=tuple(each.title for each in others if each.id not in chosen),
        against=tuple(event(each, known, looked) for each in against[:MOST_AGAINST]),
        ids=tuple(dict.fromkeys(each.id for each in (*proofs, *news))),
    )


def _is_since(event: Event, watch: Watch, as_of: datetime) -> bool:
    return (
        event.is_active
        and (watch.met_on or watch.created_at.date()) <= event.occurred_at.date()
        and (event.occurred_at <= as_of)
    )


def event(of: Event, known: Known, looked: Looked, proof: Evidence | None = None) -> ToldEvent:
    """The event with the quote that shows it, or the one that is asked for."""
    return ToldEvent(
        event_id=of.id,
        kind=of.event_type,
        severity=of.severity,
        title=of.title,
        occurred_at=of.occurred_at,
        figures=tuple(_figures(of, known.metric_points, looked.at or met(known.watch))),
        said=quoted(of, proof or shown(of), looked),
        granularity=looked.granularity,
    )


def met(watch: Watch) -> datetime:
    """The end of the day of the meeting (UTC), or the moment from which the watch was kept."""
    if watch.met_on is None:
        return watch.created_at
    return datetime.combine(watch.met_on + timedelta(days=1), time(), UTC)


def quoted(of: Event, proof: Evidence, looked: Looked) -> Said:
    """The quote with sender and time."""
    return looked.said.get((of.company_id, proof.message_id), Said(quote="")).model_copy(update={"quote": proof.quote})


def condition(result: ConditionResult, known: Known, looked: Looked) -> ToldCondition:
    """The condition with what it was when the person last looked, and its proof where it holds."""
    asked = result.condition
    told = next((each for each in looked.conditions if each.text == asked.text), None)
    then = next((each for each in looked.at_meeting if each.condition == asked), None)
    proven_by = next((each for each in known.events if each.id == result.event_id and result.holds), None)
    last_proof = result.proof[-1] if result.proof else None
    return ToldCondition(
        text=asked.text,
        label=name_of(result),
        is_figure=asked.kind != "count",
        op=asked.op,
        value=asked.value,
        holds=result.holds,
        seen=result.seen,
        unit=result.unit,
        missing=result.missing,
        note=result.note,
        as_of=result.as_of,
        event_id=result.event_id,
        held_before=told.holds if told else bool(then and then.holds),
        before=told.seen if told else then.seen if then else None,
        event=event(proven_by, known, looked, last_proof) if proven_by else None,
    )


def letter(of: Letter) -> ToldLetter:
    """The draft as it would be read."""
    to = of.recipient.name if of.recipient else ""
    return ToldLetter(id=of.id, subject=of.draft.subject, body=of.draft.body, to=to)


def corrections(known: Known, told: Mapping[UUID, ToldEvent], granularity: Granularity) -> list[ToldEvent]:
    """Events whose figures read otherwise than they were told, or that were told as withdrawn and stand again."""
    now = {each.id: each for each in known.events if each.is_active}
    found = [(now[event_id], last) for event_id, last in told.items() if event_id in now]
    alike = [(event, last) for event, last in found if last.granularity is granularity]
    return [_corrected(event, last) for event, last in alike if last.is_gone or _differ(event, last)]


def withdrawals(view: View, gone: Mapping[UUID, Event | None], told: Mapping[UUID, ToldEvent]) -> list[ToldEvent]:
    """Told events that are held no more, as far as the firm may see them still. The words are those that the event
    still has: none where they were erased."""
    if not view.is_open:
        return []
    shown = {event.id: event for event in view.shown(event for event in gone.values() if event)}
    lost = [
        (event_id, last, shown.get(event_id))
        for event_id, last in told.items()
        if event_id in gone and not last.is_gone and (gone[event_id] is None or event_id in shown)
    ]
    return [
        last.without_words([last.event_id]).model_copy(
            update={"event_id": event_id, "title": event.title if event else "", "is_gone": True}
        )
        for event_id, last, event in lost
    ]


def _corrected(event: Event, last: ToldEvent) -> ToldEvent:
    values = _values(event)
    figures = tuple(
        ToldFigure(
            name=told.name,
            value=values[told.name][0] if told.name in values else None,
            unit=values[told.name][1] if told.name in values else told.unit,
            before=told.value if _changed(told, values) else None,
        )
        for told in last.figures
    )
    return last.model_copy(
        update={"event_id": event.id, "title": event.title, "figures": figures, "said": None, "is_gone": False}
    )


def _differ(event: Event, last: ToldEvent) -> bool:
    values = _values(event)
    return any(_changed(told, values) for told in last.figures)


def _changed(told: ToldFigure, values: Mapping[str, tuple[float, str]]) -> bool:
    if told.name not in values:
        return told.value is not None
    return values[told.name] != (told.value, told.unit)


def _values(event: Event) -> dict[str, tuple[float, str]]:
    """The event's figures by name, the first of a name; what has no name of its own may be another figure."""
    values: dict[str, tuple[float, str]] = {}
    for each in event.metrics:
        if not is_vague(each.name):
            values.setdefault(each.name, (each.value, each.unit))
    return values


def _figures(event: Event, points: Sequence[MetricPoint], looked: datetime) -> Iterable[ToldFigure]:
    """The event's first figures; of a series with its newest point that was known when the person last looked."""
    for name, (value, unit) in list(_values(event).items())[:MOST_FIGURES]:
        earlier = [
            point
            for point in points
            if point.metric == name
            and point.unit == unit
            and name in SERIES
            and point.said_at <= looked
            and point.event_id != event.id
        ]
        before = max(earlier, key=lambda point: (point.as_of, point.said_at)).value if earlier else None
        yield ToldFigure(name=name, value=value, unit=unit, before=before)
