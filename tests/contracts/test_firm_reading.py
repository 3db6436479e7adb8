"""What a firm reads, over each kind of database: pages that are whole, and ids that tell nothing of other firms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sago.domain.companies import Granularity, Share, ShareKind
from sago.domain.events import Event, EventType, Evidence, Fold, KeptTexts, Metric, MetricPoint, Severity
from sago.domain.messages import source_of
from sago.domain.pages import EventsAsked, Place
from sago.domain.readings import BEGINNING, PointPlace, SeriesAsked, place_of
from sago.errors import NotThereError
from sago.outreach import firm_reading
from sago.outreach.earlier import Earlier
from sago.outreach.firm_reading import FirmReading
from sago.outreach.shared_texts import Coarsening
from sago.outreach.sharing import VERSION, seen_by
from sago.pipeline.folding import Folding
from sago.ports import Database, Tenants
from sago.stores.clock import SystemClock
from sago.stores.memory.clock import ManualClock
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.tenants import MemoryTenants
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.tenants import PostgresTenants

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NEXT = START + timedelta(days=1)
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
            tx.shares.ensure_firm(firm, firm.capitalize())
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
    clock = SystemClock()
    yield World(database, FirmReading(tenants, database, clock, Earlier(database, clock, Folding)))
    tenants.close()


def test_an_event_of_the_moment_in_which_a_share_ends_is_not_shown(world: World) -> None:
    """By the rows of the firm's view no more than by the house."""
    end = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    share = world.share("northgate", "acme", until=end)
    moments = [end + timedelta(milliseconds=late) for late in (-1, 0, 1)]
    last, *later = (event("acme", minute, occurred_at=moment) for minute, moment in enumerate(moments))
    world.put("acme", [last, *later])
    with world.reading.tenants.view("northgate") as view:
        assert [each.id for each in view.events(EventsAsked())] == [last.id]
        assert [view.event(each.id) for each in later] == [None, None]
    assert [each.id for each in seen_by(share, [last, *later], [], START).events] == [last.id]


@pytest.mark.parametrize("apart", [timedelta(seconds=-30), timedelta(seconds=30)])
def test_no_page_ends_early_where_a_share_ends_between_two_clocks(world: World, apart: timedelta) -> None:
    """The database's and ours; it holds by one of them."""
    now = datetime.now(UTC)
    world.share("northgate", "acme", until=now + apart / 2)
    world.share("northgate", "birch")
    world.put("acme", [event("acme", 9)])
    world.put("birch", events := [event("birch", minute) for minute in range(3)])
    ours = replace(world.reading, clock=ManualClock(now + apart))
    found = ours.events("northgate", EventsAsked(limit=3))
    assert [each.id for each in found] == [each.id for each in reversed(events)]
    assert [each.company.company_id for each in ours.companies("northgate", None, 1)] == ["birch"]


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


@pytest.mark.parametrize("granularity", [Granularity.EXACT, Granularity.BANDS])
def test_a_page_looks_at_so_many_figures_and_the_next_goes_on_where_it_ended(
    world: World, granularity: Granularity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firm_reading, "STEP", 2)
    monkeypatch.setattr(firm_reading, "STEPS", 2)
    company, firm = (f"{name}-{uuid4().hex[:8]}" for name in ("company", "firm"))
    world.share(firm, company, sources=("slack",), granularity=granularity)
    events = [event(company, minute, "slack", "gmail") for minute in range(15)]
    shown = [events[minute] for minute in (5, 12, 13, 14)]
    for number, each in enumerate(events):
        if each not in shown:
            lead = each.evidence[0].model_copy(update={"quote": "Great month"})
            events[number] = each.model_copy(update={"evidence": (lead, each.evidence[1])})
    points = [point(each) for each in events]
    world.put(company, events, *points)
    pages, asked = [], SeriesAsked(company, limit=2)
    while len(pages) < 9:
        page = world.reading.series(firm, asked)
        pages.append(([each.event_id for each in page.points], page.skip))
        if page.last is None:
            break
        assert page.last == BEGINNING or page.last.event_id in {each.id for each in shown}, "tells of a hidden one"
        asked = asked._replace(after=page.last, skip=page.skip)
    first, *rest = [each.id for each in shown]
    assert pages == [([], 4), ([first], 2), ([], 6), (rest[:2], 0), (rest[2:], 0)]


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


