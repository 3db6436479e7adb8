"""What a firm reads, over each kind of database: pages that are whole, and ids that tell nothing of other firms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.domain.companies import Granularity, Share
from sago.domain.events import Event, EventType, Evidence, Fold, Metric, MetricPoint, Severity
from sago.domain.pages import EventsAsked, Place
from sago.domain.readings import PointPlace, SeriesAsked
from sago.errors import NotThereError
from sago.outreach.firm_reading import FirmReading
from sago.outreach.sharing import seen_by
from sago.pipeline.folding import Folding
from sago.ports import Database, Tenants
from sago.stores.clock import SystemClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.tenants import MemoryTenants
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.tenants import PostgresTenants

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOURCES = ("gmail", "slack")


class World(NamedTuple):
    """A database and what firms read of it."""

    database: Database
    reading: FirmReading

    def put(self, company_id: str, events: list[Event], *points: MetricPoint) -> None:
        with self.database.begin() as tx:
            tx.companies.ensure(company_id, START)
            tx.events.replace(company_id, Fold(events, list(points)), START)

    def share(self, firm: str, company_id: str, **fields: object) -> Share:
        share = Share.model_validate({"firm_id": firm, "company_id": company_id, "created_at": START} | fields)
        with self.database.begin() as tx:
            tx.companies.ensure(company_id, START)
            tx.shares.ensure_firm(firm, firm)
            tx.shares.put(share)
        return share


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    tenants: Tenants
    if isinstance(database, MemoryDatabase):
        tenants = MemoryTenants(database)
    else:
        assert isinstance(database, PostgresDatabase)
        tenants = PostgresTenants(database.connections.settings)
    yield World(database, FirmReading(tenants, database, SystemClock(), Folding))
    tenants.close()


def event(company_id: str, minute: int, *sources: str, **fields: object) -> Event:
    proofs = [
        Evidence(message_id=f"{source}:{minute}-{number}", quote=f"ARR is ${minute + 1}.5M", start=0, end=12)
        for number, source in enumerate(sources or ("slack",))
    ]
    known = {
        "id": uuid4(),
        "company_id": company_id,
        "event_type": EventType.REVENUE_MILESTONE,
        "title": f"ARR is ${minute + 1}.5M",
        "severity": Severity.HIGH,
        "metrics": (Metric(name="arr", value=(minute + 1.5) * 1e6, unit="USD"),),
        "evidence": tuple(proofs),
        "occurred_at": START + timedelta(minutes=minute),
    }
    return Event.model_validate(known | fields)


def point(of: Event) -> MetricPoint:
    (metric,) = of.metrics
    when = {"as_of": of.occurred_at, "said_at": of.occurred_at}
    said = {"metric": metric.name, "value": metric.value, "unit": metric.unit}
    return MetricPoint.model_validate({"company_id": of.company_id, "event_id": of.id} | said | when)


@given(
    told=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(SOURCES)), max_size=12),
    limits=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    added=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6), st.sampled_from(SOURCES)), max_size=6),
    sources=st.sampled_from([("*",), ("slack",), ("gmail",), SOURCES]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_paging_gives_each_visible_event_exactly_once_also_while_events_are_added(
    world: World,
    told: list[tuple[int, str]],
    limits: list[int],
    added: list[tuple[int, int, str]],
    sources: tuple[str, ...],
) -> None:
    company, firm = (f"{name}-{uuid4().hex[:8]}" for name in ("company", "firm"))
    share = world.share(firm, company, sources=sources, granularity=Granularity.BANDS)
    events = [event(company, minute, source) for minute, source in told]
    world.put(company, events)
    visible = {each.id for each in seen_by(share, events, [], START).events}
    seen: list[UUID] = []
    after: Place | None = None
    for turn in range(100):
        limit = limits[turn % len(limits)]
        page = world.reading.events(firm, EventsAsked(after=after, limit=limit))
        assert len(page) <= limit
        seen += [each.id for each in page]
        new = [event(company, minute, source) for when, minute, source in added if when == turn]
        if new:
            events += new
            world.put(company, events)
        if len(page) < limit:
            break
        after = Place(page[-1].occurred_at, str(page[-1].id))
    assert len(seen) == len(set(seen))
    assert visible <= set(seen) <= {each.id for each in seen_by(share, events, [], START).events}


@given(
    told=st.lists(st.tuples(st.integers(0, 4), st.sampled_from([*((each,) for each in SOURCES), SOURCES])), max_size=9),
    limit=st.integers(1, 4),
    sources=st.sampled_from([("*",), ("slack",), ("gmail",)]),
    granularity=st.sampled_from(Granularity),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_series_gives_each_figure_of_a_shown_event_once(
    world: World,
    told: list[tuple[int, tuple[str, ...]]],
    limit: int,
    sources: tuple[str, ...],
    granularity: Granularity,
) -> None:
    company, firm = (f"{name}-{uuid4().hex[:8]}" for name in ("company", "firm"))
    share = world.share(firm, company, sources=sources, granularity=granularity)
    events = [event(company, minute, *proofs) for minute, proofs in told]
    points = [point(each) for each in events]
    world.put(company, events, *points)
    found, after = [], None
    for _ in range(20):
        page = world.reading.series(firm, SeriesAsked(company, after=after, limit=limit))
        found += page.points
        after = page.last
        if after is None:
            break
    seen = seen_by(share, events, points, START)
    expected = [*seen.metric_points, *(band for band in seen.bands or () if band.band)]
    assert sorted(found, key=lambda each: each.event_id) == sorted(expected, key=lambda each: each.event_id)
    assert [each.as_of for each in found] == sorted(each.as_of for each in found)


@given(
    mine=st.sampled_from([None, ("slack",), ("gmail",)]),
    ended=st.booleans(),
    lead=st.sampled_from(SOURCES),
    active=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=24)
def test_an_id_of_anothers_is_answered_as_one_that_never_was(
    world: World, mine: tuple[str, ...] | None, ended: bool, lead: str, active: bool
) -> None:
    company, firm, other = (f"{name}-{uuid4().hex[:8]}" for name in ("company", "firm", "other"))
    theirs = event(company, 1, lead)
    world.put(company, [theirs], point(theirs))
    if not active:
        world.put(company, [])
    world.share(other, company)
    if mine:
        world.share(firm, company, sources=mine, until=START if ended else None)
    is_seen = active and not ended and mine == (lead,)
    assert bool(world.reading.events(firm, EventsAsked(company_id=company))) is is_seen
    if is_seen:
        assert world.reading.event(firm, theirs.id).event.id == theirs.id
        return
    with pytest.raises(NotThereError):
        world.reading.event(firm, theirs.id)
    if ended or not mine:
        for asked in (company, "nobody"):
            with pytest.raises(NotThereError):
                world.reading.series(firm, SeriesAsked(asked))
            with pytest.raises(NotThereError):
                world.reading.company(firm, asked)
            assert world.reading.events_as_of(firm, EventsAsked(), asked, START) == []
    else:
        assert world.reading.series(firm, SeriesAsked(company, after=PointPlace(START, "", theirs.id, ""))).points == []


def test_only_the_shares_that_are_asked_for_are_read(world: World) -> None:
    for company in ("acme", "birch", "cedar"):
        world.share("northgate", company)
    world.share("southgate", "acme")
    with world.reading.tenants.view("northgate") as view:
        assert [share.company_id for share in view.shares({"cedar", "acme", "nobody"})] == ["acme", "cedar"]
        assert view.shares(()) == []


def test_events_are_looked_up_by_their_ids_of_now(world: World) -> None:
    events = [event("acme", minute, source) for minute, source in enumerate(("slack", "gmail", "slack"))]
    world.put("acme", events)
    world.share("northgate", "acme", sources=("slack",))
    with world.reading.tenants.view("northgate") as view:
        found = view.events_named({*(each.id for each in events), uuid4()})
        assert {each.id for each in found} == {events[0].id, events[2].id}
        assert view.events_named([]) == []
