"""The API as a process over real servers, a bridge and a store worker, and servers that end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import psutil
import pytest
from sqlalchemy import text

from sago.api.meters import KEPT_FOR
from sago.bootstrap import Container, build
from sago.domain.companies import Share
from sago.domain.events import Fold
from sago.embedded.guard import Guard
from sago.embedded.kafka import start_kafka
from sago.embedded.places import listens
from sago.embedded.procfile import read_procfile
from sago.embedded.servers import Server, free_port
from sago.sections import PostgresSettings
from sago.stores.postgres.engine import Connections
from tests.integration.houses import PROJECT, TOPICS, eventually, flush, over
from tests.unit.api.slack_deliveries import Mutation, tree_wrong
from tests.unit.api.test_ingest_mutated import handed_in
from tests.unit.outreach import stories

pytestmark = pytest.mark.services

BRIDGE = f"{sys.executable} -m workers.bridge"
WORKER = f"{sys.executable} -m celery -A workers worker -Q store -c 1 --without-mingle --without-gossip"
API = read_procfile(PROJECT / "Procfile")["api"]
INGEST = "/api/v1/data-flow/ingest"
HEALTH, METRICS = "/api/v1/data-flow/health", "/api/v1/data-flow/metrics"
KEY = "the key of the house of this test"


@dataclass
class House:
    """Servers, the processes over them, and a client of the API."""

    container: Container
    kafka: Server
    environment: dict[str, str]
    folder: Path
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['SAGO_API__PORT']}"

    def start(self, name: str, command: str, **extra: str) -> subprocess.Popen[bytes]:
        """A process of the project."""
        environment = self.environment | {"SAGO_READY_FILE": str(self.ready(name))} | extra
        with (self.folder / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"], env=environment, stdout=log, stderr=log, cwd=PROJECT
            )
        self.children[name] = child
        return child

    def is_up(self, name: str) -> bool:
        """Whether it has said that it is ready, or takes connections, once it does, or has ended."""
        child = self.children[name]
        works = partial(listens, self.url) if name == "api" else self.ready(name).exists
        return eventually(lambda: works() or child.poll() is not None) and child.poll() is None

    def stop(self) -> None:
        """Kill what still runs, and let go."""
        for child in self.children.values():
            if child.poll() is None:
                child.kill()
            child.wait()
        self.container.close()

    def ready(self, name: str) -> Path:
        return self.folder / f"{name}.ready"

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        return httpx2.request(method, self.url + path, headers=headers, timeout=40, **more)

    def ask_all(self, *paths: str) -> list[httpx2.Response]:
        """At the same moment, so that time-outs do not add up."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda path: self.ask("GET", path), paths))

    def ingest(self, body: Any) -> httpx2.Response:
        return self.ask("POST", INGEST, json=body)


@pytest.fixture(scope="module")
def house(
    redis_server: Server, postgres_server: Server, tmp_path_factory: pytest.TempPathFactory, guard: Guard
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("api")
    kafka = start_kafka(folder, TOPICS, 3, watch=guard.watch)
    settings, environment = over(kafka, redis_server, postgres_server)
    environment |= {"SAGO_API__ANSWER_WITHIN": "6"}
    environment |= {"SAGO_API__PORT": str(free_port()), "SAGO_API__KEY": KEY}
    environment |= {"SAGO_API__METRICS_PORT": str(free_port())}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    made = House(build(settings), kafka, environment, folder)
    made.container.recovery.recover(made.container.clock.now())  # no beat runs here: an empty Redis is one to recover
    try:
        for name, command in (("bridge", BRIDGE), ("store", WORKER), ("api", API)):
            made.start(name, command)
        for name in made.children:
            assert made.is_up(name), made.said(name)
        yield made
    finally:
        made.stop()
        flush(settings.redis)
        kafka.stop()


def row(name: str, **data: str) -> dict[str, Any]:
    said = {"id": name, "timestamp": "2026-03-02T16:04:11Z", "sender": "dana", "content": f"line {name}"}
    return {"source_name": "slack", "company_id": "acme", "data": said | data}


def test_what_is_answered_is_stored_and_health_and_metrics_say_so(house: House) -> None:
    before = house.ask("GET", METRICS).json()
    asked = datetime.now(UTC)
    answer = house.ingest([row(f"a-{number}") for number in range(250)] + [row("a-0"), row("a-0", content="other")])
    assert answer.status_code == 207
    assert answer.json()["ids"] == [f"slack:a-{number}" for number in range(250)] + ["slack:a-0"]
    assert house.container.raw.count("acme") == before["processing"]["messages_stored"] + 250
    health = house.ask("GET", HEALTH).json()
    assert health["overall_status"] == "healthy", health
    slack = health["data_sources"]["slack"]
    assert slack["lag"] == 0
    assert asked - timedelta(seconds=1) < datetime.fromisoformat(slack["last_sync"]) < datetime.now(UTC)
    metrics = house.ask("GET", METRICS).json()
    assert metrics["processing"]["messages_stored"] == before["processing"]["messages_stored"] + 250
    assert metrics["cache"]["counted_marks"] == before["cache"]["counted_marks"] + 250


def test_the_same_request_under_its_key_gets_the_first_answer_again(house: House) -> None:
    def ingest(name: str) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
        url = f"{house.url}/api/v1/data-flow/ingest"
        return httpx2.post(url, json=[row(name), row(name, content="other")], headers=headers, timeout=40)

    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(ingest, ["idem-1"] * 4))
    assert sorted(answer.status_code for answer in answers) == [207, 409, 409, 409]
    (first,) = (answer for answer in answers if answer.status_code == 207)
    again, other = ingest("idem-1"), ingest("idem-2")
    assert (again.status_code, again.json()) == (207, first.json())
    assert (again.headers["Idempotency-Replayed"], other.status_code) == ("true", 422)


