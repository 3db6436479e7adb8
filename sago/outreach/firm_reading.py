"""What a firm reads of companies, events and figures: rows of its view, cut and coarsened by the founder's share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from sago.domain.bands import banded
from sago.domain.companies import Granularity, Share
from sago.domain.contradictions import Contradiction, contradictions
from sago.domain.events import Event, MetricPoint
from sago.domain.pages import EventsAsked
from sago.domain.readings import PointPlace, ReadEvent, Series, SeriesAsked, SharedCompany
from sago.errors import NotThereError
from sago.outreach.backtesting import Folder
from sago.outreach.earlier import as_it_stood
from sago.outreach.sharing import as_shared, stated_points
from sago.ports import Clock, Database, FirmView, Tenants


@dataclass(frozen=True)
class FirmReading:
    """The use case behind the API's companies, events and series. What is not shared with the firm raises
    NotThereError, as what never was."""

    tenants: Tenants
    database: Database
    clock: Clock
    folding: Callable[[str], Folder]
    """Makes what folds one company's observations."""

    def companies(self, firm_id: str, after: str | None, limit: int) -> list[SharedCompany]:
        """Companies whose share holds, by id."""
        with self.tenants.view(firm_id) as view:
            found = view.companies(after, limit)
            shares = self._shares(view, {company.company_id for company in found})
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
            found = view.events(asked)
            shares = self._shares(view, {event.company_id for event in found})
        return [shown for event in found for shown in as_shared(shares.get(event.company_id), [event])]

    def event(self, firm_id: str, event_id: UUID) -> ReadEvent:
        """One event, also by an id it once had, and the events that contradict it."""
        with self.tenants.view(firm_id) as view:
            event, share = self.found(view, event_id)
            against = self._against(view, event, share)
        return ReadEvent(as_shared(share, [event])[0], against)

    def found(self, view: FirmView, event_id: UUID) -> tuple[Event, Share]:
        """An event as it is stored, of which the share, also returned, shows something."""
        event = view.event(event_id)
        if event is None:
            raise NotThereError(str(event_id))
        share = self._share(view, event.company_id)
        if not as_shared(share, [event]):
            raise NotThereError(str(event_id))
        return event, share

    def series(self, firm_id: str, asked: SeriesAsked) -> Series:
        """A page of a company's figures, oldest first."""
        with self.tenants.view(firm_id) as view:
            share = self._share(view, asked.company_id)
            points = self._points(view, share, asked)
            page = list(islice(_shown(view, share, points), asked.limit + 1))
        return _series(share, page, asked.limit)

    def events_as_of(self, firm_id: str, asked: EventsAsked, company_id: str, moment: datetime) -> list[Event]:
        """A page of one company's events as they stood at a moment, newest first; none where nothing is shared."""
        with self.tenants.view(firm_id) as view:
            share = self._shares(view, {company_id}).get(company_id)
        if share is None:
            return []
        with self.database.begin() as tx:
            fold = as_it_stood(tx.events, share, moment, self.folding(company_id))
        found = sorted(fold.events, key=lambda event: (event.occurred_at, event.id), reverse=True)
        return as_shared(share, islice((event for event in found if _is_asked(event, asked)), asked.limit))

    def series_as_of(self, firm_id: str, asked: SeriesAsked, moment: datetime) -> Series:
        """A page of a company's figures as they stood at a moment, oldest first."""
        with self.tenants.view(firm_id) as view:
            share = self._share(view, asked.company_id)
        if share.granularity is Granularity.NONE:
            return Series(share.granularity, (), None)
        with self.database.begin() as tx:
            fold = as_it_stood(tx.events, share, moment, self.folding(asked.company_id))
        points = stated_points(share, fold.events, fold.metric_points)
        wanted = [point for point in sorted(points, key=place_of) if _is_wanted(point, asked)]
        return _series(share, wanted[: asked.limit + 1], asked.limit)

    def _share(self, view: FirmView, company_id: str) -> Share:
        share = self._shares(view, {company_id}).get(company_id)
        if share is None:
            raise NotThereError(company_id)
        return share

    def _shares(self, view: FirmView, company_ids: set[str]) -> dict[str, Share]:
        """Shares of these companies that hold."""
        now = self.clock.now()
        return {share.company_id: share for share in view.shares(company_ids) if share.holds_at(now)}

    def _points(self, view: FirmView, share: Share, asked: SeriesAsked) -> list[MetricPoint]:
        """Points of the company, which is the firm's to see; the view has none where bands stand for them."""
        if share.granularity is Granularity.NONE:
            return []
        if share.granularity is Granularity.EXACT:
            points = view.metric_points(asked.company_id, asked.metric)
        else:
            with self.database.begin() as tx:
                points = tx.events.metric_points(asked.company_id)
        return [point for point in sorted(points, key=place_of) if _is_wanted(point, asked)]

    def _against(self, view: FirmView, event: Event, share: Share) -> Sequence[Contradiction]:
        """What other shown events state otherwise for the same months."""
        if share.granularity is not Granularity.EXACT:
            return ()
        own = [metric.name for metric in event.metrics]
        told = [point for name in dict.fromkeys(own) for point in view.metric_points(event.company_id, name)]
        months = {_month(point) for point in told if point.event_id == event.id}
        near = [point for point in told if _month(point) in months]
        return contradictions(_shown(view, share, near)).get(event.id, ())


STEP = 100
"""Points whose events are looked up at once."""


def place_of(point: MetricPoint) -> PointPlace:
    """Where it stands in its series."""
    return PointPlace(point.as_of, point.metric, point.event_id, point.unit)


def _shown(view: FirmView, share: Share, points: Sequence[MetricPoint]) -> Iterator[MetricPoint]:
    """Those that shown events state in what is shown of them."""
    for start in range(0, len(points), STEP):
        some = points[start : start + STEP]
        events = view.events_named({point.event_id for point in some})
        yield from stated_points(share, events, some)


def _series(share: Share, page: Sequence[MetricPoint], limit: int) -> Series:
    shown = page[:limit]
    last = place_of(shown[-1]) if len(page) > limit else None
    if share.granularity is Granularity.EXACT:
        return Series(share.granularity, shown, last)
    return Series(share.granularity, [band for band in banded(shown) if band.band], last)


def _is_wanted(point: MetricPoint, asked: SeriesAsked) -> bool:
    return (
        asked.metric in (None, point.metric)
        and (asked.since is None or point.as_of >= asked.since)
        and (asked.until is None or point.as_of < asked.until)
        and (asked.after is None or place_of(point) > asked.after)
    )


def _is_asked(event: Event, asked: EventsAsked) -> bool:
    return (
        (not asked.event_types or event.event_type in asked.event_types)
        and (not asked.severities or event.severity in asked.severities)
        and (asked.since is None or event.occurred_at >= asked.since)
        and (asked.until is None or event.occurred_at < asked.until)
        and (asked.after is None or (event.occurred_at, event.id) < (asked.after.at, asked.after.row))
    )


def _month(point: MetricPoint) -> tuple[str, str, str]:
    return point.metric, point.unit, f"{point.as_of:%Y-%m}"