@given(
    told=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(SOURCES),
            st.sampled_from(("arr", "mrr")),
            st.sampled_from(("USD", "EUR")),
        ),
        max_size=14,
    ),
    limit=st.integers(1, 4),
    metric=st.sampled_from([None, "arr"]),
    since=st.sampled_from([None, 1]),
    until=st.sampled_from([None, 3]),
    sources=st.sampled_from([("*",), ("slack",), ("gmail",)]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_the_view_and_the_house_give_the_points_of_shared_sources_page_by_page(
    world: World,
    told: list[tuple[int, str, str, str]],
    limit: int,
    metric: str | None,
    since: int | None,
    until: int | None,
    sources: tuple[str, ...],
) -> None:
    company, firm = (f"{name}-{uuid4().hex[:8]}" for name in ("company", "firm"))
    share = world.share(firm, company, sources=sources)
    events = [event(company, minute, source) for minute, source, _, _ in told]
    points = [
        point(each).model_copy(update={"metric": name, "unit": unit})
        for each, (_, _, name, unit) in zip(events, told, strict=True)
    ]
    world.put(company, events, *points)
    borders = [START + timedelta(minutes=each) if each is not None else None for each in (since, until)]
    asked = SeriesAsked(company, metric, *borders, limit=limit)
    shown = {each.id for each in events if share.covers(source_of(each.evidence[0].message_id))}
    expected = sorted((each for each in points if each.event_id in shown and asked.wants(each)), key=place_of)

    def of_view(page: SeriesAsked) -> list[MetricPoint]:
        with world.reading.tenants.view(firm) as view:
            return view.metric_points(page)

    def of_house(page: SeriesAsked) -> list[MetricPoint]:
        with world.database.begin() as tx:
            return tx.events.points(page, share.sources)

    for read in (of_view, of_house):
        found = read(asked)
        while len(found) < len(expected) and (page := read(asked._replace(after=place_of(found[-1])))):
            assert len(page) <= limit
            found += page
        assert found == expected
        assert read(asked._replace(after=BEGINNING, skip=2)) == expected[2:][:limit]
        for each in points[:1]:
            assert read(asked._replace(event_id=each.event_id)) == [one for one in expected if one == each]


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


def test_texts_that_were_made_ahead_are_shown_to_whom_they_are_for(world: World) -> None:
    company, other = f"company-{uuid4().hex[:8]}", f"company-{uuid4().hex[:8]}"
    firms = birch, cedar, dogwood, elm = [f"{name}-{uuid4().hex[:8]}" for name in ("birch", "cedar", "dogwood", "elm")]
    whole, mixed, elsewhere = event(company, 1), event(company, 2, "slack", "gmail"), event(other, 3)
    world.share(birch, company, sources=("slack",), granularity=Granularity.BANDS)
    world.share(cedar, company, granularity=Granularity.NONE)
    world.share(dogwood, company)
    world.share(elm, company, sources=("slack",))
    world.put(company, [whole, mixed])
    world.put(other, [elsewhere])
    asked = EventsAsked()
    live = {firm: world.reading.events(firm, asked) for firm in firms}

    coarsening = Coarsening(world.database, world.reading.clock)
    coarsening.make()
    assert coarsening.make() == 0
    assert {firm: world.reading.events(firm, asked) for firm in firms} == live
    with world.database.begin() as tx:
        for place, (_, kind) in enumerate(each for each in tx.shares.kinds(START) if each[0] == company):
            assert tx.events.without_texts(company, kind, VERSION, 9) == []
            made = tx.events.shared_texts(company, kind, VERSION)
            marked = [
                KeptTexts(of, START, texts._replace(title=f"{place}: {texts.title}")) for of, texts in made.items()
            ]
            tx.events.keep_texts(kind, VERSION, marked)
    titles = {firm: [each.title for each in world.reading.events(firm, asked)] for firm in firms}
    assert titles == {
        birch: [f"0: {each.title}" for each in live[birch]],
        cedar: [f"2: {each.title}" for each in live[cedar]],
        dogwood: [mixed.title, whole.title],
        elm: [f"1: {live[elm][0].title}", whole.title],
    }
    with world.reading.tenants.view(birch) as view:
        kept = view.shared_texts([whole.id, elsewhere.id, uuid4()], VERSION)
        assert {event_id: texts.title for event_id, texts in kept.items()} == {whole.id: titles[birch][1]}
        assert view.shared_texts([whole.id], VERSION + 1) == {}


def test_texts_are_made_for_shares_that_need_them_whatever_changed_since(world: World) -> None:
    company = f"company-{uuid4().hex[:8]}"
    first, later = event(company, 1), event(company, 2)
    in_bands, bare = ShareKind(Granularity.BANDS, ("*",)), ShareKind(Granularity.NONE, ("*",))
    coarsening = Coarsening(world.database, world.reading.clock)
    world.put(company, [first])
    firm = f"birch-{uuid4().hex[:8]}"

    def missing(kind: ShareKind) -> list[UUID]:
        coarsening.make()
        with world.database.begin() as tx:
            return [each.id for each, _ in tx.events.without_texts(company, kind, VERSION, 9)]

    world.share(firm, company)
    assert missing(in_bands) == [first.id]
    world.share(firm, company, granularity=Granularity.BANDS, until=START)
    assert missing(in_bands) == [first.id], "its share has ended"
    world.share(firm, company, granularity=Granularity.BANDS)
    assert missing(in_bands) == []
    with world.database.begin() as tx:
        tx.events.replace(company, Fold([first.model_copy(update={"title": "Told otherwise"}), later], []), NEXT)
        assert len(tx.events.without_texts(company, in_bands, VERSION, 9)) == 2
    assert (missing(in_bands), len(missing(bare))) == ([], 2)


def test_texts_are_made_of_however_many_events(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sago.outreach.shared_texts.AT_ONCE", 2)
    company = f"company-{uuid4().hex[:8]}"
    world.put(company, [event(company, minute) for minute in range(5)])
    world.share(f"birch-{uuid4().hex[:8]}", company, granularity=Granularity.NONE)
    Coarsening(world.database, world.reading.clock).make()
    with world.database.begin() as tx:
        assert len(tx.events.shared_texts(company, ShareKind(Granularity.NONE, ("*",)), VERSION)) == 5
