"""What a firm sees of a company: the founder's share between the facts and everybody who reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sago.domain.amounts import Amount, find_amounts
from sago.domain.bands import BandPoint, banded
from sago.domain.companies import Granularity, Share, ShareKind
from sago.domain.events import CATALOGUE, Event, Evidence, Metric, MetricPoint, SharedTexts
from sago.domain.messages import source_of
from sago.domain.sharing import Seen
from sago.domain.watches import Outcome, Verdict, Watch
from sago.outreach.absences import told_of_shared
from sago.outreach.claims.passages import WORD, split
from sago.outreach.coarsening import TITLE_LIMIT, coarse_event
from sago.outreach.remembering import remembered
from sago.outreach.verdicts import judge
from sago.ports import Transaction

VERSION = 2
"""One more whenever shares show an event in other words: what was made ahead is made anew."""
Texts = Mapping[UUID, SharedTexts]
"""Texts that were made ahead for shares of one kind, by event."""
NONE_KEPT: Texts = MappingProxyType({})
NOTHING_SHARED = "The founder shares nothing with this firm"


def seen_by(
    share: Share | None,
    events: Sequence[Event],
    metric_points: Sequence[MetricPoint],
    as_of: datetime,
    texts: Texts = NONE_KEPT,
) -> Seen:
    """What `share` shows as of a moment: nothing without one, or once it has ended.

    An event shows when the source of its first proof is shared, as in the database's row policy; its other proofs only
    where theirs is, and what only those say goes with them.
    """
    if share is None or not share.holds_at(as_of):
        return Seen([], [], (), share.granularity if share else Granularity.NONE)
    return Seen(as_shared(share, events, texts), *told_figures(share, events, metric_points), share.granularity)


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
        if self.share is None or not self.is_open:
            because = f"{NOTHING_SHARED}{' any more' if self.share else ''}."
            return Verdict(watch=self.watch, outcome=Outcome.DO_NOT_WRITE, because=because, as_of=as_of)
        seen = self.seen
        judged = judge(self.watch, seen.events, seen.metric_points, as_of, setback_days, seen.bands)
        return told_of_shared(judged, self.share)


def told_figures(
    share: Share, events: Sequence[Event], metric_points: Sequence[MetricPoint]
) -> tuple[list[MetricPoint], tuple[BandPoint, ...] | None]:
    """The figures of these events: exact, or the bands that stand for them."""
    points = stated_points(share, events, metric_points)
    if share.granularity is Granularity.EXACT:
        return points, None
    return [], banded(points, is_told=share.granularity is Granularity.BANDS)


def kept_texts(tx: Transaction, share: Share | None, company_id: str) -> Texts:
    """Those that the share needs."""
    if share is None or share.kind.is_whole:
        return NONE_KEPT
    return tx.events.shared_texts(company_id, share.kind, VERSION)


def view_of(tx: Transaction, watch: Watch, as_of: datetime, now: datetime | None = None) -> View:
    """The watch's company through the share of its firm. A share that has ended by `now` shows nothing, whatever the
    moment that is judged."""
    return view_through(tx.shares.get(watch.firm_id, watch.company_id), tx, watch, max(as_of, now or as_of))


def view_through(share: Share | None, tx: Transaction, watch: Watch, at: datetime) -> View:
    """The watch's company through a share, also one that is not given yet."""
    events, points = tx.events.find(watch.company_id), tx.events.metric_points(watch.company_id)
    seen = seen_by(share, events, points, at, kept_texts(tx, share, watch.company_id))
    return View(watch, share, seen, is_open=share is not None and share.holds_at(at))


def as_shared(share: Share | None, events: Iterable[Event], texts: Texts = NONE_KEPT) -> list[Event]:
    """What a share shows of these events; nothing without one. Texts that were not made ahead are made now."""
    if share is None:
        return []
    return [
        _told(event, share.kind, texts[event.id]) if event.id in texts else _shown(event, share)
        for event in events
        if leads(event, share)
    ]


def texts_for(kind: ShareKind, event: Event) -> SharedTexts:
    """What shares of this kind show in place of the event's own words; one that shows the event."""
    share = Share(firm_id="", company_id=event.company_id, created_at=event.occurred_at, **kind._asdict())
    shown = _shown(event, share)
    return SharedTexts(
        title=shown.title,
        description=shown.description,
        impact=shown.impact,
        timeline=shown.timeline,
        stakeholders=shown.stakeholders,
        quotes=[proof.quote for proof in shown.evidence],
        metrics=[place for place, metric in enumerate(event.metrics) if metric in shown.metrics],
    )


