"""What a firm reads of companies, events and figures: rows of its view, cut and coarsened by the founder's share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple, TypeVar
from uuid import UUID

from sago.domain.bands import banded
from sago.domain.companies import Granularity, Share
from sago.domain.contradictions import AT_ONCE, Contradiction, contradictions
from sago.domain.events import Event, MetricPoint
from sago.domain.pages import EventsAsked
from sago.domain.readings import BEGINNING, PointPlace, ReadEvent, Series, SeriesAsked, SharedCompany, place_of
from sago.errors import NotThereError
from sago.outreach.earlier import Earlier
from sago.outreach.sharing import NONE_KEPT, VERSION, Texts, as_shared, stated_points
from sago.ports import Clock, Database, FirmView, Tenants

Found = TypeVar("Found")


@dataclass(frozen=True)
class FirmReading:
    """The use case behind the API's companies, events and series. What is not shared with the firm raises
    NotThereError, as what never was."""

    tenants: Tenants
    database: Database
    clock: Clock
    earlier: Earlier

    def companies(self, firm_id: str, after: str | None, limit: int) -> list[SharedCompany]:
        """Companies whose share holds, by id."""
        with self.tenants.view(firm_id) as view:
            now = self.clock.now()
            found = view.companies(after, limit, now)
            shares = _shares(view, {company.company_id for company in found}, now)
        return [SharedCompany(each, shares[each.company_id]) for each in found if each.company_id in shares]

    def company(self, firm_id: str, company_id: str) -> SharedCompany:
        """One of these."""
        with self.tenants.view(firm_id) as view:
            found, share = view.company(company_id), self._share(view, company_id)
        if found is None:
            raise NotThereError(company_id)
        return SharedCompany(found, share)

    def events(self, firm_id: str, asked: EventsAsked) -> list[Event]:
        """A page of events of all companies, or of one, newest first."""
        with self.tenants.view(firm_id) as view:
            now = self.clock.now()
            found = view.events(asked, now)
            shares = _shares(view, {event.company_id for event in found}, now)
            texts = _texts(view, shares, found)
        return [shown for event in found for shown in as_shared(shares.get(event.company_id), [event], texts)]

    def event(self, firm_id: str, event_id: UUID) -> ReadEvent:
        """One event, also by an id it once had, and the events that contradict it."""
        with self.tenants.view(firm_id) as view:
            event, share = self.found(view, event_id)
            against = self._against(view, event, share)
        return ReadEvent(event, against)

    def found(self, view: FirmView, event_id: UUID) -> tuple[Event, Share]:
        """An event as the share, also returned, shows it."""
        event = view.event(event_id)
        if event is None:
            raise NotThereError(str(event_id))
        share = self._share(view, event.company_id)
        shown = as_shared(share, [event])
        if not shown:
            raise NotThereError(str(event_id))
        return shown[0], share

    def held(self, firm_id: str, company_id: str) -> Share | None:
        """The company's share, where it holds by now: whoever reads beside the firm's view looks again when all is
        read, and reads anew where it is another."""
        with self.tenants.view(firm_id) as view:
            return _shares(view, {company_id}, self.clock.now()).get(company_id)

    def series(self, firm_id: str, asked: SeriesAsked) -> Series:
        """A page of a company's figures, oldest first."""
        with self.tenants.view(firm_id) as view:
            share = self._share(view, asked.company_id)
            page = self._figures(view, share, asked)
        if share.granularity is Granularity.BANDS and self.held(firm_id, asked.company_id) != share:
            return self.series(firm_id, asked)
        return _series(share, page)

    def events_as_of(self, firm_id: str, asked: EventsAsked, company_id: str, moment: datetime) -> list[Event]:
        """A page of one company's events as they stood at a moment, newest first; none where nothing is shared."""
        return self.settled(firm_id, company_id, lambda share: self._events_then(share, asked, moment))

    def _events_then(self, share: Share | None, asked: EventsAsked, moment: datetime) -> list[Event]:
        if share is None:
            return []
        fold = self.earlier.fold(share, moment)
        found = sorted(fold.events, key=lambda event: (event.occurred_at, event.id), reverse=True)
        shown = (each for event in found if _is_asked(event, asked) for each in as_shared(share, [event]))
        return list(islice(shown, asked.limit))

    def series_as_of(self, firm_id: str, asked: SeriesAsked, moment: datetime) -> Series:
        """A page of a company's figures as they stood at a moment, oldest first."""
        return self.settled(firm_id, asked.company_id, lambda share: self._series_then(share, asked, moment))

    def _series_then(self, share: Share | None, asked: SeriesAsked, moment: datetime) -> Series:
        if share is None:
            raise NotThereError(asked.company_id)
        if share.granularity is Granularity.NONE:
            return Series(share.granularity, (), None)
        fold = self.earlier.fold(share, moment)
        events = {event.id: event for event in fold.events}
        wanted = [point for point in sorted(fold.metric_points, key=place_of) if asked.wants(point)]
        stated = (each for point in wanted for each in stated_points(share, [events[point.event_id]], [point]))
        return _series(share, _page(list(islice(stated, asked.limit + 1)), asked.limit))

    def settled(self, firm_id: str, company_id: str, read: Callable[[Share | None], Found]) -> Found:
        """What is read beside the firm's view of a company whose share, given to `read`, is the same before and
        after."""
        share = self.held(firm_id, company_id)
        found = read(share)
        return found if self.held(firm_id, company_id) == share else self.settled(firm_id, company_id, read)

    def _share(self, view: FirmView, company_id: str) -> Share:
        share = _shares(view, {company_id}, self.clock.now()).get(company_id)
        if share is None:
            raise NotThereError(company_id)
        return share

    def _figures(self, view: FirmView, share: Share, asked: SeriesAsked) -> _Page:
        """Figures that shown events state in what is shown of them. The view has none where bands stand for them.

        Where few are shown a page ends after so many points that were looked at, also an empty one: nobody waits while
        a whole company is read. The next goes on so many after the last one shown: the place itself would tell of a
        figure that is hidden."""
        found: list[MetricPoint] = []
        last, skip, more = asked.after or BEGINNING, asked.skip, asked._replace(limit=STEP)
        for _ in range(STEPS):
            points = self._points(view, share, more)
            if shown := _shown(view, share, points):
                found += shown
                last, skip = place_of(shown[-1]), -1 - points.index(shown[-1])
            skip += len(points)
            if len(found) > asked.limit or len(points) < STEP:
                return _page(found, asked.limit)
            more = more._replace(after=place_of(points[-1]), skip=0)
        return _Page(found, last, skip)

    def _points(self, view: FirmView, share: Share, asked: SeriesAsked) -> list[MetricPoint]:
        """Of events of shared sources, whatever of them is shown."""
        if share.granularity is Granularity.NONE:
            return []
        if share.granularity is Granularity.EXACT:
            return view.metric_points(asked)
        with self.database.begin() as tx:
            return tx.events.points(asked, share.sources)

    def _against(self, view: FirmView, event: Event, share: Share) -> Sequence[Contradiction]:
        """What other shown events state otherwise at the same time."""
        if share.granularity is not Granularity.EXACT:
            return ()
        own = view.metric_points(SeriesAsked(event.company_id, event_id=event.id, limit=STEP))
        near = {place_of(point): point for point in own}
        for metric, since, until in _spans(own):
            beside = view.metric_points(SeriesAsked(event.company_id, metric, since, until, limit=STEP))
            near |= {place_of(point): point for point in beside}
        points = [near[place] for place in sorted(near)]
        return contradictions(_shown(view, share, points)).get(event.id, ())


