"""What a firm sees: the row policies of Postgres and the same rules in memory, held against each other and against a
world without the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sago.domain.companies import Granularity, Person, Share
from sago.domain.events import Event, EventType, Evidence, MetricPoint, Severity
from sago.domain.pages import AuditAsked, EventsAsked, LettersAsked
from sago.domain.readings import PointPlace, SeriesAsked
from sago.errors import SagoError
from sago.ports import TOLD_TO_FIRMS, Database, FirmView, Note, Tenants
from sago.sections import PostgresSettings
from sago.stores.memory.database import MemoryDatabase
from sago.stores.memory.tenants import MemoryTenants
from sago.stores.postgres import PostgresDatabase
from sago.stores.postgres.engine import Connections, translated
from sago.stores.postgres.tenants import PostgresTenants, PostgresView
from tests.contracts.conftest import EMPTY
from tests.contracts.tenancy import COMPANIES, World, everything
from tests.contracts.test_outreach import letter, watch

FIRMS = ("northgate", "alder")
SOURCES = ("slack", "gmail", "calls")
NOW = datetime.now(UTC).replace(microsecond=0)
"""Of today: Postgres asks its own clock which share holds."""
DAY = timedelta(days=1)

FIRM, COMPANY = st.sampled_from((*FIRMS, "default")), st.sampled_from(COMPANIES)
WHEN = st.sampled_from([NOW - 2 * DAY, NOW - DAY, NOW, NOW + 2 * DAY])
SHARED = st.lists(st.sampled_from((*SOURCES, "*")), max_size=3).map(tuple)
UNTIL = st.sampled_from([None, NOW + DAY, NOW + 3 * DAY, NOW - DAY])
ACTIONS = st.sampled_from([*(f"{each}.x" for each in TOLD_TO_FIRMS), "connection.x", "person.x", "event.x", "key"])


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Few times and types, so that pages end among events of one time."""
    return [
        Event(
            id=uuid5(NAMESPACE_URL, f"event {number}"),
            company_id=draw(COMPANY),
            event_type=draw(st.sampled_from([EventType.ENTERPRISE_DEAL, EventType.SETBACK])),
            title=f"Event {number}",
            severity=draw(st.sampled_from([Severity.HIGH, Severity.LOW])),
            evidence=tuple(
                Evidence(message_id=f"{source}:{draw(st.integers(0, 3))}", quote="Delta signed", start=0, end=12)
                for source in draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2))
            ),
            occurred_at=draw(WHEN),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Firms with and without shares, over companies whose events come, go and are called anew."""
    before = draw(events())
    kept = [each for each in before if draw(st.booleans())]
    called = [each.model_copy(update={"id": uuid5(each.id, "anew")}) for each in before if draw(st.booleans())]
    shares = draw(st.lists(st.tuples(FIRM, COMPANY), unique=True, max_size=5))
    watches = [
        watch(f"watch {number}", firm_id=draw(FIRM), company_id=draw(COMPANY), created_at=draw(WHEN))
        for number in range(draw(st.integers(0, 3)))
    ]
    letters = [
        letter(f"letter {number}", f"w{number}", firm_id=draw(FIRM), company_id=draw(COMPANY), created_at=draw(WHEN))
        for number in range(draw(st.integers(0, 4)))
    ]
    return World(
        firms=FIRMS,
        shares=[
            Share(
                firm_id=firm,
                company_id=company,
                sources=draw(SHARED),
                granularity=draw(st.sampled_from(Granularity)),
                until=draw(UNTIL),
                created_at=NOW,
            )
            for firm, company in shares
        ],
        before=before,
        events=kept + called,
        points=[_point(each) for each in (*kept, *called) if draw(st.booleans())],
        watches=watches,
        removed=[each.id for each in watches if draw(st.booleans())],
        letters=letters,
        approved=[each.id for each in letters if draw(st.booleans())],
        notes=draw(st.lists(_notes(), max_size=6)),
    )


def _point(event: Event) -> MetricPoint:
    when = {"as_of": event.occurred_at, "said_at": event.occurred_at}
    value = float(event.id.int % 7)
    return MetricPoint(company_id=event.company_id, metric="arr", value=value, unit="USD", event_id=event.id, **when)


def _notes() -> st.SearchStrategy[Note]:
    firm, company = st.one_of(st.none(), FIRM), st.one_of(st.none(), COMPANY)
    sha256 = st.sampled_from(["", "f00d"])
    return st.builds(Note, st.just(NOW), st.just("dana"), ACTIONS, st.just("it"), firm, company, st.just("x"), sha256)


class Houses(NamedTuple):
    """The same world in both databases."""

    postgres: PostgresDatabase
    tenants: PostgresTenants

    def write(self, world: World) -> MemoryTenants:
        superuser = Connections(self.postgres.connections.settings, role=None)
        with superuser.begin() as connection:
            connection.execute(text(EMPTY))
        superuser.close()
        memory = MemoryDatabase()
        for database in (self.postgres, memory):
            world.write(database, NOW)
        return MemoryTenants(memory)


@pytest.fixture(scope="module")
def houses(migrated: PostgresDatabase) -> Iterator[Houses]:
    made = Houses(migrated, PostgresTenants(migrated.connections.settings))
    yield made
    made.tenants.close()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), stray=st.uuids())
def test_postgres_and_memory_show_a_firm_the_same_and_what_it_shows_without_the_other(
    houses: Houses, world: World, stray: UUID
) -> None:
    memory = houses.write(world)
    ids = [*world.ids, stray]
    views = {}
    for firm in (*FIRMS, "default", "nobody"):
        with houses.tenants.view(firm) as real, memory.view(firm) as plain:
            views[firm] = everything(real, ids)
            assert views[firm] == everything(plain, ids), firm
    alone = houses.write(world.without("alder"))
    with houses.tenants.view("northgate") as real, alone.view("northgate") as plain:
        assert everything(real, ids) == views["northgate"] == everything(plain, ids)


def shared(database: Database, **other: Any) -> World:
    """Northgate sees acme by all sources, and has a watch and a letter of it; alder sees birch, and has the same."""
    many = [
        Event(
            id=uuid5(NAMESPACE_URL, f"{company} {source}"),
            company_id=company,
            event_type=EventType.SETBACK,
            title=f"{company} lost a customer",
            severity=Severity.HIGH,
            evidence=(Evidence(message_id=f"{source}:1", quote="They left", start=0, end=9),),
            occurred_at=NOW - DAY,
        )
        for company in COMPANIES
        for source in SOURCES
    ]
    pairs = list(zip(FIRMS, COMPANIES, strict=True))
    world = World(
        firms=FIRMS,
        shares=[Share(firm_id=firm, company_id=company, created_at=NOW) for firm, company in pairs],
        events=many,
        points=[_point(each) for each in many],
        watches=[watch(f"of {firm}", firm_id=firm, company_id=company) for firm, company in pairs],
        letters=[letter(f"to {firm}", firm, firm_id=firm, company_id=company) for firm, company in pairs],
        approved=[letter(f"to {firm}").id for firm in FIRMS],
    )._replace(**other)
    world.write(database, NOW)
    return world


def counts(view: FirmView, company: str) -> list[int]:
    """Rows of each kind that are shown of a company."""
    lines = [line for line in view.audit(AuditAsked()) if line.company_id == company]
    shares = [share for share in view.shares() if share.company_id == company]
    events = view.events(EventsAsked(company_id=company))
    letters = view.letters(LettersAsked(company_id=company))
    points, watches = view.metric_points(SeriesAsked(company)), view.watches(company)
    return [len(each) for each in (shares, events, points, watches, letters, lines)]


def test_a_firm_sees_what_is_shared_with_it_and_its_own(database: Database, tenants: Tenants) -> None:
    shared(database)
    with tenants.view("northgate") as view:
        assert counts(view, "acme") == [1, 3, 3, 1, 1, 1]
        assert counts(view, "birch") == [0, 0, 0, 0, 0, 0]
    with tenants.view("alder") as view:
        assert counts(view, "acme") == [0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("recipient", [None, Person(name="Nell", email="nell@acme.example")])
def test_people_of_a_letter_come_without_their_addresses(
    database: Database, tenants: Tenants, recipient: Person | None
) -> None:
    shared(database)
    sender = Person(name="Dana", email="dana@northgate.example")
    kept = letter("further", "further", firm_id="northgate", company_id="acme", sender=sender, recipient=recipient)
    with database.begin() as tx:
        tx.outreach.add_letter(kept)
        assert tx.outreach.recipient(kept.id) == recipient
        assert tx.outreach.recipient(UUID(int=7)) is None
    shown = kept.model_copy(
        update={"sender": Person(name="Dana"), "recipient": recipient and Person(name=recipient.name)}
    )
    with tenants.view("northgate") as view:
        assert view.letter(kept.id) == shown
        assert shown in view.letters(LettersAsked())


def test_of_a_share_that_is_over_its_own_row_stays_and_the_firms_watch(database: Database, tenants: Tenants) -> None:
    over = Share(firm_id="northgate", company_id="acme", until=NOW - DAY, created_at=NOW - 2 * DAY)
    note = Note(NOW, "dana", "share.revoked", over.name, "northgate", "acme", "we moved on")
    world = shared(database, shares=[over], notes=[note])
    with tenants.view("northgate") as view:
        assert counts(view, "acme") == [1, 0, 0, 1, 0, 1]
        assert [line.action for line in view.audit(AuditAsked())] == ["share.revoked"]
        assert view.company("acme") is None
        assert view.companies() == []
        assert {view.event(each.id) for each in world.events} == {view.letter(each.id) for each in world.letters}


@pytest.mark.parametrize("granularity", [Granularity.BANDS, Granularity.NONE])
def test_figures_are_there_only_where_the_share_is_exact(
    database: Database, tenants: Tenants, granularity: Granularity
) -> None:
    coarse = Share(firm_id="northgate", company_id="acme", granularity=granularity, created_at=NOW)
    shared(database, shares=[coarse])
    with tenants.view("northgate") as view:
        assert counts(view, "acme")[1:3] == [3, 0]


def test_neither_a_founders_address_nor_how_somebody_writes_is_read(database: Database, tenants: Tenants) -> None:
    shared(database)
    with database.begin() as tx:
        company = tx.companies.get("acme")
        assert company is not None
        tx.companies.save(company.model_copy(update={"founder": "Mira Sol", "founder_email": "mira@acme.example"}))
    with tenants.view("northgate") as view:
        seen = view.company("acme")
        assert seen is not None
        assert (seen.founder, seen.founder_email) == ("Mira Sol", None)
        assert "mira@acme.example" not in repr(view.companies())


@pytest.mark.parametrize(
    "firm",
    ["", "*", "%", "default'; RESET ROLE; --", "northgate' OR 'a'='a", "\0northgate", "northgate\0", "NORTHGATE"],
)
def test_a_firm_that_is_none_sees_nothing_however_it_is_called(database: Database, tenants: Tenants, firm: str) -> None:
    world = shared(database)
    with tenants.view(firm) as view:
        assert view.shares() == view.companies() == view.events(EventsAsked()) == view.letters(LettersAsked()) == []
        assert view.watches() == view.audit(AuditAsked()) == []
        assert {view.event(each.id) for each in world.events} == {None}


@pytest.mark.parametrize(
    "word",
    [
        "acme'; RESET ROLE; --",
        "birch\0",
        "' OR true --",
        "%",
        "\ud800",
        "'); SELECT set_config('sago.firm_id', 'alder', false); --",
    ],
)
def test_no_word_of_a_caller_is_more_than_a_word(database: Database, tenants: Tenants, word: str) -> None:
    """Whatever is asked for by such a word is not there, and the next question is the same firm's still."""
    shared(database)
    with tenants.view("northgate") as view:
        assert view.company(word) is None
        place = PointPlace(NOW, word, UUID(int=0), word)
        assert view.metric_points(SeriesAsked(word)) == view.watches(word) == []
        assert view.metric_points(SeriesAsked("acme", word)) == []
        assert view.metric_points(SeriesAsked("acme", word, after=place)) == []
        assert view.events(EventsAsked(company_id=word)) == view.letters(LettersAsked(company_id=word)) == []
        assert view.audit(AuditAsked(action=word)) == view.audit(AuditAsked(subject=word)) == []
        assert isinstance(view.companies(after=word), list)
        assert counts(view, "acme") == [1, 3, 3, 1, 1, 1]
        assert counts(view, "birch") == [0] * 6
    with tenants.view("alder") as view:
        assert counts(view, "birch") == [1, 3, 3, 1, 1, 1]


