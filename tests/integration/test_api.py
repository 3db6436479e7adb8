"""The API as a process over real servers, a bridge and a store worker, and servers that end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sago.api.meters import KEPT_FOR
from sago.bootstrap import Container, build
from sago.embedded.guard import Guard
from sago.embedded.kafka import start_kafka
from sago.embedded.places import listens
from sago.embedded.procfile import read_procfile
from sago.embedded.servers import Server, free_port
from tests.integration.houses import PROJECT, TOPICS, eventually, flush, over

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]

BRIDGE = f"{sys.executable} -m workers.bridge"
WORKER = f"{sys.executable} -m celery -A workers worker -Q store -c 1 --without-mingle --without-gossip"
API = read_procfile(PROJECT / "Procfile")["api"]
KEY = "a key of this test"


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
        return self.ask("POST", "/api/v1/data-flow/ingest", json=body)


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
    before = house.ask("GET", "/api/v1/data-flow/metrics").json()
    asked = datetime.now(UTC)
    answer = house.ingest([row(f"a-{number}") for number in range(250)] + [row("a-0"), row("a-0", content="other")])
    assert answer.status_code == 207
    assert answer.json()["ids"] == [f"slack:a-{number}" for number in range(250)] + ["slack:a-0"]
    assert house.container.raw.count("acme") == before["processing"]["messages_stored"] + 250
    health = house.ask("GET", "/api/v1/data-flow/health").json()
    assert health["overall_status"] == "healthy", health
    slack = health["data_sources"]["slack"]
    assert slack["lag"] == 0
    assert asked - timedelta(seconds=1) < datetime.fromisoformat(slack["last_sync"]) < datetime.now(UTC)
    metrics = house.ask("GET", "/api/v1/data-flow/metrics").json()
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
    answer = house.ask("POST", "/api/v1/data-flow/ingest", content=b" " * 10_000_001)
    assert answer.status_code == 413


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
    assert house.start("second", API).wait(20) != 0
    assert "address already in use" in house.said("second")
    public = house.start("public", API, SAGO_API__HOST="::", SAGO_API__PORT=str(free_port()), SAGO_API__KEY="")
    assert public.wait(20) == 78, "nobody starts it again"
    (line,) = house.said("public").splitlines()
    assert line.startswith("sago api: api.host is ::, which others can reach, and there is no key")


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
        ready, health, live = house.ask_all("/health/ready", "/api/v1/data-flow/health", "/health/live")
    answer = handing_in.result()
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("Kafka does not answer: ")
    assert ready.json()["down"] == ["kafka"]
    assert health.json()["data_sources"]["slack"]["lag"] is None
    assert live.status_code == 200
    api = house.children["api"]
    api.terminate()
    assert api.wait(20) in (0, -signal.SIGTERM), house.said("api")
    assert "Traceback" not in house.said("api")
    assert "line never" not in house.said("api")
