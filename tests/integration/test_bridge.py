"""The bridge and a store worker as real processes over real servers: killed, stopped and fed with rubbish."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sago.bootstrap import build
from sago.domain.messages import Message
from sago.embedded.guard import Guard
from sago.embedded.kafka import start_kafka
from sago.embedded.servers import Server
from sago.stores.kafka import MOCK_API
from tests.integration.houses import PROJECT, TOPICS, WORKER, House, bare_environment, eventually, flush, over

pytestmark = pytest.mark.services

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def chat(company: str, count: int) -> list[Message]:
    return [
        Message(
            id=f"slack:{company}-{number}",
            company_id=company,
            source="slack",
            sender="ana",
            sent_at=START + timedelta(seconds=number),
            text=f"line {number} of {company}",
        )
        for number in range(count)
    ]


class SpoiltHouse(House):
    """One into which rubbish can be thrown."""

    def spoil(self, count: int) -> None:
        from kafka import KafkaProducer

        producer = KafkaProducer(
            bootstrap_servers=self.environment["SAGO_KAFKA__BOOTSTRAP_SERVERS"], api_version=MOCK_API
        )
        for number in range(count):
            producer.send("slack-messages", key=b"acme", value=b"not JSON %d" % number).get(timeout=10)
        producer.close()


@pytest.fixture
def house(redis_server: Server, postgres_server: Server, tmp_path: Path, guard: Guard) -> Iterator[SpoiltHouse]:
    kafka = start_kafka(tmp_path, TOPICS, 3, watch=guard.watch)
    settings, environment = over(kafka, redis_server, postgres_server)
    environment |= {"SAGO_BRIDGE__CONFIRM_DEADLINE": "3"}
    made = SpoiltHouse(build(settings), environment, tmp_path)
    yield made
    made.stop()
    flush(settings.redis)
    kafka.stop()


def test_everything_is_stored_once_though_the_bridge_and_the_worker_are_killed(house: SpoiltHouse) -> None:
    bridge = house.bridge(SAGO_BRIDGE__BATCH_MESSAGES="50")
    worker = house.start(*WORKER)
    for company in ("acme", "bolt", "cove"):
        house.container.log.publish(chat(company, 400))
    assert eventually(lambda: house.stored("acme") > 50)
    bridge.kill()
    worker.kill()
    assert bridge.wait() == -signal.SIGKILL
    house.spoil(3)
    house.container.log.publish(chat("acme", 401)[400:])
    house.start(*WORKER)
    house.bridge()
    assert eventually(lambda: [house.stored(c) for c in ("acme", "bolt", "cove")] == [401, 400, 400])
    assert eventually(house.drained)
    with house.container.database.begin() as tx:
        letters = tx.ledger.dead_letters()
        progress = tx.ledger.progress(house.container.log.log_id)
    assert sorted(letter.value for letter in letters) == [b"not JSON 0", b"not JSON 1", b"not JSON 2"]
    assert all(letter.origin.startswith(f"{house.container.log.log_id}/slack-messages/") for letter in letters)
    assert sum(at.watermark for at in progress if at.topic == "slack-messages") == 1204


def test_sigterm_drains_commits_and_ends_with_0(house: SpoiltHouse) -> None:
    bridge = house.bridge()
    house.start(*WORKER)
    house.container.log.publish(chat("acme", 300))
    assert eventually(lambda: house.container.log.lag()["slack-messages"] < 300 or house.stored("acme") > 0)
    bridge.send_signal(signal.SIGTERM)
    assert bridge.wait(30) == 0
    behind = house.container.log.lag()["slack-messages"]
    assert house.stored("acme") == 300 - behind
    house.bridge()
    assert eventually(lambda: house.stored("acme") == 300)
    assert eventually(house.drained)


def test_a_bad_deploy_ends_with_78_and_drains_nothing(house: SpoiltHouse) -> None:
    house.spoil(12)
    bridge = house.bridge(SAGO_DLQ__MAX_CONSECUTIVE="10")
    assert bridge.wait(30) == 78
    (line,) = [line for line in house.said(bridge) if line.startswith("sago bridge:")]
    assert "10 messages in a row were refused" in line
    assert "dlq.max_consecutive" in line
    assert house.container.log.lag()["slack-messages"] == 12
    assert house.container.log.lag()["slack-messages.dlq"] == 0


def test_a_redis_wiped_in_mid_run_costs_time_only(house: SpoiltHouse) -> None:
    house.bridge(SAGO_BRIDGE__BATCH_MESSAGES="20")
    house.start(*WORKER)
    house.container.log.publish(chat("acme", 500))
    assert eventually(lambda: house.stored("acme") > 20)
    flush(house.container.settings.redis)
    assert eventually(lambda: house.stored("acme") == 500)
    assert eventually(house.drained)


def test_without_servers_it_waits_and_stops_when_told(tmp_path: Path) -> None:
    environment = bare_environment()
    environment |= {"SAGO_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1", "SAGO_REDIS__URL": "redis://127.0.0.1:1"}
    environment |= {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "1"}
    log = tmp_path / "log"
    with log.open("wb") as file:
        child = subprocess.Popen([sys.executable, "-m", "workers.bridge"], env=environment, stderr=file, cwd=PROJECT)
    assert eventually(lambda: "127.0.0.1:1" in log.read_text())
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert log.read_text().count("the bridge waits for its servers") == 1


def test_a_wrong_setting_ends_with_1_and_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("kafka: {topcis: {}}\n")
    environment = os.environ | {"SAGO_CONFIG": str(config)}
    done = subprocess.run(
        [sys.executable, "-m", "workers.bridge"], check=False, env=environment, capture_output=True, cwd=PROJECT
    )
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == (
        f"sago bridge: {config}: kafka.topcis: unknown key; did you mean topics?"
    )
