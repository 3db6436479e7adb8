"""What the mock broker cannot show of the Kafka adapters: topics as an administrator sees them, groups, retention."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import TopicPartition
from structlog.testing import LogCapture

from sago.domain.messages import Message
from sago.embedded.servers import Server
from sago.errors import ConfigError, TransientError
from sago.sections import KafkaSettings
from sago.stores import kafka as shared
from sago.stores.kafka import admin, all_topics
from sago.stores.kafka_consumer import KafkaLogConsumer
from sago.stores.kafka_producer import KafkaLog

pytestmark = pytest.mark.services

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Changed = Callable[..., KafkaSettings]


@pytest.fixture
def settings(real_kafka: Server) -> KafkaSettings:
    """Topics and a group of this test's own; only `unparsed.dlq` is everybody's, and may hold others' records."""
    name = uuid.uuid4().hex[:8]
    topics = {"slack": f"slack-{name}", "gmail": f"gmail-{name}"}
    return KafkaSettings(bootstrap_servers=real_kafka.address, topics=topics, group_id=name, session_timeout=6)


@pytest.fixture
def log(settings: KafkaSettings) -> Iterator[KafkaLog]:
    made = KafkaLog(settings)
    made.ensure_topics()
    yield made
    made.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    capture = LogCapture()
    monkeypatch.setattr(shared, "log", structlog.wrap_logger(structlog.PrintLogger(), processors=[capture]))
    return capture


def chat(count: int, company: str = "acme") -> list[Message]:
    return [
        Message(
            id=f"slack:{company}-{number}",
            company_id=company,
            source="slack",
            sender="ana",
            sent_at=START + timedelta(seconds=number),
            text=f"line {number}",
        )
        for number in range(count)
    ]


def described(settings: KafkaSettings, topics: list[str]) -> dict[str, tuple[int, int, str]]:
    """Topic → partitions, replicas of each, and retention in ms, as the broker has them."""
    with admin(settings) as client:
        shapes = {each["name"]: each["partitions"] for each in client.describe_topics(topics)}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
        configs = client.describe_configs(wanted)["topic"]
    return {
        topic: (len(parts), len(parts[0]["replica_nodes"]), configs[topic]["retention.ms"]["value"])
        for topic, parts in shapes.items()
    }


def test_topics_and_their_dead_letters_are_made_as_configured(settings: KafkaSettings, told: LogCapture) -> None:
    settings = settings.model_copy(update={"partitions": 4, "retention_hours": 3})
    log = KafkaLog(settings)
    with pytest.raises(TransientError, match=f"no topic gmail-.*{settings.topics['slack']}.*sago migrate"):
        _ = log.log_id
    log.ensure_topics()
    found = described(settings, all_topics(settings)[:-1])
    hours = str(3 * 3_600_000)
    assert found == {topic: (1 if topic.endswith(".dlq") else 4, 1, hours) for topic in all_topics(settings)[:-1]}
    named = log.log_id
    log.ensure_topics()
    assert KafkaLog(settings).log_id == named
    assert told.entries == []


def test_a_topic_that_was_made_otherwise_is_told_in_one_line_and_left(
    settings: KafkaSettings, told: LogCapture
) -> None:
    KafkaLog(settings.model_copy(update={"partitions": 2})).ensure_topics()
    KafkaLog(settings).ensure_topics()
    (line,) = told.entries
    assert line["log_level"] == "warning"
    assert line["differences"] == [f"{topic}: num_partitions 2, not 6" for topic in sorted(settings.topics.values())]
    assert {shape[0] for shape in described(settings, list(settings.topics.values())).values()} == {2}


def test_more_replicas_than_brokers_name_the_setting(settings: KafkaSettings) -> None:
    log = KafkaLog(settings.model_copy(update={"replication_factor": 3}))
    with pytest.raises(ConfigError, match=r"kafka\.replication_factor"):
        log.ensure_topics()


def test_a_first_member_gets_every_partition_at_once(
    settings: KafkaSettings, log: KafkaLog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "kafka")
    consumer = KafkaLogConsumer(settings)
    while not consumer.assigned():
        consumer.poll(0.1)
    assert len(consumer.assigned()) == 2 * 6 + 3
    consumer.close()
    assert [record.message for record in caplog.records if "partition metadata" in record.message] == []


