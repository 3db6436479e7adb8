"""What a firm sees of a company: the founder's share between the facts and everybody who reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sago.domain.amounts import Amount, find_amounts
from sago.domain.bands import banded
from sago.domain.companies import Granularity, Share
from sago.domain.events import CATALOGUE, Event, Evidence, Metric, MetricPoint
from sago.domain.messages import source_of
from sago.domain.sharing import Seen
from sago.domain.watches import Outcome, Verdict, Watch
from sago.outreach.claims.passages import WORD, words_of
from sago.outreach.coarsening import TITLE_LIMIT, coarse_event
from sago.outreach.verdicts import judge
from sago.ports import Transaction

NOTHING_SHARED = "The founder shares nothing with this firm"


def give(tx: Transaction, share: Share) -> None:
    """Keep the share; verdicts that a wider one led to would still tell what this one hides, and go."""
    tx.events.lock(share.company_id)
    before = tx.shares.get(share.firm_id, share.company_id)
    tx.shares.put(share)
    if before and not share.shows_all_of(before):
        tx.verdicts.forget(share.firm_id, share.company_id)


def seen_by(
    share: Share | None, events: Sequence[Event], metric_points: Sequence[MetricPoint], as_of: datetime
) -> Seen:
    """What `share` shows as of a moment: nothing without one, or once it has ended.

    An event shows when the source of its first proof is shared, as in the database's row policy; its other proofs only
    where theirs is, and what only those say goes with them.
    """
    if share is None or not share.holds_at(as_of):
        return Seen([], [], (), share.granularity if share else Granularity.NONE)
    shown = _whole(share, events)
    points = stated_points(share, events, metric_points)
    if share.granularity is Granularity.EXACT:
        return Seen(shown, points, None, share.granularity)
    told = banded(points, is_told=share.granularity is Granularity.BANDS)
    return Seen([coarse_event(event, share.granularity) for event in shown], [], told, share.granularity)


class View(NamedTuple):
    """A watch's company as its firm may see it; `share` is None where there never was one."""

    watch: Watch
    share: Share | None
    seen: Seen
    is_open: bool
    """Whether the share holds."""

    def shown(self, events: Iterable[Event]) -> list[Event]:
        """What the share shows of further events of the company, such as are held no more."""
        return as_shared(self.share if self.is_open else None, events)

    def judge(self, as_of: datetime, setback_days: int) -> Verdict:
        """The watch's verdict on what is seen alone; DO NOT WRITE where nothing is shared."""
        if not self.is_open:
            because = f"{NOTHING_SHARED}{' any more' if self.share else ''}."
            return Verdict(watch=self.watch, outcome=Outcome.DO_NOT_WRITE, because=because, as_of=as_of)
        return judge(self.watch, self.seen.events, self.seen.metric_points, as_of, setback_days, self.seen.bands)


def view_of(tx: Transaction, watch: Watch, as_of: datetime, now: datetime | None = None) -> View:
    """The watch's company through the share of its firm. A share that has ended by `now` shows nothing, whatever the
    moment that is judged."""
    return view_through(tx.shares.get(watch.firm_id, watch.company_id), tx, watch, max(as_of, now or as_of))


def view_through(share: Share | None, tx: Transaction, watch: Watch, at: datetime) -> View:
    """The watch's company through a share, also one that is not given yet."""
    seen = seen_by(share, tx.events.find(watch.company_id), tx.events.metric_points(watch.company_id), at)
    return View(watch, share, seen, is_open=share is not None and share.holds_at(at))


def as_shared(share: Share | None, events: Iterable[Event]) -> list[Event]:
    """What a share shows of these events; nothing without one."""
    return [coarse_event(event, share.granularity) for event in _whole(share, events)] if share else []


def stated_points(share: Share, events: Sequence[Event], points: Sequence[MetricPoint]) -> list[MetricPoint]:
    """Of these points those that a share shows, exact: of these events, where what is shown of them states them."""
    shown = {event.id: event for event in _whole(share, events)}
    return _stated(points, {event.id: event for event in events}, shown)


def has_ended(tx: Transaction, firm_id: str, company_id: str, now: datetime) -> bool:
    """Whether the firm may see nothing of the company as of now: nothing that rests on it may leave the house."""
    share = tx.shares.get(firm_id, company_id)
    return share is None or not share.holds_at(now)


def _whole(share: Share, events: Iterable[Event]) -> list[Event]:
    """What is shown of these events, with its figures."""
    return [_cut(event, share) for event in events if _leads(event, share)]


def _leads(event: Event, share: Share) -> bool:
    is_shared = bool(event.evidence) and share.covers(source_of(event.evidence[0].message_id))
    return is_shared and (share.until is None or event.occurred_at < share.until)


def _cut(event: Event, share: Share) -> Event:
    """The event without the proofs whose source is not shared, and without what nothing shared says."""
    kept = tuple(proof for proof in event.evidence if share.covers(source_of(proof.message_id)))
    if len(kept) == len(event.evidence):
        return event
    words = {word for proof in kept for word in words_of(proof.quote)}
    return event.model_copy(
        update={
            "title": event.title if _says(kept, words, event.title) else _own_title(event, kept[0]),
            "description": "",
            "impact": "",
            "timeline": "",
            "stakeholders": tuple(name for name in event.stakeholders if words_of(name) <= words),
            "metrics": tuple(metric for metric in event.metrics if _states(kept, metric)),
            "evidence": kept,
        }
    )


def _own_title(event: Event, proof: Evidence) -> str:
    """`Enterprise deal: Kestrel Air signed`: the type, and the proof itself."""
    return f"{CATALOGUE[event.event_type].label}: {' '.join(proof.quote.split())}"[:TITLE_LIMIT]


def _says(proofs: Sequence[Evidence], words: set[str], title: str) -> bool:
    """Whether every figure and every name of a title stands in these proofs."""
    figures = {amount.value for proof in proofs for amount in find_amounts(proof.quote)}
    names = {match.group() for match in WORD.finditer(title) if match.group()[0].isupper() and match.start()}
    stated = all(amount.value in figures for amount in find_amounts(title))
    return stated and {word for name in names for word in words_of(name)} <= words


def _states(proofs: Sequence[Evidence], metric: Metric | MetricPoint) -> bool:
    return any(_is(amount, metric) for proof in proofs for amount in find_amounts(proof.quote))


def _is(amount: Amount, metric: Metric | MetricPoint) -> bool:
    return amount.value == metric.value and (amount.bare or amount.unit == metric.unit or bool(amount.shared))


def _stated(points: Sequence[MetricPoint], whole: dict[UUID, Event], shown: dict[UUID, Event]) -> list[MetricPoint]:
    """The points of shown events; of one that lost proofs those that the rest states."""
    return [
        point
        for point in points
        if (event := shown.get(point.event_id))
        and (event.evidence == whole[point.event_id].evidence or _states(event.evidence, point))
    ]
