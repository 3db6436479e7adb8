"""The schema as migrations make it: what it holds, who may do what, and what is said where it cannot be made."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import psycopg2
import pytest
from alembic import command
from alembic.config import Config
from psycopg2.extensions import connection as PgConnection  # noqa: N812
from pydantic import SecretStr
from sqlalchemy import inspect, text

from sago.embedded.guard import Guard
from sago.embedded.postgres import remove_data, start_postgres
from sago.embedded.servers import Server
from sago.errors import ConfigError, PermanentError, SagoError, TransientError
from sago.sections import PostgresSettings
from sago.stores.postgres import PostgresDatabase, engine, migrate, schema_level
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.migrate import MIGRATIONS, wipe
from sago.stores.postgres.tables import metadata

pytestmark = pytest.mark.services

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_NUMBERS = count(1)


def connect(settings: PostgresSettings) -> PgConnection:
    """As the login user, each statement for itself."""
    connection = psycopg2.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.password.get_secret_value(),
        dbname=settings.db,
    )
    connection.autocommit = True
    return connection


def run(settings: PostgresSettings, *statements: str) -> list[tuple[object, ...]]:
    """Rows of the last statement, all in one transaction."""
    with closing(connect(settings)) as connection:
        connection.autocommit = False
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
        connection.commit()
    return rows


def new_database(settings: PostgresSettings) -> PostgresSettings:
    name = f"migrations_{next(_NUMBERS)}"
    with closing(connect(settings)) as connection:
        connection.cursor().execute(f"CREATE DATABASE {name}")
    return settings.model_copy(update={"db": name})


def step_to(settings: PostgresSettings, level: str) -> None:
    """Back to an older level, as `alembic downgrade` goes."""
    connections = Connections(settings, role=None)
    with connections.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        connection.execute(text("SET LOCAL ROLE sago_owner"))
        command.downgrade(config, level)
    connections.close()


@pytest.fixture(scope="module")
def server(postgres_server: Server) -> PostgresSettings:
    return PostgresSettings(**postgres_server.settings["postgres"])


@pytest.fixture(scope="module")
def migrated(server: PostgresSettings) -> PostgresSettings:
    settings = new_database(server)
    migrate(settings)
    return settings


@pytest.fixture
def empty(server: PostgresSettings) -> PostgresSettings:
    return new_database(server)


@pytest.fixture
def fresh_cluster(tmp_path: Path, guard: Guard) -> Iterator[PostgresSettings]:
    """A server that has never seen Sago's roles."""
    server = start_postgres(tmp_path / "postgres", durable=False, watch=guard.watch)
    yield PostgresSettings(**server.settings["postgres"])
    server.stop()
    remove_data(tmp_path / "postgres")


def test_migrating_again_changes_nothing(empty: PostgresSettings) -> None:
    assert schema_level(empty).current is None
    migrate(empty)
    level = schema_level(empty)
    assert level.current == level.head
    before = run(empty, "SELECT count(*), max(oid) FROM pg_class")
    migrate(empty)
    assert run(empty, "SELECT count(*), max(oid) FROM pg_class") == before


def test_migrations_at_once_run_one_after_the_other(empty: PostgresSettings) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, [empty] * 3))
    PostgresDatabase(empty).ping()


