"""A page of events is read by index: what the firm may not see is not read and thrown away, however much there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from sago.domain.companies import Share
from sago.domain.events import EventType
from sago.domain.pages import EventsAsked, Place
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.event_pages import newest_events
from sago.stores.postgres.tenants import EVENT, PostgresTenants, PostgresView

NOW = datetime.now(UTC).replace(microsecond=0)
COMPANIES = [f"c{number}" for number in range(20)]
LIMIT = 10
FILLED = """
INSERT INTO significant_events
SELECT gen_random_uuid(), 'c' || n % 20, 'setback', 'Event ' || n, '', '', '[]', '', 'high', '[]',
    jsonb_build_array(jsonb_build_object(
        'message_id', CASE WHEN n % 100 < 20 THEN 'gmail:' ELSE 'slack:' END || n, 'quote', 'q', 'start', 0, 'end', 1)),
    CAST(:now AS timestamptz) - n * interval '1 minute', :now, :now, n % 7 > 0
FROM generate_series(1, 20000) n
"""


@pytest.fixture
def tenants(postgres: PostgresDatabase) -> Iterator[PostgresTenants]:
    """Of twenty companies with 1,000 events each northgate sees all, alder the mails of one, birch nothing."""
    with postgres.begin() as tx:
        tx.companies.ensure_all(COMPANIES, NOW)
        for firm in ("northgate", "alder"):
            tx.shares.ensure_firm(firm, firm.capitalize())
        for company in COMPANIES:
            tx.shares.put(Share(firm_id="northgate", company_id=company, created_at=NOW))
        tx.shares.put(Share(firm_id="alder", company_id="c3", sources=("gmail", "calls"), created_at=NOW))
    superuser = Connections(postgres.connections.settings, role=None)
    with superuser.begin() as connection:
        connection.execute(text(FILLED), {"now": NOW})
        connection.execute(text("ANALYZE"))
    superuser.close()
    made = PostgresTenants(postgres.connections.settings)
    yield made
    made.close()


def plan(view: PostgresView, asked: EventsAsked) -> list[dict[str, Any]]:
    """The nodes of the plan by which the page was found."""
    statement = newest_events(asked, EVENT).compile(dialect=view.connection.dialect)
    explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
    (found,) = view.connection.exec_driver_sql(explained, statement.params).scalar_one()
    return list(_nodes(found["Plan"]))


def read(view: PostgresView, asked: EventsAsked) -> int:
    """How many rows of events the page takes in, those that are thrown away among them."""
    return sum(_taken(node) for node in plan(view, asked) if node.get("Relation Name") == "significant_events")


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _taken(node: dict[str, Any]) -> int:
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(rows * node["Actual Loops"])


def test_a_firm_with_one_source_of_one_company_reads_its_page_and_no_more(tenants: PostgresTenants) -> None:
    with tenants.view("alder") as view:
        assert len(view.events(EventsAsked(limit=LIMIT))) == LIMIT
        assert read(view, EventsAsked(limit=LIMIT)) <= 2 * LIMIT + 2
        deep = Place(NOW - timedelta(days=10), str(UUID(int=0)))
        assert read(view, EventsAsked(limit=LIMIT, after=deep)) <= 2 * LIMIT + 2


def test_a_firm_with_all_companies_reads_the_newest_of_each_and_its_page(tenants: PostgresTenants) -> None:
    with tenants.view("northgate") as view:
        page = view.events(EventsAsked(limit=LIMIT))
        assert len(page) == LIMIT
        assert read(view, EventsAsked(limit=LIMIT)) <= len(COMPANIES) + 2 * LIMIT
        for asked in (EventsAsked(company_id="c3", limit=LIMIT), EventsAsked(until=page[0].occurred_at, limit=LIMIT)):
            assert read(view, asked) <= len(COMPANIES) + 2 * LIMIT


@pytest.mark.parametrize("firm", ["northgate", "alder"])
@pytest.mark.parametrize(
    "asked",
    [
        EventsAsked(limit=LIMIT),
        EventsAsked(limit=LIMIT, after=Place(NOW - timedelta(days=10), str(UUID(int=0)))),
        EventsAsked(limit=LIMIT, company_id="c3"),
        EventsAsked(limit=LIMIT, company_id="c3", after=Place(NOW - timedelta(days=10), str(UUID(int=0)))),
    ],
    ids=["first page", "page after a cursor", "of one company", "of one company after a cursor"],
)
def test_a_page_is_found_by_the_index_of_its_order(tenants: PostgresTenants, firm: str, asked: EventsAsked) -> None:
    with tenants.view(firm) as view:
        assert len(view.events(asked)) == LIMIT
        nodes = plan(view, asked)
    of_events = {
        (node["Node Type"], node.get("Index Name"))
        for node in nodes
        if node.get("Relation Name") == "significant_events"
    }
    assert of_events <= {
        ("Index Only Scan", "significant_events_newest"),
        ("Index Only Scan", "significant_events_newest_of_source"),
        ("Index Scan", "significant_events_pkey"),
    }
    sorted_rows = [_taken(inner) for node in nodes if "Sort" in node["Node Type"] for inner in node["Plans"]]
    assert max(sorted_rows) <= len(COMPANIES) + 2 * LIMIT


@pytest.mark.parametrize("company_id", [None, "c3", "nobody"])
def test_of_what_is_not_shared_nothing_is_read(tenants: PostgresTenants, company_id: str | None) -> None:
    asked = EventsAsked(company_id=company_id, event_types=(EventType.SETBACK,), limit=LIMIT)
    with tenants.view("birch") as view:
        assert (view.events(asked), read(view, asked)) == ([], 0)
    with tenants.view("alder") as view:
        elsewhere = asked._replace(company_id="c4")
        assert (view.events(elsewhere), read(view, elsewhere)) == ([], 0)