def test_partitions_that_are_added_are_taken_up(settings: KafkaSettings, log: KafkaLog) -> None:
    """Also where the join that they begin ends between two polls."""
    topic = settings.topics["slack"]
    consumer = KafkaLogConsumer(settings)
    while not consumer.assigned():
        consumer.poll(0.1)
    with admin(settings) as client:
        client.create_partitions({topic: 7})
    client_of_ours = consumer._consumer
    while len(client_of_ours._cluster.partitions_for_topic(topic)) < 7:
        client_of_ours._cluster.request_update()
        time.sleep(0.1)
    consumer.poll(0)
    time.sleep(0.5)
    deadline = time.monotonic() + 30
    while (topic, 6) not in consumer.assigned() and time.monotonic() < deadline:
        consumer.poll(0.1)
    assert len(consumer.assigned()) == 7 + 6 + 3
    consumer.commit({(topic, 6): 0})
    consumer.close()


def test_lag_counts_what_retention_has_left(settings: KafkaSettings, log: KafkaLog) -> None:
    topic = settings.topics["slack"]
    first, *_ = log.publish(chat(10))
    pair = TopicPartition(topic, first.partition)
    assert log.lag()[topic] == 10
    commit(settings, pair, 2)
    assert log.lag()[topic] == 8
    with admin(settings) as client:
        client.delete_records({pair: 6})
    assert log.lag()[topic] == 4
    log.publish(chat(3, "bolt"))
    assert log.lag()[topic] == 7


def commit(settings: KafkaSettings, pair: TopicPartition, offset: int) -> None:
    consumer = KafkaLogConsumer(settings)
    while (pair.topic, pair.partition) not in consumer.assigned():
        consumer.poll(0.1)
    consumer.commit({(pair.topic, pair.partition): offset})
    consumer.close()


def test_what_retention_deleted_is_seen_by_the_beginning(settings: KafkaSettings, log: KafkaLog) -> None:
    """A member behind the log's beginning goes on at the oldest record, not at the newest."""
    topic = settings.topics["slack"]
    positions = log.publish(chat(10))
    pair = TopicPartition(topic, positions[0].partition)
    commit(settings, pair, 2)
    with admin(settings) as client:
        client.delete_records({pair: 6})
    consumer = KafkaLogConsumer(settings)
    found = []
    while len(found) < 4:
        found += [record for record in consumer.poll(0.1) if record.position.topic == topic]
    assert [record.position for record in found] == positions[6:]
    assert consumer.beginning_offsets()[(topic, pair.partition)] == 6
    consumer.close()


def test_partitions_move_without_loss_and_lag_is_right_meanwhile(settings: KafkaSettings, log: KafkaLog) -> None:
    """The member that stays drains and commits what it gives up, as slowly as it needs; the new one goes on there."""
    topic = settings.topics["slack"]
    companies = [f"company-{number}" for number in range(12)]
    sent = log.publish([message for company in companies for message in chat(5, company)])
    stays, comes = KafkaLogConsumer(settings), KafkaLogConsumer(settings)
    seen: list[int] = []
    lags: list[int] = []

    def give_up(pairs: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
        time.sleep(7)  # longer than the session: heartbeats must go on
        lags.append(log.lag()[topic])
        return {pair: 2 for pair in pairs if pair in {(at.topic, at.partition) for at in sent}}

    stays.on_revoke(give_up)
    while len(seen) < len(sent):
        seen += [record.position.offset for record in stays.poll(0.1) if record.position.topic == topic]
    theirs: list[tuple[int, int]] = []
    over = threading.Event()
    second = threading.Thread(target=lambda: _read(comes, topic, theirs, over))
    second.start()
    while not comes.assigned():
        stays.poll(0.1)
    moved = {number for name, number in comes.assigned() if name == topic}
    expected = {(at.partition, at.offset) for at in sent if at.partition in moved and at.offset >= 2}
    deadline = time.monotonic() + 20
    while set(theirs) != expected and time.monotonic() < deadline:
        stays.poll(0.1)
    over.set()
    second.join()
    assert lags == [60]
    assert moved
    assert sorted(theirs) == sorted(expected)
    assert stays.assigned().isdisjoint(comes.assigned())
    stays.close()
    comes.close()


def _read(consumer: KafkaLogConsumer, topic: str, into: list[tuple[int, int]], over: threading.Event) -> None:
    while not over.is_set():
        positions = [record.position for record in consumer.poll(0.1)]
        into += [(at.partition, at.offset) for at in positions if at.topic == topic]