def test_a_statement_of_a_migration_takes_as_long_as_it_takes(
    migrated: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock is not waited for any longer than by anybody."""
    monkeypatch.setattr(
        engine, "SESSION", engine.SESSION.replace("statement_timeout = '30s'", "statement_timeout = 500")
    )

    def slow(config: Config, _: str) -> None:
        connection = config.attributes["connection"]
        connection.execute(text("SELECT pg_sleep(1)"))
        assert connection.scalar(text("SHOW lock_timeout")) == "10s"

    monkeypatch.setattr(command, "upgrade", slow)
    migrate(migrated)


def test_two_databases_of_a_new_cluster_can_be_migrated_at_once(fresh_cluster: PostgresSettings) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, [new_database(fresh_cluster) for _ in range(3)]))


def test_wiping_leaves_the_schema_and_no_row(empty: PostgresSettings) -> None:
    migrate(empty)
    database = PostgresDatabase(empty)
    with database.begin() as tx:
        tx.companies.ensure("acme", NOW)
    database.close()
    wipe(empty)
    with database.begin() as tx:
        assert tx.companies.all() == []
        assert tx.companies.ensure("acme", NOW).name == "Acme"
    database.close()


def test_the_tables_are_those_the_code_knows(migrated: PostgresSettings) -> None:
    connections = Connections(migrated, role=None)
    with connections.begin() as connection:
        inspector = inspect(connection)
        for table in metadata.tables.values():
            made = {column["name"]: column for column in inspector.get_columns(table.name)}
            known = {column.name: column.type.compile(connection.dialect) for column in table.columns}
            there = {name: column["type"].compile(connection.dialect) for name, column in made.items()}
            assert known.items() <= there.items(), table.name
            must = {name for name, column in made.items() if not column["nullable"] and not column["default"]}
            assert {name for name in must if "identity" not in made[name]} <= known.keys(), table.name
    connections.close()


def test_the_events_table_is_the_one_other_tools_read(migrated: PostgresSettings) -> None:
    columns = run(
        migrated,
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = 'significant_events' ORDER BY ordinal_position",
    )
    jsonb, moment = "jsonb", "timestamp with time zone"
    assert columns == [
        ("id", "uuid"),
        ("company_id", "text"),
        ("event_type", "text"),
        ("title", "text"),
        ("description", "text"),
        ("impact", "text"),
        ("metrics", jsonb),
        ("timeline", "text"),
        ("severity", "text"),
        ("stakeholders", jsonb),
        ("source_messages", jsonb),
        ("occurred_at", moment),
        ("created_at", moment),
        ("updated_at", moment),
        ("is_active", "boolean"),
        ("lead_source", "text"),
    ]
    indexed = run(migrated, "SELECT indexname FROM pg_indexes WHERE tablename = 'significant_events' ORDER BY 1")
    names = ("company_id", "created_at", "event_type", "is_active", "newest", "newest_of_source", "pkey", "severity")
    assert [row[0] for row in indexed] == [f"significant_events_{name}" for name in names]


def test_work_is_done_as_a_role_that_row_security_binds(migrated: PostgresSettings) -> None:
    connections = Connections(migrated)
    query = "SELECT current_user, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = current_user"
    with connections.begin() as connection:
        assert tuple(connection.execute(text(query)).one()) == ("sago_worker", False, False, False)
    connections.close()


@pytest.fixture
def two_firms(server: PostgresSettings) -> PostgresSettings:
    """Firm a sees acme's chat exactly, firm b acme's mail without figures, firm c saw acme until yesterday."""
    settings = new_database(server)
    migrate(settings)
    event = (
        "INSERT INTO significant_events SELECT md5('{0}')::uuid, 'acme', 'funding', 'Title {0}', '', '', '[]', '', "
        '\'high\', \'[]\', \'[{{"message_id": "{0}:1"}}, {{"message_id": "slack:2"}}]\', now(), now(), now(), true'
    )
    run(
        settings,
        "INSERT INTO firms (id, name) VALUES ('a', 'A'), ('b', 'B'), ('c', 'C')",
        "INSERT INTO companies SELECT id, id, NULL, 'CEO', NULL, 'offline', now() "
        "FROM (VALUES ('acme'), ('other')) c (id)",
        "INSERT INTO shares VALUES ('a', 'acme', '{slack}', 'exact', NULL, now()), "
        "('b', 'acme', '{gmail}', 'bands', now() + interval '1 day', now()), "
        "('c', 'acme', '{*}', 'exact', now() - interval '1 day', now())",
        event.format("slack"),
        event.format("gmail"),
        "INSERT INTO metric_points (company_id, metric, value, unit, as_of, said_at, event_id) "
        "SELECT company_id, 'arr', 2, 'USD', now(), now(), id FROM significant_events",
        "INSERT INTO event_aliases SELECT md5(id::text)::uuid, id, company_id, now() FROM significant_events",
        "INSERT INTO watches SELECT md5(id)::uuid, id, 'acme', NULL, NULL, '', '[]', 'to_investor', now(), true "
        "FROM firms",
        "INSERT INTO outreach SELECT md5(id)::uuid, id, md5(id)::uuid, 'acme', '2026-03', 'draft', '{}', NULL, '{}', "
        "'{}', 'offline', now(), now() FROM firms",
        "INSERT INTO api_keys SELECT md5(id)::uuid, id, id, '', 'key', now(), NULL, NULL FROM firms",
    )
    return settings


def as_firm(settings: PostgresSettings, firm: str | None, *statements: str) -> list[tuple[object, ...]]:
    """What the API sees while it serves a firm's request."""
    says = [f"SET LOCAL sago.firm_id = '{firm}'"] if firm else []
    return run(settings, "SET LOCAL ROLE sago_api", *says, *statements)


@pytest.mark.parametrize(
    "query", ["SELECT firm_id FROM watches", "SELECT firm_id FROM outreach", "SELECT firm_id FROM shares"]
)
def test_the_api_sees_only_its_firms_rows(two_firms: PostgresSettings, query: str) -> None:
    assert as_firm(two_firms, "a", query) == [("a",)]
    assert as_firm(two_firms, None, query) == []


def test_the_api_sees_what_is_shared_and_no_more(two_firms: PostgresSettings) -> None:
    counts = (
        "SELECT (SELECT count(*) FROM firms), (SELECT count(*) FROM companies), "
        "(SELECT count(*) FROM significant_events), (SELECT count(*) FROM event_aliases), "
        "(SELECT count(*) FROM metric_points)"
    )
    seen = {firm: as_firm(two_firms, firm, counts) for firm in ("a", "b", "c", "default", None)}
    nothing = (1, 0, 0, 0, 0)
    assert (seen["a"], seen["b"]) == ([(1, 1, 1, 1, 1)], [(1, 1, 1, 1, 0)])
    assert (seen["c"], seen["default"], seen[None]) == ([nothing], [nothing], [(0, 0, 0, 0, 0)])
    assert as_firm(two_firms, "a", "SELECT title FROM significant_events") == [("Title slack",)]
    assert as_firm(two_firms, "b", "SELECT title FROM significant_events") == [("Title gmail",)]


def test_a_letter_of_a_company_whose_share_is_over_is_not_there(two_firms: PostgresSettings) -> None:
    assert as_firm(two_firms, "c", "SELECT firm_id FROM outreach") == []
    assert as_firm(two_firms, "c", "SELECT firm_id FROM watches") == [("c",)]


CHANGES = (
    "UPDATE watches SET reason = 'mine'",
    "UPDATE watches SET reason = 'mine' WHERE firm_id = 'b'",
    "UPDATE shares SET until = NULL",
    "UPDATE shares SET sources = '{*}'",
    "DELETE FROM outreach",
    "INSERT INTO firms (id, name) VALUES ('d', 'D')",
    "INSERT INTO audit_log (at, who, action, subject, firm_id, detail) VALUES (now(), 'x', 'x', 'x', 'a', '{}')",
)


@pytest.mark.parametrize("change", CHANGES)
def test_the_api_writes_nothing(two_firms: PostgresSettings, change: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        as_firm(two_firms, "a", change)


def test_the_api_reads_these_tables_and_no_other_and_does_nothing_else(migrated: PostgresSettings) -> None:
    """A table that a later migration adds is closed, until somebody writes down here that it is not."""
    granted = run(
        migrated,
        "SELECT DISTINCT c.relname, has_any_column_privilege('sago_api', c.oid, 'SELECT'), c.relforcerowsecurity, "
        "has_any_column_privilege('sago_api', c.oid, 'INSERT, UPDATE') "
        "OR has_table_privilege('sago_api', c.oid, 'DELETE, TRUNCATE, REFERENCES, TRIGGER') "
        "FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'",
    )
    bound = {table for table, reads, is_forced, _ in granted if reads and is_forced}
    assert {table for table, reads, _, _ in granted if reads} == bound
    assert not {table for table, _, _, changes in granted if changes}
    assert bound == {
        "audit_log", "companies", "event_aliases", "firms", "metric_points", "outreach", "shared_texts", "shares",
        "significant_events", "task_runs", "watches",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "SELECT founder_email FROM companies",
        "SELECT voice FROM watches",
        "SELECT key_sha256 FROM api_keys",
        "SELECT sealed FROM connection_tokens",
        "SELECT idempotency_key FROM task_runs",
    ],
)
def test_the_api_reads_no_address_of_a_founder_and_no_secret(migrated: PostgresSettings, query: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(migrated, "SET LOCAL ROLE sago_api", query)


@pytest.mark.parametrize("action", ["connection.made", "person.merged", "event.rejected", "letters", ""])
def test_the_log_tells_a_firm_nothing_of_what_the_house_does(two_firms: PostgresSettings, action: str) -> None:
    add = "INSERT INTO audit_log (at, who, action, subject, firm_id, company_id, detail) VALUES "
    lines = [f"(now(), 'x', '{each}', 's', 'a', 'acme', '{{}}')" for each in (action, "share.granted")]
    run(two_firms, add + ", ".join(lines))
    assert as_firm(two_firms, "a", "SELECT action FROM audit_log") == [("share.granted",)]
    assert as_firm(two_firms, "b", "SELECT action FROM audit_log") == []


@pytest.mark.parametrize("role", ["sago_worker", "sago_owner", "postgres"])
@pytest.mark.parametrize(
    "change", ["UPDATE audit_log SET who = 'nobody'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_the_audit_log_only_grows(migrated: PostgresSettings, role: str, change: str) -> None:
    add = "INSERT INTO audit_log (at, who, action, subject, detail) VALUES (now(), 'dana', 'x', 'y', '{}')"
    run(migrated, "SET LOCAL ROLE sago_worker", add)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(migrated, f"SET LOCAL ROLE {role}", change)


@pytest.mark.parametrize("change", ["UPDATE rejections SET because = 'nothing'", "DELETE FROM rejections"])
def test_a_worker_changes_and_deletes_no_rejection(migrated: PostgresSettings, change: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(migrated, "SET LOCAL ROLE sago_worker", change)


def test_a_rejection_is_taken_back_with_a_name_a_time_and_a_reason_or_not_at_all(migrated: PostgresSettings) -> None:
    add = "INSERT INTO rejections VALUES ('acme', gen_random_uuid(), 'dana', 'a joke', now())"
    with pytest.raises(psycopg2.errors.CheckViolation):
        run(migrated, "SET LOCAL ROLE sago_worker", add, "UPDATE rejections SET restored_at = now()")


def test_rejections_said_before_they_were_kept_stand_and_going_back_keeps_those_in_force(
    empty: PostgresSettings,
) -> None:
    migrate(empty)
    step_to(empty, "0010")
    run(empty, "INSERT INTO rejections SELECT 'acme', md5('a')::uuid, who, 'a joke', now() "
               "FROM (VALUES ('ana'), ('dana')) said (who)")  # fmt: skip
    migrate(empty)
    assert run(empty, "SELECT rejected_by, restored_at FROM rejections ORDER BY 1") == [("ana", None), ("dana", None)]
    run(empty, "UPDATE rejections SET restored_by = 'kim', restored_at = now(), restored_because = 'no' "
               "WHERE rejected_by = 'ana'")  # fmt: skip
    step_to(empty, "0010")
    assert run(empty, "SELECT rejected_by FROM rejections") == [("dana",)]
    assert run(empty, "SET LOCAL ROLE sago_worker", "DELETE FROM rejections RETURNING because") == [("a joke",)]
    migrate(empty)


def test_a_user_who_may_create_roles_and_owns_the_database_can_migrate(fresh_cluster: PostgresSettings) -> None:
    settings = new_database(fresh_cluster)
    run(fresh_cluster, "CREATE ROLE builder LOGIN CREATEROLE PASSWORD 'b'")
    run(fresh_cluster, f"ALTER DATABASE {settings.db} OWNER TO builder")
    builder = settings.model_copy(update={"user": "builder", "password": SecretStr("b")})
    migrate(builder)
    database = PostgresDatabase(builder)
    with database.begin() as tx:
        tx.companies.ensure("acme", NOW)
    database.close()
    migrate(builder)


def test_a_user_without_rights_is_told_what_to_do(server: PostgresSettings, migrated: PostgresSettings) -> None:
    run(server, "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'g'")
    guest = migrated.model_copy(update={"user": "guest", "password": SecretStr("g")})
    with pytest.raises(ConfigError, match="user guest may not set up Sago's roles: as a superuser run"):
        migrate(guest)
    with pytest.raises(ConfigError, match="user guest lacks a right"):
        PostgresDatabase(guest).ping()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (
            {"password": SecretStr("hunter2")},
            ConfigError,
            "refuses user postgres: check POSTGRES_USER and POSTGRES_PASS",
        ),
        ({"user": "nobody_here"}, ConfigError, "refuses user nobody_here"),
        ({"db": "nowhere"}, ConfigError, "has no database nowhere: create it"),
        ({"host": "postgres.invalid"}, ConfigError, "no such host: check POSTGRES_HOST"),
        ({"port": 1}, TransientError, "does not answer"),
    ],
    ids=["password", "user", "database", "host", "port"],
)
def test_a_refused_connection_says_why_in_one_line(
    migrated: PostgresSettings, change: dict[str, object], kind: type[SagoError], words: str
) -> None:
    database = PostgresDatabase(migrated.model_copy(update=change))
    with pytest.raises(kind, match=words) as raised:
        database.ping()
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_missing_schema_is_named(empty: PostgresSettings) -> None:
    database = PostgresDatabase(empty)
    with pytest.raises(ConfigError, match="run `sago migrate`"):
        database.ping()
    with pytest.raises(ConfigError, match="run `sago migrate`"), database.begin() as tx:
        tx.batches.counts()
    database.close()


def test_a_lock_not_given_in_time_may_be_tried_again(migrated: PostgresSettings) -> None:
    database = PostgresDatabase(migrated)
    connections = Connections(migrated)
    waiting = text("SET LOCAL lock_timeout = '20ms'"), text("SELECT pg_advisory_xact_lock(1)")

    def wait() -> None:
        with connections.begin() as connection:
            for statement in waiting:
                connection.execute(statement)

    with database.connections.begin() as holder:
        holder.execute(waiting[1])
        with pytest.raises(TransientError, match="lock timeout"):
            wait()
    wait()
    database.close()
    connections.close()


def test_an_error_never_quotes_what_was_to_be_written(migrated: PostgresSettings) -> None:
    connections = Connections(migrated)
    insert = text("INSERT INTO batches (id, company_id, state, run, claimed_at) VALUES (:id, :id, :id, :id, now())")
    with pytest.raises(PermanentError) as raised, connections.begin() as connection:
        connection.execute(insert, {"id": "a founder's secret"})
    assert "check constraint" in str(raised.value)
    assert "secret" not in "".join(traceback.format_exception(raised.value))
    connections.close()


FORKED = """
import os, sys
from sqlalchemy import text
from sago.sections import PostgresSettings
from sago.stores.postgres.engine import Connections

connections = Connections(PostgresSettings.model_validate_json(sys.stdin.read()))

def backend():
    with connections.begin() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

before = backend()
child = os.fork()
if child == 0:
    os._exit(0 if backend() != before else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(status or (0 if backend() == before else 2))
"""


def test_a_forked_process_opens_connections_of_its_own(migrated: PostgresSettings) -> None:
    settings = migrated.model_dump_json().replace("**********", migrated.password.get_secret_value())
    done = subprocess.run([sys.executable, "-c", FORKED], input=settings, text=True, check=False, timeout=120)
    assert done.returncode == 0


FILLED = """
INSERT INTO companies (company_id, name, founder_title, created_at, model_policy)
    VALUES ('acme', 'Acme', 'CEO', now(), 'offline');
INSERT INTO watches (id, firm_id, company_id, direction, conditions, is_active, created_at, reason)
    VALUES ('00000000-0000-0000-0000-000000000001', 'default', 'acme', 'to_founder', '[]', true, now(), '')"""
LETTER_ROW = """
INSERT INTO outreach (id, firm_id, watch_id, company_id, "window", state, sender, draft, event_ids, composed_by,
                      created_at, updated_at)
    VALUES ('00000000-0000-0000-0000-00000000000{0}', 'default', '00000000-0000-0000-0000-000000000001', 'acme', 'w{0}',
            '{1}', '{{"name": "x"}}', '{{"subject": "s", "body": "b"}}', '{{}}', 'offline', now(), now())"""
STATES = "SELECT state FROM outreach ORDER BY id"


def test_approvals_of_before_keep_their_time_and_their_name(empty: PostgresSettings) -> None:
    migrate(empty)
    step_to(empty, "0011")
    approved = """
    INSERT INTO audit_log (at, who, action, subject, firm_id, company_id, detail)
        SELECT at, who, 'letter.approved', '00000000-0000-0000-0000-000000000002', 'default', 'acme', '{}'
        FROM (VALUES ('2026-03-01 09:00Z'::timestamptz, 'ana'), ('2026-03-02 09:00Z', 'kim')) a (at, who)"""
    run(
        empty, FILLED, *(LETTER_ROW.format(n, s) for n, s in ((2, "approved"), (3, "approved"), (4, "draft"))), approved
    )
    migrate(empty)
    rows = run(empty, "SELECT approved_at, approved_by FROM outreach ORDER BY id")
    assert rows == [(NOW, "kim"), (None, None), (None, None)]


def test_a_letter_that_may_have_arrived_is_unknown_to_the_level_before(empty: PostgresSettings) -> None:
    migrate(empty)
    mail = """
    INSERT INTO mails (id, kind, ref, firm_id, recipient, state, attempts, token, next_attempt_at, created_at)
        VALUES (gen_random_uuid(), 'letter', '00000000-0000-0000-0000-00000000000{0}', 'default', '{{}}', '{1}', 1, 1,
                now(), now())"""
    held = enumerate(("sending", "unknown", "claimed", "queued"), start=2)
    rows = [each.format(n, s) for n, state in held for each, s in ((LETTER_ROW, "queued"), (mail, state))]
    run(empty, FILLED, *rows)
    step_to(empty, "0011")
    assert [state for (state,) in run(empty, STATES)] == ["unknown", "unknown", "approved", "approved"]


RIGHTS = (
    "SELECT table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type) "
    "FROM information_schema.table_privileges WHERE grantee = 'sago_api' GROUP BY table_name ORDER BY table_name"
)
POLICIES = "SELECT tablename, policyname, cmd, qual FROM pg_policies WHERE 'sago_api' = ANY (roles) ORDER BY 1, 2"


def test_a_house_of_before_is_closed_and_going_back_opens_what_was_open(empty: PostgresSettings) -> None:
    migrate(empty)
    step_to(empty, "0013")
    before = run(empty, RIGHTS), run(empty, POLICIES)
    run(
        empty,
        FILLED,
        "INSERT INTO significant_events SELECT md5('1')::uuid, 'acme', 'funding', 'Title', '', '', '[]', '', 'high', "
        '\'[]\', \'[{"message_id": "gmail:1"}, {"message_id": "slack:2"}]\', now(), now(), now(), true',
        "INSERT INTO audit_log (at, who, action, subject, firm_id, detail) "
        "SELECT now(), 'dana', 'share.granted', 'default/acme', 'default', '{}' FROM generate_series(1, 3)",
    )
    migrate(empty)
    assert run(empty, "SELECT lead_source FROM significant_events") == [("gmail",)]
    assert run(empty, "SELECT count(DISTINCT line) FROM audit_log") == [(3,)]
    assert run(empty, RIGHTS) == []
    step_to(empty, "0013")
    assert (run(empty, RIGHTS), run(empty, POLICIES)) == before
