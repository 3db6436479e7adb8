"""One suite for the ShareStore port, on memory and on Postgres; and the row policy held against the domain's rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy import func, select, text

from sago.domain.companies import DEFAULT_FIRM, Granularity, Share
from sago.domain.events import Event, EventType, Evidence, Fold, MetricPoint, Severity
from sago.domain.watches import Outcome, Verdict
from sago.errors import PermanentError
from sago.outreach.sharing import seen_by
from sago.outreach.withholding import give
from sago.ports import Database
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.tables import outreach
from tests.contracts.test_outreach import letter, watch

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANY = "scale-flow"


def share(firm: str = "northgate", **other: object) -> Share:
    fields: dict[str, object] = {"firm_id": firm, "company_id": COMPANY, "created_at": NOW}
    return Share.model_validate(fields | other)


def known(database: Database, *firms: str) -> None:
    with database.begin() as tx:
        tx.companies.ensure(COMPANY, NOW)
        for firm in firms:
            tx.shares.ensure_firm(firm, firm.capitalize())


def test_a_company_begins_with_a_share_of_everything_for_the_house(database: Database) -> None:
    with database.begin() as tx:
        tx.companies.ensure(COMPANY, NOW)
        tx.companies.ensure_all([COMPANY, "other"], NOW + timedelta(days=1))
    with database.begin() as tx:
        assert tx.shares.of(COMPANY) == [Share(firm_id=DEFAULT_FIRM, company_id=COMPANY, created_at=NOW)]
        assert tx.shares.get(DEFAULT_FIRM, "other") is not None
        assert tx.shares.get("northgate", COMPANY) is None
        assert tx.shares.of("nobody") == []


def test_a_share_replaces_the_earlier_one_of_its_firm_and_no_other(database: Database) -> None:
    known(database, "northgate", "alder")
    narrow = share(sources=("gmail",), granularity=Granularity.BANDS, until=NOW + timedelta(days=9))
    with database.begin() as tx:
        for each in (share(), share("alder"), narrow):
            tx.shares.put(each)
    with database.begin() as tx:
        assert [each.firm_id for each in tx.shares.of(COMPANY)] == ["alder", "default", "northgate"]
        assert tx.shares.get("northgate", COMPANY) == narrow
        assert tx.shares.get("alder", COMPANY) == share("alder")


def test_an_ended_share_stays_ended_when_the_company_is_met_again(database: Database) -> None:
    known(database)
    ended = share(DEFAULT_FIRM, until=NOW)
    with database.begin() as tx:
        tx.shares.put(ended)
        tx.companies.ensure(COMPANY, NOW + timedelta(days=1))
        assert tx.shares.get(DEFAULT_FIRM, COMPANY) == ended


def test_a_firm_keeps_its_first_name(database: Database) -> None:
    with database.begin() as tx:
        tx.shares.ensure_firm("birch", "Birch Partners")
        tx.shares.ensure_firm("birch", "Somebody else")
    with database.begin() as tx:
        assert tx.shares.firms()["birch"] == "Birch Partners"
        assert DEFAULT_FIRM in tx.shares.firms()


@pytest.mark.parametrize(("firm", "company"), [("nobody", COMPANY), ("northgate", "unheard-of")])
def test_a_share_of_nobody_or_with_nobody_is_refused(database: Database, firm: str, company: str) -> None:
    known(database, "northgate")
    with pytest.raises(PermanentError, match=firm), database.begin() as tx:
        tx.shares.put(share(firm, company_id=company))


def event(number: int, *sources: str) -> Event:
    proofs = [Evidence(message_id=f"{source}:{number}", quote="Delta signed", start=0, end=12) for source in sources]
    return Event(
        id=uuid5(NAMESPACE_URL, f"{number}"),
        company_id=COMPANY,
        event_type=EventType.ENTERPRISE_DEAL,
        title="Delta signed",
        severity=Severity.HIGH,
        evidence=tuple(proofs),
        occurred_at=NOW - timedelta(days=number),
    )


def test_the_row_policy_shows_the_events_that_the_domain_shows(postgres: PostgresDatabase) -> None:
    """Lead source shared or not, other proofs, granularity, ended or not: each combination through both rules."""
    events = [event(1, "slack"), event(2, "gmail", "slack"), event(3, "slack", "gmail"), event(4, "calls")]
    points = [
        MetricPoint(
            company_id=COMPANY, metric="arr", value=2e6, unit="USD", as_of=each.occurred_at,
            said_at=each.occurred_at, event_id=each.id,
        )
        for each in events[:1]
    ]  # fmt: skip
    known(postgres, "northgate")
    now = datetime.now(UTC)
    with postgres.begin() as tx:
        tx.events.replace(COMPANY, Fold(events, points), NOW)
    api = PostgresDatabase(postgres.connections.settings, "sago_api")
    sources = [("*",), ("slack",), ("gmail",), ("slack", "calls"), ()]
    ends = [None, now + timedelta(days=1), now - timedelta(seconds=1)]
    for shared, granularity, until in product(sources, Granularity, ends):
        given = share(sources=shared, granularity=granularity, until=until)
        with postgres.begin() as tx:
            tx.shares.put(given)
        with api.connections.begin() as connection:
            connection.execute(text("SET LOCAL sago.firm_id = 'northgate'"))
            rows = set(connection.scalars(text("SELECT id FROM significant_events")))
            figures = connection.scalar(text("SELECT count(*) FROM metric_points"))
        seen = seen_by(given, events, [], now)
        assert rows == {each.id for each in seen.events}, given
        assert bool(figures) == (granularity is Granularity.EXACT and events[0].id in rows), given
    api.close()


def test_a_firm_reads_letters_only_while_a_share_holds(postgres: PostgresDatabase) -> None:
    """They quote the company."""
    known(postgres, "northgate")
    now = datetime.now(UTC)
    mine = watch("w", company_id=COMPANY, firm_id="northgate")
    with postgres.begin() as tx:
        tx.outreach.add_watch(mine)
        assert tx.outreach.add_letter(letter("a", company_id=COMPANY, firm_id="northgate", watch_id=mine.id))
    api = PostgresDatabase(postgres.connections.settings, "sago_api")
    for until, rows in ((None, 1), (now + timedelta(days=1), 1), (now - timedelta(seconds=1), 0)):
        with postgres.begin() as tx:
            tx.shares.put(share(until=until))
        with api.connections.begin() as connection:
            connection.execute(text("SET LOCAL sago.firm_id = 'northgate'"))
            seen = connection.scalar(select(func.count()).select_from(outreach))
        assert seen == rows, until
    api.close()


@pytest.mark.parametrize(
    ("after", "is_kept"),
    [
        ({}, True),
        ({"sources": ("*",), "until": NOW + timedelta(days=9)}, True),
        ({"sources": ("slack",)}, True),
        ({"sources": ("gmail",)}, False),
        ({"granularity": Granularity.NONE}, False),
        ({"granularity": Granularity.EXACT}, True),
        ({"until": NOW + timedelta(days=1)}, False),
    ],
)
def test_a_narrower_share_takes_the_verdicts_of_the_wider_one(
    database: Database, after: dict[str, object], is_kept: bool
) -> None:
    known(database, "northgate", "alder")
    before: dict[str, object] = {
        "sources": ("slack",), "granularity": Granularity.BANDS, "until": NOW + timedelta(days=9)
    }  # fmt: skip
    watches = [watch(firm, company_id=COMPANY, firm_id=firm) for firm in ("northgate", "alder")]
    with database.begin() as tx:
        give(tx, share(**before), "founder", NOW)
        for each in watches:
            tx.outreach.add_watch(each)
        tx.verdicts.put([Verdict(watch=each, outcome=Outcome.NOW, because="", as_of=NOW) for each in watches])
    with database.begin() as tx:
        give(tx, share(**(before | after)), "founder", NOW)
        assert [tx.verdicts.newest(each.id) is not None for each in watches] == [is_kept, True]
