"""`GET /api/v1/events` over many events in a real Postgres: how long a page takes, and its plan.

    python -m bench.events_page [--events 1000000] [--requests 200] [--plans FILE]

Starts Postgres, Redis and a broker under a temporary folder, and the API as a process of its own; one client asks for
50 events, page after page, and for the same pages again: no two events have the same words. What shares show in
their place is kept, as the house does when an event changes: for the chat as it would be made, in bands the events' own
words, for what they say takes no time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import httpx2
import psycopg2
from sqlalchemy import text

from sago.bootstrap import Container, build, migrate
from sago.config import Settings
from sago.domain.companies import Granularity, Share
from sago.domain.events import EventType, Severity
from sago.domain.pages import EventsAsked, Place
from sago.embedded.kafka import start_kafka
from sago.embedded.places import listens
from sago.embedded.postgres import start_postgres
from sago.embedded.redis import start_redis
from sago.embedded.servers import Server, free_port
from sago.outreach.sharing import VERSION
from sago.sections import KafkaSettings, PostgresSettings, RedisSettings
from sago.stores.postgres.engine import Connections
from sago.stores.postgres.event_pages import newest_events
from sago.stores.postgres.tenants import EVENT

COMPANIES = 1_000
NOW = datetime.now(UTC)
PROJECT = Path(__file__).resolve().parent.parent
TOPICS = ["slack-messages", "gmail-messages"]
FIRMS = {"few": 5, "many": 500}
"""How many companies each sees."""
SHARES: dict[str, tuple[Granularity, tuple[str, ...]]] = {
    "exact": (Granularity.EXACT, ("*",)),
    "chat": (Granularity.EXACT, ("slack",)),
    "bands": (Granularity.BANDS, ("*",)),
}
FILTERS: dict[str, dict[str, str | list[str]]] = {
    "": {},
    "type, severity": {"type": ["funding", "setback"], "severity": "high"},
    "company, time": {"company_id": "company-3", "since": f"{NOW - timedelta(days=200):%Y-%m-%dT%H:%M:%SZ}"},
}
LOAD = """
INSERT INTO significant_events (id, company_id, event_type, title, description, impact, metrics, timeline, severity,
    stakeholders, source_messages, occurred_at, created_at, updated_at, is_active)
SELECT gen_random_uuid(), 'company-' || n % :companies, (CAST(:types AS text[]))[1 + abs(hashint4(n) % 14)],
    format('Customer %s signed for $%sk a year, %s seats', n, 20 + n % 900, 10 + n % 377),
    format('%s moves from a pilot with %s people to a yearly contract worth $%sk.', n, 3 + n % 41, 20 + n % 900),
    format('ARR grows by %s%% to $%sM.', 2 + n % 31, 1 + n % 17),
    jsonb_build_array(jsonb_build_object('name', 'contract_value', 'value', 1000 * (20 + n % 900), 'unit', 'USD')),
    format(E'2026-03-02: Customer %s signed for $%sk a year\\n2026-03-05: countersigned, %s seats', n, 20 + n % 900,
        10 + n % 377),
    (CAST(:severities AS text[]))[1 + abs(hashint4(-n) % 3)],
    jsonb_build_array(format('Customer %s', n)),
    jsonb_build_array(
        jsonb_build_object('message_id', format('%s:%s', source, n), 'start', 0, 'end', 64, 'quote',
            format('Customer %s is in! $%sk a year, and %s seats to begin with', n, 20 + n % 900, 10 + n % 377)),
        jsonb_build_object('message_id', format('gmail:%s', n), 'start', 5, 'end', 70,
            'quote', format('please find the countersigned order of customer %s over $%sk', n, 20 + n % 900))),
    CAST(:now AS timestamptz) - n * interval '30 seconds', now(), now(), n % 50 <> 0
FROM (SELECT n, CASE WHEN n / 3 % 2 = 0 THEN 'slack' ELSE 'gmail' END AS source
      FROM generate_series(CAST(:first AS int), :last) n) one