def test_a_key_is_asked_for(house: House) -> None:
    answer = httpx2.get(f"{house.url}/api/v1/data-flow/health")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_large_body_is_refused_before_it_is_read(house: House) -> None:
    answer = house.ask("POST", INGEST, content=b" " * 10_000_001)
    assert answer.status_code == 413


CLOSED = "CREATE POLICY closed ON {} AS RESTRICTIVE TO sago_api USING (false)"
OPENED = "DROP POLICY closed ON {}"


@contextmanager
def closed_to_the_role_of_firms(settings: PostgresSettings) -> Iterator[None]:
    """These tables have no row for `sago_api`, and all of them for whoever else reads."""
    superuser, names = Connections(settings, role=None), ("companies", "significant_events", "watches", "audit_log")
    with superuser.begin() as connection:
        connection.execute(text("; ".join(CLOSED.format(name) for name in names)))
    try:
        yield
    finally:
        with superuser.begin() as connection:
            connection.execute(text("; ".join(OPENED.format(name) for name in names)))
        superuser.close()


def test_what_a_firm_is_told_this_process_reads_as_the_role_that_policies_bind(house: House) -> None:
    """Its login may read everything: the role alone holds it back."""
    database, now = house.container.database, datetime.now(UTC)
    with database.begin() as tx:
        tx.companies.ensure("orchard", now)
        tx.shares.ensure_firm("northgate", "Northgate")
        tx.shares.put(Share(firm_id="northgate", company_id="orchard", created_at=now))
        tx.events.replace("orchard", Fold(list(stories.EVENTS), []), now)
    key, _ = house.container.keyring.issue("test", ["read", "write"], "northgate", "test")
    lists = ("companies", "events", "watches", "audit")
    one = ("companies/orchard", f"events/{stories.EVENTS[0].id}")

    def ask(method: str, path: str, body: Any = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx2.request(method, f"{house.url}/api/v1/{path}", json=body, headers=headers, timeout=40)

    def told() -> tuple[list[bool], list[int]]:
        return [bool(ask("GET", path).json()["items"]) for path in lists], [
            ask("GET", path).status_code for path in one
        ]

    watch = {"company_id": "orchard", "conditions": ["arr >= 2M"], "reason": "ARR below 2M"}
    assert ask("POST", "watches", watch).status_code == 201
    assert told() == ([True] * 4, [200] * 2)
    with closed_to_the_role_of_firms(house.container.settings.postgres):
        assert told() == ([False] * 4, [404] * 2)
    assert told() == ([True] * 4, [200] * 2)


def scraped(house: House) -> str:
    """What Prometheus reads."""
    answer = httpx2.get(f"http://127.0.0.1:{house.environment['SAGO_API__METRICS_PORT']}/metrics", timeout=30)
    assert answer.status_code == 200
    return str(answer.text)


def test_prometheus_reads_requests_and_the_pipeline_on_a_port_of_its_own(house: House) -> None:
    assert house.ingest(row("counted")).status_code == 202
    told = scraped(house)
    served = 'sago_http_requests_total{method="POST",route="/api/v1/data-flow/ingest",status="202"}'
    assert float(told.partition(f"{served} ")[2].partition("\n")[0]) >= 1
    assert 'sago_kafka_lag_messages{topic="slack-messages"} 0.0' in told
    for server in ("kafka", "redis", "postgres"):
        assert f'sago_server_up{{server="{server}"}} 1.0' in told
    for name in ("sago_kafka_produce_seconds_count", "sago_queued_messages", "sago_dead_letters", "sago_events"):
        assert re.search(rf"^{name} \d", told, re.MULTILINE), name
    assert "acme" not in told
    assert httpx2.get(f"{house.url}/metrics").status_code == 404


def test_a_metrics_port_that_is_taken_is_told_and_the_api_goes_on_without(house: House) -> None:
    port = free_port()
    child = house.start("beside", API, SAGO_API__PORT=str(port))
    try:
        assert eventually(lambda: listens(f"http://127.0.0.1:{port}")), house.said("beside")
        assert httpx2.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
        (line,) = [line for line in house.said("beside").splitlines() if "metrics are not served" in line]
        assert "set api.metrics_port to a free one" in line
    finally:
        child.terminate()
        assert child.wait(30) in (0, -signal.SIGTERM)


def test_a_port_that_is_taken_and_a_public_host_without_a_key(house: House) -> None:
    assert house.start("second", API).wait(120) != 0
    assert "address already in use" in house.said("second")
    public = house.start("public", API, SAGO_API__HOST="::", SAGO_API__PORT=str(free_port()), SAGO_API__KEY="")
    assert public.wait(120) == 78, "nobody starts it again"
    (line,) = house.said("public").splitlines()
    assert line.startswith("sago api: api.host is ::, which others can reach, and there is no key")


def mutated_messages(count: int) -> Iterator[dict[str, Any]]:
    """As in memory, without those that fill a whole request."""
    drawn, bases = Random(13), handed_in()  # noqa: S311 - the same each time
    while count:
        how = Mutation(drawn.randint(0, 1), drawn.randrange(10_000), drawn.randrange(10_000))
        found = tree_wrong(drawn.choice(bases), how)
        if len(json.dumps(found)) < 30_000:
            count -= 1
            yield found


def test_ten_thousand_mutated_messages_lose_no_good_one_beside_them(house: House) -> None:
    """Through the broker, the bridge and the worker into the raw store."""
    wrong = mutated_messages(10_000)
    for first in range(0, 1_000, 25):
        good = [row(f"good-{number}") | {"company_id": "tidewell"} for number in range(first, first + 25)]
        mixed = [*islice(wrong, 125), *good, *islice(wrong, 125)]
        body = json.dumps(mixed).encode()
        answer = house.ask("POST", INGEST, content=body)
        while answer.status_code == 503:  # a busy machine: the same again, as callers do
            answer = house.ask("POST", INGEST, content=body)
        told = answer.json()
        assert answer.status_code == 207, told["detail"]
        assert {f"slack:{each['data']['id']}" for each in good} <= set(told["ids"])
        assert not {refusal["index"] for refusal in told["errors"]} & set(range(125, 150))
    assert next(wrong, None) is None
    assert house.container.raw.count("tidewell") == 1_000


@pytest.mark.parametrize("name", ["redis", "postgres"])
def test_health_and_metrics_are_true_while_a_server_is_frozen(
    house: House, redis_server: Server, postgres_server: Server, name: str
) -> None:
    process = psutil.Process({"redis": redis_server, "postgres": postgres_server}[name].pid)
    frozen = [process, *process.children(recursive=True)]
    for each in frozen:
        each.suspend()
    try:
        health, metrics = house.ask_all(HEALTH, METRICS)
    finally:
        for each in frozen:
            each.resume()
    assert (health.status_code, metrics.status_code) == (200, 200)
    told, figures = health.json(), metrics.json()
    assert told["overall_status"] == "unhealthy"
    assert [each for each, service in told["services"].items() if not service["up"]] == [name]
    assert name in figures["missing"]
    queue = told["queue_status"]
    of_redis = queue["queued"], figures["cache"]["queued_messages"]
    of_postgres = queue["batches"], figures["processing"]["batches_merged"]
    assert [each is None for each in (*of_redis, *of_postgres)] == [name == "redis"] * 2 + [name == "postgres"] * 2
    assert told["data_sources"]["slack"]["lag"] is not None, "Kafka was asked"
    assert eventually(lambda: house.ask("GET", HEALTH).json()["overall_status"] == "healthy")
    assert house.ask("GET", METRICS).json()["missing"] == {}


def test_a_frozen_redis_is_named_and_nothing_is_lost(house: House, redis_server: Server) -> None:
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as pool:
            handing_in = pool.submit(house.ingest, row("late"))
            ready, live = house.ask_all("/health/ready", "/health/live")
        time.sleep(KEPT_FOR)
        told = scraped(house)
        late = handing_in.result()
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert 'sago_server_up{server="redis"} 0.0' in told
    assert "sago_queued_messages" not in told, "absent, not zero"
    assert "sago_dead_letters " in told
    assert late.status_code == 503
    assert late.headers["Retry-After"] == "5"
    assert (ready.status_code, ready.json()["down"]) == (503, ["redis"])
    assert live.status_code == 200
    assert eventually(lambda: house.ingest(row("late")).status_code == 202)
    assert house.ask("GET", "/health/ready").status_code == 200


def test_without_kafka_there_is_one_clear_line_and_the_process_ends_when_asked(house: House) -> None:
    house.kafka.stop()
    with ThreadPoolExecutor() as pool:
        handing_in = pool.submit(house.ingest, row("never"))
        ready, health, metrics, live = house.ask_all("/health/ready", HEALTH, METRICS, "/health/live")
    answer = handing_in.result()
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Kafka does not answer: ")
    assert ready.json()["down"] == ["kafka"]
    assert health.json()["overall_status"] == "unhealthy"
    assert health.json()["data_sources"]["slack"]["lag"] is None
    assert metrics.json()["missing"] == {}, "nothing of it is Kafka's"
    assert live.status_code == 200
    api = house.children["api"]
    api.terminate()
    assert api.wait(20) in (0, -signal.SIGTERM), house.said("api")
    assert "Traceback" not in house.said("api")
    assert "line never" not in house.said("api")
