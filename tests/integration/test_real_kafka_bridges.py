"""Bridges as real processes on real Kafka: they share partitions and die; dead letters come back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Self

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from sago.bootstrap import Container, build
from sago.config import Settings
from sago.domain.batches import Position
from sago.domain.messages import Message
from sago.embedded.servers import Server
from sago.sections import KafkaSettings, PostgresSettings, RedisSettings
from sago.stores.kafka import admin, client_options
from sago.stores.postgres import migrate
from tests.integration.houses import PROJECT, WORKER, House, bare_environment, eventually, flush, new_database

pytestmark = pytest.mark.services

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANIES = [f"company-{n}" for n in range(12)]


def line(company: str, number: int) -> Message:
    """Companies speak in chat or in mail, so that every bridge has some of them to read."""
    source = "slack" if company in COMPANIES[::2] else "gmail"
    return Message(
        id=f"{source}:{company}-{number}",
        company_id=company,
        source=source,
        sender="ana",
        sent_at=START + timedelta(seconds=number),
        text=f"line {number} of {company}",
    )


class BridgeHouse(House):
    """Topics, group and databases of its own on a broker and the session's servers."""

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of `sago`."""
        command = [str(Path(sys.executable).with_name("sago")), *arguments]
        return subprocess.run(command, check=False, env=self.environment, capture_output=True, text=True, cwd=PROJECT)

    def sago(self, *arguments: str) -> list[dict[str, object]]:
        """What a command of `sago` prints as JSON lines."""
        done = self.call(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def kafka(self) -> KafkaSettings:
        return self.container.settings.kafka

    def open_letters(self) -> set[str]:
        """Origins of the dead letters that the bridge has projected and nobody has replayed."""
        with self.container.database.begin() as tx:
            return {letter.origin for letter in tx.ledger.dead_letters() if letter.topic in self.kafka.topics.values()}

    def remarks(self, child: subprocess.Popen[bytes]) -> list[str]:
        """What it said, but for a line about each batch that a busy machine was slow to store."""
        return [line for line in self.said(child) if "no answer from the store task" not in line]

    def stores_all_of(self, expected: int) -> bool:
        """Whether so many are stored in the end: given up when nothing has been stored for 40 seconds."""
        while (now := self.stored()) < expected:
            if not eventually(partial(self._stores_more_than, now)):
                return False
        return now == expected

    def _stores_more_than(self, count: int) -> bool:
        return self.stored() > count

    def committed(self) -> dict[tuple[str, int], int]:
        """What the group has committed of its own topics (not the shared `unparsed.dlq`); its first commit makes it."""
        with admin(self.kafka) as client:
            if self.kafka.group_id not in {group["group_id"] for group in client.list_groups()}:
                return {}
            offsets = client.list_group_offsets({self.kafka.group_id: None})[self.kafka.group_id]
        return {(at.topic, at.partition): each.offset for at, each in offsets.items() if at.topic != "unparsed.dlq"}


class Load:
    """Publishes some 500 messages a second, which a worker on a busy machine still stores, until told to stop."""

    def __init__(self, container: Container) -> None:
        self._log = container.log
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")
        self.acknowledged: dict[Position, Message] = {}
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[Message]:
        """All that was published."""
        self._over.set()
        self._thread.join()
        return list(self.acknowledged.values())

    def _run(self) -> None:
        for number in count(0, 5):
            messages = [line(company, number + step) for company in COMPANIES for step in range(5)]
            self.acknowledged |= dict(zip(self._log.publish(messages), messages, strict=True))
            if self._over.wait(0.1):
                return


def raised(broker: Server, redis_server: Server, postgres_server: Server, folder: Path, first_db: int) -> BridgeHouse:
    """A house with topics, group and database of its own, and the four Redis databases from `first_db` on."""
    name = uuid.uuid4().hex[:8]
    kafka = {
        "bootstrap_servers": broker.address,
        "topics": {"slack": f"slack-{name}", "gmail": f"gmail-{name}"},
        "group_id": name,
        "session_timeout": 6,
    }
    postgres = dict(postgres_server.settings["postgres"]) | {"db": new_database(postgres_server)}
    numbers = {f"{use}_db": first_db + n for n, use in enumerate(("broker", "results", "buffer", "cache"))}
    settings = Settings(
        kafka=KafkaSettings(**kafka),
        redis=RedisSettings(**redis_server.settings["redis"], **numbers),
        postgres=PostgresSettings(**postgres),
    )
    migrate(settings.postgres)
    flush(settings.redis)
    environment = bare_environment() | {f"POSTGRES_{key.upper()}": str(value) for key, value in postgres.items()}
    environment |= {f"SAGO_KAFKA__{key.upper()}": _text(value) for key, value in kafka.items()}
    environment |= {f"SAGO_REDIS__{key.upper()}": str(value) for key, value in numbers.items()}
    environment |= {"SAGO_REDIS__URL": settings.redis.url or "", "SAGO_BRIDGE__CONFIRM_DEADLINE": "5"}
    container = build(settings)
    container.log.ensure_topics()
    return BridgeHouse(container, environment, folder)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


@pytest.fixture(scope="module")
def house(
    real_kafka: Server, redis_server: Server, postgres_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BridgeHouse]:
    """With a store worker, and no bridge yet."""
    made = raised(real_kafka, redis_server, postgres_server, tmp_path_factory.mktemp("house"), first_db=4)
    made.start(*WORKER)
    yield made
    made.stop()
    flush(made.container.settings.redis)


def test_bridges_join_leave_and_die_under_load_and_every_message_is_stored(house: BridgeHouse) -> None:
    before, stored_before = Counter(house.committed()), house.stored()
    first = house.bridge()
    with Load(house.container) as load:
        assert eventually(lambda: house.stored() > stored_before + 200)
        second = house.bridge()
        assert eventually(lambda: "partitions assigned" in "".join(house.said(second))), house.said(second)
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0
        third = house.bridge()
        second.kill()
        second.wait()
        committed = house.committed()
        published = dict(load.acknowledged)
        assert eventually(lambda: len(load.acknowledged) > len(published) + 300)
        durable = [each for at, each in published.items() if at.offset < committed.get((at.topic, at.partition), 0)]
        assert len(durable) > 200
        assert len(house.container.raw.read([each.ref for each in durable])) == len(durable)
        sent = load.stop()
    assert house.stores_all_of(stored_before + len(sent)), (house.stored(), len(sent))
    assert eventually(house.drained)
    third.send_signal(signal.SIGTERM)
    assert third.wait(60) == 0
    ends = +before + Counter((at.topic, at.partition) for at in load.acknowledged)
    with house.container.database.begin() as tx:
        progress = {(at.topic, at.partition): at.watermark for at in tx.ledger.progress(house.container.log.log_id)}
    progress.pop(("unparsed.dlq", 0), None)
    assert {pair: mark for pair, mark in house.committed().items() if mark} == ends == progress
    for bridge in (first, second, third):
        assert len(house.remarks(bridge)) < 12, house.said(bridge)


def test_a_dead_letter_is_listed_shown_and_replayed_once(house: BridgeHouse) -> None:
    bridge = house.bridge()
    message = line("mended", 7)
    topic = house.kafka.topic(message.source)
    rows = [message.to_json(), b"no JSON \xff"]
    producer = KafkaProducer(**client_options(house.kafka))
    sent = [producer.send(topic, key=b"harbour", value=row).get(timeout=10) for row in rows]
    producer.close()
    log_id = house.container.log.log_id
    mendable, rubbish = (f"{log_id}/{topic}/{at.partition}/{at.offset}" for at in sent)
    assert eventually(lambda: house.open_letters() == {mendable, rubbish})

    letters = records(house.kafka, f"{topic}.dlq")
    assert [(letter.key, letter.value) for letter in letters] == [(b"harbour", row) for row in rows]
    for letter, origin in zip(letters, (mendable, rubbish), strict=True):
        headers = {name: text.decode() for name, text in letter.headers}
        assert headers.keys() == {"error", "error_type", "origin", "failed_at", "attempts"}
        assert (headers["origin"], headers["error_type"]) == (origin, "InvalidMessageError")
        assert abs(datetime.fromisoformat(headers["failed_at"]) - datetime.now(UTC)) < timedelta(minutes=1)

    listed = {row["origin"]: row for row in house.sago("dlq", "list", "--topic", topic)}
    assert listed.keys() == {mendable, rubbish}
    assert (listed[mendable]["message_id"], listed[mendable]["error"]) == (message.id, "key is not the company_id")
    (shown,) = house.sago("dlq", "show", mendable)
    assert Message.from_json(str(shown["value"]).encode()) == message

    for _ in range(2):
        assert house.sago("dlq", "replay", mendable) == [{"replayed": mendable}]
        assert eventually(lambda: house.open_letters() == {rubbish})
        assert eventually(house.drained)
        assert house.container.raw.count(message.company_id) == 1
        assert house.container.raw.read([message.ref]) == [message]
        assert house.container.buffer.counts()[message.company_id] == 1
    refused = house.call("dlq", "replay", rubbish)
    assert refused.returncode == 1
    (said,) = refused.stderr.splitlines()
    assert said.startswith(f"sago: {rubbish}: is no message that could be sent again (not JSON")
    bridge.send_signal(signal.SIGTERM)
    assert bridge.wait(30) == 0


def records(settings: KafkaSettings, topic: str) -> list[ConsumerRecord]:
    """All that a topic holds, partition by partition."""
    consumer = KafkaConsumer(**client_options(settings), auto_offset_reset="earliest", enable_auto_commit=False)
    pairs = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    ends = consumer.end_offsets(pairs, timeout_ms=5000)
    consumer.assign(pairs)
    found: list[ConsumerRecord] = []
    while any(consumer.position(pair) < ends[pair] for pair in pairs):
        found += [record for rows in consumer.poll(500).values() for record in rows]
    consumer.close()
    return found