"""

IN_BANDS = """
INSERT INTO shared_texts (event_id, granularity, sources, version, made_of, texts)
SELECT id, 'bands', '{*}', :version, updated_at, jsonb_build_object('title', title, 'description', description,
    'impact', impact, 'timeline', timeline, 'stakeholders', stakeholders, 'metrics', CAST('[]' AS jsonb),
    'quotes', jsonb_build_array(source_messages#>'{0,quote}', source_messages#>'{1,quote}'))
FROM significant_events
"""
OF_CHAT = """
INSERT INTO shared_texts (event_id, granularity, sources, version, made_of, texts)
SELECT id, 'exact', '{slack}', :version, updated_at, jsonb_build_object('title', title, 'description', '',
    'impact', '', 'timeline', '', 'stakeholders', stakeholders, 'metrics', CAST('[0]' AS jsonb),
    'quotes', jsonb_build_array(source_messages#>'{0,quote}'))
FROM significant_events WHERE lead_source = 'slack'
"""


def fill(container: Container, events: int) -> None:
    """Companies, firms that see some of them, and events."""
    with container.database.begin() as tx:
        tx.companies.ensure_all([f"company-{number}" for number in range(COMPANIES)], NOW)
        for size, count in FIRMS.items():
            for kind, (granularity, sources) in SHARES.items():
                firm = f"{size}-{kind}"
                tx.shares.ensure_firm(firm, firm)
                for number in range(0, COMPANIES, COMPANIES // count):
                    company = f"company-{(number + 3) % COMPANIES}"
                    share = Share(
                        firm_id=firm, company_id=company, sources=sources, granularity=granularity, created_at=NOW
                    )
                    tx.shares.put(share)
    superuser = Connections(container.settings.postgres, role=None)
    known = {"companies": COMPANIES, "types": list(EventType), "severities": list(Severity), "now": NOW}
    for first in range(1, events, 100_000):
        with superuser.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(LOAD), known | {"first": first, "last": min(first + 99_999, events)})
        sys.stderr.write(f"{min(first + 99_999, events):,} events\r")
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        for shared in (IN_BANDS, OF_CHAT):
            connection.execute(text(shared), {"version": VERSION})
    superuser.close()
    _vacuum(container.settings.postgres)


def _vacuum(settings: PostgresSettings) -> None:
    """As Postgres does by itself after a while."""
    login = {"host": settings.host, "port": settings.port, "user": settings.user, "dbname": settings.db}
    with closing(psycopg2.connect(**login, password=settings.password.get_secret_value())) as connection:
        connection.autocommit = True
        connection.cursor().execute("VACUUM (ANALYZE)")


@contextmanager
def api(settings: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The API as a process, as its Procfile starts it; its address."""
    port = free_port()
    environment = {**os.environ, **settings, "SAGO_API__PORT": str(port), "SAGO_LOGGING__LEVEL": "WARNING"}
    command = [sys.executable, "-m", "uvicorn", "--factory", "sago.api.app:create_app", "--no-access-log"]
    with (folder / "api.log").open("wb") as log:
        child = subprocess.Popen([*command, "--port", str(port)], env=environment, cwd=PROJECT, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        while not listens(address):
            if child.poll() is not None:
                raise SystemExit((folder / "api.log").read_text())
            time.sleep(0.2)
        yield address
    finally:
        child.terminate()
        child.wait()


def pages(client: httpx2.Client, key: str, asked: Mapping[str, str | list[str]], count: int) -> list[float]:
    """Milliseconds of each of so many pages, one after the other; from the first again where there is no next."""
    took, cursor = [], None
    for _ in range(count):
        query = {"limit": 50, **asked} | ({"cursor": cursor} if cursor else {})
        began = time.perf_counter()
        answer = client.get("/api/v1/events", params=query, headers={"Authorization": f"Bearer {key}"})
        took.append(1000 * (time.perf_counter() - began))
        answer.raise_for_status()
        cursor = answer.json()["next"]
    return took


def plan(container: Container, firm: str, asked: EventsAsked) -> str:
    """How Postgres finds this page for a firm."""
    with container.tenants.view(firm) as view:
        statement = newest_events(asked, EVENT)
        connection = view.connection  # type: ignore[attr-defined]
        compiled = statement.compile(connection.engine)
        rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {compiled}", compiled.params)
        return "\n".join(row[0] for row in rows)


def measure(container: Container, address: str, requests: int) -> None:
    with httpx2.Client(base_url=address, timeout=60) as client:
        for firm in [f"{size}-{kind}" for size in FIRMS for kind in SHARES]:
            key, _ = container.keyring.issue("bench", ["read"], firm, "bench")
            pages(client, key, {}, 3)
            for name, asked in FILTERS.items():
                first, again = (quantiles(pages(client, key, asked, requests), n=100) for _ in range(2))
                told = "  ".join(f"p50 {cuts[49]:6.1f}, p95 {cuts[94]:6.1f} ms" for cuts in (first, again))
                sys.stdout.write(f"{firm:>10}  {name:15} {told}\n")
                sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description="Pages of events out of many.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--plans", type=Path, help="Write the plans there.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        servers: list[Server] = [
            start_postgres(folder / "postgres", durable=False),
            start_redis(folder / "redis"),
            start_kafka(folder / "kafka", [*TOPICS, *(f"{topic}.dlq" for topic in TOPICS), "unparsed.dlq"], 1),
        ]
        for server in servers:
            stack.callback(server.stop)
        settings, environment = _settings(servers)
        migrate(settings)
        container = build(settings)
        stack.callback(container.close)
        fill(container, asked.events)
        if asked.plans:
            middle = Place(NOW - timedelta(days=30), "00000000-0000-0000-0000-000000000000")
            questions = {"first": EventsAsked(), "later": EventsAsked(after=middle)}
            questions["filtered"] = EventsAsked(event_types=(EventType.FUNDING,), severities=(Severity.HIGH,))
            firms = [f"{size}-{kind}" for size in FIRMS for kind in ("exact", "chat")]
            told = [(firm, name, plan(container, firm, what)) for firm in firms for name, what in questions.items()]
            asked.plans.write_text("\n".join(f"-- {firm}, {name}\n{lines}\n" for firm, name, lines in told))
        measure(container, stack.enter_context(api(environment, folder)), asked.requests)


def _settings(servers: list[Server]) -> tuple[Settings, dict[str, str]]:
    """The container's settings over these servers, and the environment that says so to a process."""
    sections = {name: section for server in servers for name, section in server.settings.items()}
    settings = Settings(
        kafka=KafkaSettings(**sections["kafka"]),
        redis=RedisSettings(**sections["redis"]),
        postgres=PostgresSettings(**sections["postgres"]),
    )
    environment = {"SAGO_REDIS__URL": settings.redis.url or ""}
    environment |= {f"POSTGRES_{key.upper()}": str(value) for key, value in sections["postgres"].items()}
    return settings, environment | {f"SAGO_KAFKA__{key.upper()}": str(v) for key, v in sections["kafka"].items()}


if __name__ == "__main__":
    main()
