"""The webhook as a process over real servers, a bridge and a store worker: real payloads, a burst, and servers that
say nothing."""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import httpx2
import psutil
import pytest

from sago.bootstrap import build
from sago.domain.batches import DeadLetter
from sago.domain.connections import Connection, Route, connection_id_of
from sago.embedded.guard import Guard
from sago.embedded.kafka import start_kafka
from sago.embedded.servers import Server, free_port
from tests.integration.houses import TOPICS, eventually, flush, over
from tests.integration.test_api import API, BRIDGE, WORKER, House
from tests.unit.api.slack_deliveries import SECRET, TEAM, envelope, payloads_of, real, signed

pytestmark = pytest.mark.services

WEBHOOK = "/api/v1/data-flow/webhook/slack"
LIMIT = 3.0
"""Seconds that Slack waits."""
BURST = 200


class Answer(NamedTuple):
    """What came, and after how many seconds."""

    status: int
    body: dict[str, Any]
    seconds: float


class Vendor:
    """Slack, as far as it delivers."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client = httpx2.Client(base_url=house.url, timeout=30, limits=httpx2.Limits(max_connections=2 * BURST))

    def deliver(self, payload: dict[str, Any], **headers: str) -> Answer:
        body = json.dumps(payload).encode()
        headers = signed(body, datetime.now(UTC)) | headers
        started = time.monotonic()
        said = self.client.post(WEBHOOK, content=body, headers=headers)
        return Answer(said.status_code, said.json(), time.monotonic() - started)

    def deliver_all(self, payloads: list[dict[str, Any]]) -> list[Answer]:
        """At the same moment."""
        with ThreadPoolExecutor(len(payloads)) as pool:
            return list(pool.map(self.deliver, payloads))

    def insist(self, payload: dict[str, Any]) -> Answer:
        """Deliver until it is taken, as Slack does a few times."""
        found: list[Answer] = []

        def is_taken() -> bool:
            found.append(self.deliver(payload, **{"X-Slack-Retry-Num": str(len(found))} if found else {}))
            return found[-1].status == 200

        assert eventually(is_taken), found[-1]
        return found[-1]

    def counted(self) -> dict[str, Any]:
        metrics: dict[str, Any] = self.house.ask("GET", "/api/v1/data-flow/metrics").json()["webhooks"]
        return metrics


def message(name: str, number: int = 0, channel: str = "C0PLANNING") -> dict[str, Any]:
    ts = f"{1772442251 + number}.{crc32(name.encode()) % 1_000_000:06d}"
    return envelope({"type": "message", "channel": channel, "user": "U1", "ts": ts, "text": f"{name} {number}"})


@pytest.fixture(scope="module")
def house(
    redis_server: Server, postgres_server: Server, tmp_path_factory: pytest.TempPathFactory, guard: Guard
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("webhooks")
    kafka = start_kafka(folder, TOPICS, 3, watch=guard.watch)
    settings, environment = over(kafka, redis_server, postgres_server)
    environment |= {"SAGO_API__PORT": str(free_port()), "SAGO_API__KEY": "the key of the house of this test"}
    environment |= {"SAGO_SLACK__SIGNING_SECRET": SECRET, "SAGO_LOGGING__LEVEL": "INFO"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    made = House(build(settings), kafka, environment, folder)
    made.container.recovery.recover(made.container.clock.now())  # no beat runs here: an empty Redis is one to recover
    with made.container.database.begin() as tx:
        tx.connections.save(CONNECTION)
        tx.connections.route(
            Route(connection_id=CONNECTION.id, kind="container", key="C0PLANNING", company_id="harbour")
        )
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


CONNECTION = Connection(
    id=connection_id_of("slack", TEAM),
    source="slack",
    account=TEAM,
    name="Harbour",
    containers=("*",),
    since=datetime(1990, 1, 1, tzinfo=UTC),
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
)


@pytest.fixture
def slack(house: House) -> Iterator[Vendor]:
    vendor = Vendor(house)
    yield vendor
    vendor.client.close()


def test_what_is_answered_is_stored_and_its_retries_have_no_further_effect(slack: Vendor) -> None:
    raw = slack.house.container.raw
    before = raw.count("harbour")
    answer = slack.deliver(message("first"))
    assert (answer.status, answer.body["taken"]) == (200, 1)
    assert raw.count("harbour") == before + 1
    for number in ("1", "2", "3"):
        again = slack.deliver(message("first"), **{"X-Slack-Retry-Num": number})
        assert (again.status, again.body["taken"], again.body["known"]) == (200, 0, 1)
    assert raw.count("harbour") == before + 1
    assert "first" not in slack.house.said("api")


def test_who_does_not_sign_is_refused_and_counted_and_no_key_is_asked_for(slack: Vendor) -> None:
    body = json.dumps(message("forged")).encode()
    before = slack.counted()["sources"]["slack"]["wrong_signature"]
    wrong = signed(body, datetime.now(UTC), "another secret")
    assert httpx2.post(slack.house.url + WEBHOOK, content=body, headers=wrong).status_code == 401
    assert httpx2.post(f"{slack.house.url}{WEBHOOK}s", content=body, headers=wrong).status_code == 404
    counted = slack.counted()
    assert counted["sources"]["slack"]["wrong_signature"] == before + 1
    assert counted["unknown_source"] == 1
    assert SECRET not in slack.house.said("api")


def test_every_real_payload_has_its_fate(slack: Vendor, shared: Path) -> None:
    folder = shared / "data" / "real" / "slack"
    deliveries = [*payloads_of(folder).values(), *real(folder)]
    before, stored = slack.counted()["sources"]["slack"], slack.house.container.raw.count()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(slack.deliver, deliveries))
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) == {200, 422}
    assert max(_served(slack.house)[-len(deliveries) :]) < LIMIT
    assert eventually(lambda: _all(slack.counted()["sources"]["slack"]) - _all(before) >= len(deliveries))
    after = slack.counted()["sources"]["slack"]
    assert _all(after) - _all(before) == len(deliveries)
    assert after["unreadable"] - before["unreadable"] == statuses[422]
    assert slack.house.container.raw.count() - stored == after["taken"] - before["taken"]


def _all(counted: dict[str, Any]) -> int:
    kinds = ("taken", "known", "refused", "ended", "unreadable")
    total: int = sum(counted[kind] for kind in kinds) + sum(counted["ignored"].values())
    return total


def test_a_burst_is_answered_in_time_and_what_is_answered_is_stored(slack: Vendor) -> None:
    slack.insist(message("before the burst"))
    payloads = [message("burst", number) for number in range(BURST)]
    answers = slack.deliver_all(payloads)
    seconds = sorted(answer.seconds for answer in answers)
    statuses = Counter(answer.status for answer in answers)
    half, most = statistics.median(seconds), seconds[int(BURST * 0.95)]
    sys.stdout.write(f"{BURST} at once: {dict(statuses)}, p50 {half:.2f} s, p95 {most:.2f} s\n")
    assert set(statuses) <= {200, 503}
    assert max(_served(slack.house)[-BURST:]) < LIMIT
    for payload, answer in zip(payloads, answers, strict=True):
        if answer.status == 503:
            slack.insist(payload)
    texts = {each.text for each in _stored(slack.house) if each.text.startswith("burst")}
    assert len(texts) == BURST


def _served(house: House) -> list[float]:
    """Seconds of each delivery from its first byte to its answer, as the API has it: without what these tests take."""
    lines = [json.loads(line) for line in house.said("api").splitlines() if '"event": "request"' in line]
    return [line["ms"] / 1000 for line in lines if line["path"] == WEBHOOK]


def _stored(house: House) -> list[Any]:
    raw = house.container.raw
    return raw.read_range("harbour", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC), 10_000)


def test_messages_of_nobody_are_dead_letters_and_replayed_once_their_channel_has_a_company(slack: Vendor) -> None:
    container = slack.house.container
    answer = slack.deliver(message("nobody's", channel="C0NEW"))
    assert (answer.status, answer.body["refused"]) == (200, 1)
    assert eventually(lambda: len(_unassigned(slack.house)) == 1)
    assert slack.deliver(message("nobody's", channel="C0NEW")).body["refused"] == 1
    (letter,) = _unassigned(slack.house)
    with container.database.begin() as tx:
        tx.connections.route(Route(connection_id=CONNECTION.id, kind="container", key="C0NEW", company_id="harbour"))
    container.replaying.replay(letter)
    assert eventually(lambda: _unassigned(slack.house) == [])
    assert eventually(lambda: [each.text for each in _stored(slack.house) if "nobody" in each.text] == ["nobody's 0"])


def _unassigned(house: House) -> list[DeadLetter]:
    return [each for each in house.container.replaying.unassigned() if "C0NEW" in each.origin]


@contextmanager
def silent(*pids: int) -> Iterator[None]:
    """Processes that neither answer nor refuse."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("name", ["redis", "postgres", "kafka"])
