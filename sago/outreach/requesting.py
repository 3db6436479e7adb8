"""What a letter may say: the request to whoever writes it, now or as of its composition, and the window it fills."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sago.domain.bands import BandPoint
from sago.domain.events import CATALOGUE, Event, MetricPoint
from sago.domain.letters import Letter, LetterRequest
from sago.domain.significance import DEFAULT_SCALE, Scale
from sago.domain.watches import Condition, Outcome, Verdict
from sago.domain.wording import one_line
from sago.errors import UsageError
from sago.outreach.firings import decided_letters, decided_window
from sago.outreach.knowledge import Known, load
from sago.outreach.proofs import held_since
from sago.outreach.proposing import answers_all
from sago.outreach.selection import choose, other_side
from sago.outreach.significance import scores
from sago.outreach.standing import told_events
from sago.ports import Transaction

UPDATE_DAYS = 92
"""A company update tells of the quarter before its newest event; what an earlier update told is no news."""

_FIGURE = re.compile(r"(?=[\[\d$€£¥]|an undisclosed)")


def request_for(
    known: Known, as_of: datetime, setback_days: int, highlights: int, scale: Scale = DEFAULT_SCALE
) -> LetterRequest | None:
    """What a letter of this watch may say now, or None where the verdict or a want of events speaks against one."""
    verdict = known.judge(as_of, setback_days, scale)
    if verdict.outcome not in (Outcome.NOW, Outcome.UPDATE):
        return None
    proving = {result.event_id for result in verdict.results}
    proofs = [event for event in known.events if event.id in proving]
    news = _news(known, as_of)
    # As of the news, not of today: the same events are chosen whenever a letter is asked for.
    newest = max((event.occurred_at for event in news), default=as_of)
    weighed = scores(known.events, newest, known.watch.weights, scale)
    chosen = choose(news, newest, highlights, weighed, known.view.seen.bands)
    others = [event for event in chosen if event.id not in proving]
    events = (*proofs, *others[: max(0, highlights - len(proofs))])
    if not events:
        return None
    against = other_side(news, as_of - timedelta(days=setback_days), as_of, weighed)
    return _request(known, verdict, (*events, *against), as_of)


def request_of(transaction: Transaction, letter: Letter) -> LetterRequest:
    """What a letter may say: its events as they are held now, told as of its composition; those that are held no more
    are left out. Raises UsageError where its watch was removed."""
    known = load(transaction, letter.watch_id, letter.created_at)
    if known is None:
        raise UsageError(f"letter {letter.id}: its watch was removed; reject it")
    before = [each for each in known.grounds.letters if each.created_at < letter.created_at]
    known = known._replace(grounds=known.grounds._replace(letters=before))
    verdict = known.judge(letter.created_at, 0, DEFAULT_SCALE)
    held = {event.id: event for event in known.events}
    told = tuple(
        held[event.id].model_copy(update={"id": event_id})
        for event_id, event in told_events(transaction, letter).items()
        if event.id in held
    )
    return _request(known, verdict, told, letter.created_at)


def _request(known: Known, verdict: Verdict, events: tuple[Event, ...], as_of: datetime) -> LetterRequest:
    return LetterRequest(
        company=known.company,
        watch=known.watch,
        verdict=verdict,
        events=tuple(_without_kind(event) for event in events),
        metric_points=tuple(point for point in known.metric_points if point.said_at <= as_of),
        as_of=as_of,
        granularity=known.view.seen.granularity,
        answers_all=answers_all(known.watch),
    )


def _without_kind(event: Event) -> Event:
    """The event without the label of its type before a title that is its proof's own words: a letter groups by kind."""
    title = event.title.removeprefix(f"{CATALOGUE[event.event_type].label}: ")
    begun = _FIGURE.split(title)[0]  # what stands from a figure on may be told in a band
    is_said = begun != "" and any(one_line(proof.quote).startswith(begun) for proof in event.evidence)
    return event.model_copy(update={"title": title}) if is_said else event


def window_of(tx: Transaction, known: Known, request: LetterRequest) -> str:
    """`YYYY-MM` of an update; of a firing its conditions' hash and the day from which all of them have held.

    A firing keeps the name under which a person decided about a letter of it: an earlier proof, told later, or a
    correction of the fact by which it began, moves the day and fires nothing.
    """
    watch, bands = request.watch, known.view.seen.bands
    if request.verdict.outcome is Outcome.UPDATE:
        return f"{request.as_of:%Y-%m}"
    conditions = "\n".join(
        " ".join(filter(None, (c.name, c.severity, c.within, c.op, repr(c.value)))) for c in watch.conditions
    )
    facts = (request.events, request.metric_points, watch.met_on, request.as_of)
    days = {condition: day for condition in watch.conditions if (day := held_since(condition, *facts, bands))}
    digest = hashlib.sha256(conditions.encode()).hexdigest()[:12]
    last = max(days.values(), default=watch.created_at.date())
    begun_by = {each for asked, day in days.items() if day == last for each in _stated(request, bands, asked, day)}
    decided = decided_letters(tx, watch, known.grounds.letters, {event.id for event in known.events})
    return decided_window(f"now:{digest}:{last.isoformat()}", decided, request.as_of, begun_by)


def _stated(request: LetterRequest, bands: Sequence[BandPoint] | None, condition: Condition, on: date) -> set[UUID]:
    """The events that told on a day what the condition asks about."""
    if condition.kind == "count":
        counted = (event for event in request.events if event.event_type == condition.name)
        return {event.id for event in counted if event.occurred_at.date() == on}
    asked = {condition.name, "mrr"} if condition.name == "arr" else {condition.name}
    points: Sequence[MetricPoint | BandPoint] = request.metric_points if bands is None else bands
    return {point.event_id for point in points if point.metric in asked and point.as_of.date() == on}


def _news(known: Known, as_of: datetime) -> list[Event]:
    """Events since the meeting of a condition watch; of an update those of the quarter before the newest one."""
    watch = known.watch
    heard = [event for event in known.events if event.occurred_at <= as_of]
    if watch.conditions:
        return [event for event in heard if watch.met_on is None or event.occurred_at.date() >= watch.met_on]
    newest = max((event.occurred_at for event in heard), default=as_of)
    return [event for event in heard if event.occurred_at > newest - timedelta(days=UPDATE_DAYS)]