def test_a_page_after_a_line_of_another_firm_is_as_after_one_that_is_not_there(
    database: Database, tenants: Tenants
) -> None:
    shared(database)
    with tenants.view("alder") as view:
        theirs = view.audit(AuditAsked())[0].id
    with tenants.view("northgate") as view:
        assert view.audit(AuditAsked(after=theirs)) == view.audit(AuditAsked(after=uuid4())) == []


@pytest.fixture
def view(postgres: PostgresDatabase) -> Iterator[PostgresView]:
    """Northgate's, over Postgres alone."""
    shared(postgres)
    tenants = PostgresTenants(postgres.connections.settings)
    with tenants.view("northgate") as opened:
        yield opened
    tenants.close()


def test_a_view_is_of_one_moment_by_a_role_that_row_policies_bind(view: PostgresView) -> None:
    row = view.connection.execute(
        text(
            "SELECT current_user, rolsuper, rolbypassrls, rolcanlogin, current_setting('transaction_read_only'), "
            "current_setting('transaction_isolation') FROM pg_roles WHERE rolname = current_user"
        )
    ).one()
    assert tuple(row) == ("sago_api", False, False, False, "on", "repeatable read")


def test_what_changes_meanwhile_a_view_does_not_see(view: PostgresView, postgres: PostgresDatabase) -> None:
    before = counts(view, "acme")
    with postgres.begin() as tx:
        tx.shares.put(Share(firm_id="northgate", company_id="acme", until=NOW - DAY, created_at=NOW))
    assert counts(view, "acme") == before