def test_a_silent_server_is_503_in_time_and_nothing_is_lost(
    slack: Vendor, name: str, redis_server: Server, postgres_server: Server
) -> None:
    server = {"redis": redis_server, "postgres": postgres_server, "kafka": slack.house.kafka}[name]
    children = [child.pid for child in psutil.Process(server.pid).children(recursive=True)]
    payloads = [message(f"while {name} is silent", number) for number in range(20)]
    challenge = {"type": "url_verification", "challenge": "3eZbrw1aBm2rZ"}
    with silent(server.pid, *children):
        answers = slack.deliver_all([*payloads, challenge])
        again = slack.deliver_all([*payloads, challenge])
    assert max(_served(slack.house)[-42:]) < LIMIT
    for answer in (answers[-1], again[-1]):
        assert (answer.status, answer.body) == (200, {"challenge": "3eZbrw1aBm2rZ"}), "it needs no server"
    for answer in [*answers[:-1], *again[:-1]]:
        assert answer.status == 503
        assert "127.0.0.1" not in json.dumps(answer.body)
    for payload in payloads:
        slack.insist(payload)
    texts = [each.text for each in _stored(slack.house) if f"while {name} is" in each.text]
    assert sorted(texts) == sorted(payload["event"]["text"] for payload in payloads)