def _shares(view: FirmView, company_ids: set[str], now: datetime) -> dict[str, Share]:
    """Shares of these companies that hold."""
    return {share.company_id: share for share in view.shares(company_ids) if share.holds_at(now)}


def _texts(view: FirmView, shares: Mapping[str, Share], events: Sequence[Event]) -> Texts:
    """Those that were made when the events changed."""
    less = {company_id for company_id, share in shares.items() if not share.kind.is_whole}
    wanted = [event.id for event in events if event.company_id in less]
    return view.shared_texts(wanted, VERSION) if wanted else NONE_KEPT


STEP = 100
"""Points that are read at once, and those of one metric that are compared with an event's own."""
STEPS = 10
"""Times that a page of figures does so, at most."""


class _Page(NamedTuple):
    points: Sequence[MetricPoint]
    last: PointPlace | None
    skip: int = 0


def _shown(view: FirmView, share: Share, points: Sequence[MetricPoint]) -> list[MetricPoint]:
    """Those that shown events state in what is shown of them."""
    return stated_points(share, view.events_named({point.event_id for point in points}), points)


def _page(found: Sequence[MetricPoint], limit: int) -> _Page:
    """Of points of which one more was looked for."""
    return _Page(found[:limit], place_of(found[limit - 1]) if len(found) > limit else None)


def _series(share: Share, page: _Page) -> Series:
    if share.granularity is Granularity.EXACT:
        return Series(share.granularity, *page)
    return Series(share.granularity, [band for band in banded(page.points) if band.band], page.last, page.skip)


def _is_asked(event: Event, asked: EventsAsked) -> bool:
    return (
        (not asked.event_types or event.event_type in asked.event_types)
        and (not asked.severities or event.severity in asked.severities)
        and (asked.since is None or event.occurred_at >= asked.since)
        and (asked.until is None or event.occurred_at < asked.until)
        and (asked.after is None or (event.occurred_at, event.id) < (asked.after.at, asked.after.row))
    )


def _spans(points: Sequence[MetricPoint]) -> list[tuple[str, datetime, datetime]]:
    """Of each metric the time in which another figure contradicts one of these."""
    times: dict[str, list[datetime]] = {}
    for point in points:
        times.setdefault(point.metric, []).append(point.as_of)
    instant = timedelta(microseconds=1)
    return [(metric, min(when) - AT_ONCE, max(when) + AT_ONCE + instant) for metric, when in times.items()]