def _shown(event: Event, share: Share) -> Event:
    return coarse_event(_cut(event, share), share.granularity, share.firm_id)


def _told(event: Event, kind: ShareKind, texts: SharedTexts) -> Event:
    """The event in these texts."""
    return event.model_copy(
        update={
            "title": texts.title,
            "description": texts.description,
            "impact": texts.impact,
            "timeline": texts.timeline,
            "stakeholders": tuple(texts.stakeholders),
            "metrics": tuple(event.metrics[place] for place in texts.metrics),
            "evidence": tuple(
                proof.model_copy(update={"quote": quote})
                for proof, quote in zip(_covered(event, kind), texts.quotes, strict=True)
            ),
        }
    )


def _covered(event: Event, kind: ShareKind) -> tuple[Evidence, ...]:
    return tuple(proof for proof in event.evidence if kind.covers(source_of(proof.message_id)))


def stated_points(share: Share, events: Sequence[Event], points: Sequence[MetricPoint]) -> list[MetricPoint]:
    """Of these points those that a share shows, exact: of these events, where what is shown of them states them."""
    shown = {event.id: event for event in _whole(share, events)}
    return _stated(share, points, {event.id: event for event in events}, shown)


def has_ended(tx: Transaction, firm_id: str, company_id: str, now: datetime) -> bool:
    """Whether the firm may see nothing of the company as of now: nothing that rests on it may leave the house."""
    share = tx.shares.get(firm_id, company_id)
    return share is None or not share.holds_at(now)


def _whole(share: Share, events: Iterable[Event]) -> list[Event]:
    """What is shown of these events, with its figures."""
    return [_cut(event, share) for event in events if leads(event, share)]


def leads(event: Event, share: Share) -> bool:
    """Whether the share shows the event."""
    is_shared = bool(event.evidence) and share.covers(source_of(event.evidence[0].message_id))
    return is_shared and (share.until is None or event.occurred_at < share.until)


def _cut(event: Event, share: Share) -> Event:
    """The event without the proofs whose source is not shared, and without what nothing shared says."""
    kept = _covered(event, share.kind)
    if len(kept) == len(event.evidence):
        return event
    words_of = _words_for(share.firm_id)
    words = {word for proof in kept for word in words_of(proof.quote)}
    return event.model_copy(
        update={
            "title": event.title if _says(share, kept, words, event.title) else _own_title(event, kept[0]),
            "description": "",
            "impact": "",
            "timeline": "",
            "stakeholders": tuple(name for name in event.stakeholders if words_of(name) <= words),
            "metrics": tuple(metric for metric in event.metrics if _states(share, kept, metric)),
            "evidence": kept,
        }
    )


def _own_title(event: Event, proof: Evidence) -> str:
    """`Enterprise deal: Kestrel Air signed`: the type, where the proof does not begin with it, and the proof itself."""
    label, told = f"{CATALOGUE[event.event_type].label}: ", " ".join(proof.quote.split())
    return (told if told.lower().startswith(label.lower()) else f"{label}{told}")[:TITLE_LIMIT]


def _says(share: Share, proofs: Sequence[Evidence], words: set[str], title: str) -> bool:
    """Whether every figure and every name of a title stands in these proofs."""
    names = {match.group() for match in WORD.finditer(title) if match.group()[0].isupper() and match.start()}
    if not {word for name in names for word in _words_for(share.firm_id)(name)} <= words:
        return False
    figures = {amount.value for proof in proofs for amount in _amounts(share, proof.quote)}
    return all(amount.value in figures for amount in _amounts(share, title))


def _states(share: Share, proofs: Sequence[Evidence], metric: Metric | MetricPoint) -> bool:
    return any(_is(amount, metric) for proof in proofs for amount in _amounts(share, proof.quote))


_amounts_for, _words_for = remembered(find_amounts), remembered(split)


def _amounts(share: Share, text: str) -> Sequence[Amount]:
    return _amounts_for(share.firm_id)(text)


def _is(amount: Amount, metric: Metric | MetricPoint) -> bool:
    return amount.value == metric.value and (amount.bare or amount.unit == metric.unit or bool(amount.shared))


def _stated(
    share: Share, points: Sequence[MetricPoint], whole: dict[UUID, Event], shown: dict[UUID, Event]
) -> list[MetricPoint]:
    """The points of shown events; of one that lost proofs those that the rest states."""
    return [
        point
        for point in points
        if (event := shown.get(point.event_id))
        and (event.evidence == whole[point.event_id].evidence or _states(share, event.evidence, point))
    ]