def test_without_a_firm_nothing_is_seen(postgres: PostgresDatabase) -> None:
    shared(postgres)
    connections = Connections(postgres.connections.settings, role="sago_api")
    rows = text(
        "SELECT (SELECT count(*) FROM firms) + (SELECT count(*) FROM shares) + (SELECT count(*) FROM companies) "
        "+ (SELECT count(*) FROM significant_events) + (SELECT count(*) FROM metric_points) "
        "+ (SELECT count(*) FROM watches) + (SELECT count(*) FROM outreach) + (SELECT count(*) FROM audit_log)"
    )
    with connections.begin() as connection:
        assert connection.scalar(rows) == 0
    connections.close()


def test_the_next_view_of_a_connection_begins_without_a_firm(postgres: PostgresDatabase) -> None:
    one = postgres.connections.settings.model_copy(update={"pool_size": 1})
    tenants = PostgresTenants(one)
    with tenants.view("northgate") as view:
        first = view.connection.scalar(text("SELECT pg_backend_pid()"))
    with tenants.connections.begin() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == first
        assert connection.scalar(text("SELECT current_firm()")) is None
    tenants.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE watches SET reason = 'mine'", "read-only transaction"),
        ("INSERT INTO firms (id, name) VALUES ('mine', 'Mine')", "read-only transaction"),
        ("SET TRANSACTION READ WRITE", "must be set before any query"),
        ("ALTER TABLE shares NO FORCE ROW LEVEL SECURITY", "read-only transaction"),
        ("SET LOCAL row_security = off; SELECT firm_id FROM shares", "lacks a right"),
        ("SELECT sealed FROM connection_tokens", "lacks a right"),
        ("SELECT secret FROM house_seal", "lacks a right"),
        ("SELECT founder_email FROM companies", "lacks a right"),
        ("SELECT recipient FROM outreach", "lacks a right"),
        ("SELECT sender FROM outreach", "lacks a right"),
    ],
)
def test_an_attempt_to_write_or_to_look_past_the_policies_is_refused(
    view: PostgresView, change: str, said: str
) -> None:
    with pytest.raises(SagoError, match=said), translated(PostgresSettings()):
        view.connection.execute(text(change))
