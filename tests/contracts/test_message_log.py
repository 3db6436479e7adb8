"""One suite for MessageLog and LogConsumer, run on memory, on the embedded broker and on real Kafka."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from sago.domain.batches import DeadLetter, Position, Record
from sago.domain.dead_letters import from_record
from sago.domain.messages import Message
from sago.embedded.kafka import start_kafka
from sago.embedded.servers import Server
from sago.errors import ConfigError, InvalidMessageError, TransientError
from sago.ports import LogConsumer
from sago.sections import KafkaSecurity, KafkaSettings
from sago.stores import kafka_access, kafka_producer
from sago.stores.kafka import all_topics, client_options
from sago.stores.kafka_access import reach
from sago.stores.kafka_consumer import KafkaLogConsumer
from sago.stores.kafka_producer import KafkaLog
from sago.stores.memory.log import MemoryLog

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parents[2]
Pair = tuple[str, int]

PUBLISH_UNTIL_IT_FAILS = """
import json, sys, time
from datetime import UTC, datetime
from sago.sections import KafkaSettings
from sago.domain.messages import Message
from sago.errors import TransientError
from sago.stores.kafka_producer import KafkaLog

log = KafkaLog(KafkaSettings(**json.loads(sys.argv[1]), topics={"slack": "slack-messages"}))
message = Message(
    id="slack:1", company_id="acme", source="slack", sender="a", sent_at=datetime(2026, 3, 2, tzinfo=UTC), text="x"
)
log.publish([message])
print("published", flush=True)
sys.stdin.readline()
for call in (lambda: log.publish([message]), lambda: log.publish([message]), log.lag):
    started = time.monotonic()
    try:
        call()
    except TransientError as error:
        print(json.dumps([time.monotonic() - started, str(error)]), flush=True)
log.close()
"""


@dataclass
class Harness:
    """A log, consumers of one group over it that begin where the log ended, and a producer of any bytes."""

    log: MemoryLog | KafkaLog
    consumer: Callable[[], LogConsumer]
    append: Callable[[str, bytes | None, bytes], None]


def message(
    number: int, company_id: str = "acme", source: str = "slack", text: str = "We signed Nordbank. 😀"
) -> Message:
    return Message(
        id=f"{source}:{number}",
        company_id=company_id,
        source=source,
        sender="dana",
        sent_at=NOW + timedelta(seconds=number),
        text=text,
    )


def letter(value: bytes, origin: str = "log/slack-messages/0/7") -> DeadLetter:
    return DeadLetter(
        origin=origin,
        topic="slack-messages",
        company_id="acme",
        error="text: is empty — ü",
        error_type="InvalidMessageError",
        failed_at=NOW,
        attempts=3,
        value=value,
    )


def joined(consumer: LogConsumer, seconds: float = 10) -> LogConsumer:
    """Once it has its partitions, which a member of a real group gets by polling; nothing may have been sent yet."""
    deadline = time.monotonic() + seconds
    while not consumer.assigned() and time.monotonic() < deadline:
        assert consumer.poll(0.1) == []
    assert consumer.assigned()
    return consumer


def poll_until(consumer: LogConsumer, count: int, seconds: float = 10) -> list[Record]:
    found: list[Record] = []
    deadline = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.poll(0.1)
    return found


@pytest.fixture(params=["memory", "embedded", pytest.param("real", marks=pytest.mark.services)])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    if request.param == "memory":
        log = MemoryLog({"slack": "slack-messages", "gmail": "gmail-messages"})
        yield Harness(log, log.consumer, lambda topic, key, value: log.append(topic, key, value) and None)
        return
    server: Server = request.getfixturevalue("kafka_server" if request.param == "embedded" else "real_kafka")
    yield from _on_kafka(server)


def _on_kafka(server: Server) -> Iterator[Harness]:
    """A group of its own a test; what earlier tests left in the log is committed away first."""
    settings = KafkaSettings(**server.settings["kafka"], group_id=f"test-{uuid.uuid4().hex}")
    log = KafkaLog(settings)
    log.ensure_topics()
    _skip_to_the_end(settings)
    consumers: list[KafkaLogConsumer] = []

    def consumer() -> LogConsumer:
        consumers.append(KafkaLogConsumer(settings))
        return consumers[-1]

    def append(topic: str, key: bytes | None, value: bytes) -> None:
        producer = KafkaProducer(**client_options(settings))
        producer.send(topic, key=key, value=value).get(timeout=10)
        producer.close()

    yield Harness(log, consumer, append)
    for made in consumers:
        made.close()
    log.close()


def _skip_to_the_end(settings: KafkaSettings) -> None:
    consumer = KafkaConsumer(**client_options(settings), group_id=settings.group_id, enable_auto_commit=False)
    consumer.bootstrap(timeout_ms=5000)
    pairs = [
        TopicPartition(topic, number)
        for topic in all_topics(settings)
        for number in consumer.partitions_for_topic(topic)
    ]
    ends = consumer.end_offsets(pairs, timeout_ms=5000)
    consumer.assign(pairs)
    consumer.commit({pair: OffsetAndMetadata(offset, "", -1) for pair, offset in ends.items()}, timeout_ms=5000)
    consumer.close()


def test_messages_arrive_to_the_byte_in_the_order_of_their_company(harness: Harness) -> None:
    consumer = harness.consumer()
    sent = [message(n, "acme" if n % 2 else "bolt") for n in range(40)]
    positions = harness.log.publish(sent)
    assert {position.topic for position in positions} == {"slack-messages"}
    found = poll_until(consumer, 40)
    by_position = {record.position: record for record in found}
    for one, position in zip(sent, positions, strict=True):
        record = by_position[position]
        assert record.value == one.to_json()
        assert record.key == one.company_id.encode()
        assert record.headers == {}
        assert Message.from_json(record.value) == one
    for company_id in ("acme", "bolt"):
        mine = [r for r in found if r.key == company_id.encode()]
        assert len({record.position.partition for record in mine}) == 1
        assert [r.value for r in mine] == [m.to_json() for m in sent if m.company_id == company_id]


def test_the_log_is_named_alike_by_both_ends_and_a_company_keeps_its_partition(harness: Harness) -> None:
    consumer = harness.consumer()
    assert consumer.log_id == harness.log.log_id
    (first,), (second,) = harness.log.publish([message(1)]), harness.log.publish([message(2)])
    assert first.log_id == harness.log.log_id
    assert first.partition == second.partition
    assert second.offset == first.offset + 1


def test_the_partition_of_a_key_is_kafkas_own(harness: Harness) -> None:
    """murmur2 as every Kafka client computes it; values from the memory twin and the real client must agree."""
    twin = MemoryLog({"slack": "slack-messages", "gmail": "gmail-messages"})
    companies = [f"company-{n}" for n in range(12)]
    sent = [message(n, company_id) for n, company_id in enumerate(companies)]
    expected = [position.partition for position in twin.publish(sent)]
    assert [position.partition for position in harness.log.publish(sent)] == expected
    assert len(set(expected)) > 2


def test_a_source_has_its_topic_and_a_replay_names_its_origin(harness: Harness) -> None:
    consumer = harness.consumer()
    (position,) = harness.log.publish([message(1, source="gmail")], replay_of="log/gmail-messages/2/9")
    (record,) = poll_until(consumer, 1)
    assert record.position == position
    assert position.topic == "gmail-messages"
    assert record.headers == {"replay_of": "log/gmail-messages/2/9"}


def test_nothing_is_sent_when_one_message_breaks_the_limits(harness: Harness) -> None:
    consumer = harness.consumer()
    bad = message(2).model_copy(update={"text": "\ud800"})
    with pytest.raises(InvalidMessageError):
        harness.log.publish([message(1), bad])
    assert consumer.poll(0.3) == []


def test_the_largest_message_passes(harness: Harness) -> None:
    consumer = harness.consumer()
    noise = hashlib.shake_256(b"sago").hexdigest(190_000)
    large = message(1, text=noise[:250_000]).model_copy(update={"raw": {"body": noise}})
    harness.log.publish([large])
    (record,) = poll_until(consumer, 1)
    assert len(record.value) > 600_000
    assert Message.from_json(record.value) == large


def test_a_dead_letter_keeps_its_bytes_and_its_reason(harness: Harness) -> None:
    consumer = harness.consumer()
    value = b'\xff\x00{"company_id": "acme"' + b"x" * 1000
    position = harness.log.dead_letter(letter(value), key="acme")
    assert position.topic == "slack-messages.dlq"
    (record,) = poll_until(consumer, 1)
    assert record.value == value
    assert record.headers == {
        "error": "text: is empty — ü",
        "error_type": "InvalidMessageError",
        "origin": "log/slack-messages/0/7",
        "failed_at": "2026-03-02T09:00:00.000Z",
        "attempts": "3",
    }
    assert from_record(record, NOW) == letter(value)


def test_a_dead_letter_over_900_kb_leaves_length_and_digest(harness: Harness) -> None:
    consumer = harness.consumer()
    value = b"a" * (900 * 1024 + 1)
    harness.log.dead_letter(letter(value))
    (record,) = poll_until(consumer, 1)
    assert record.key is None
    assert json.loads(record.value) == {"length": len(value), "sha256": hashlib.sha256(value).hexdigest()}


def test_dead_records_are_read_again_from_an_offset_and_nobody_loses_their_place(harness: Harness) -> None:
    consumer = harness.consumer()
    places = [harness.log.dead_letter(letter(f"bad {number}".encode()), key="acme") for number in range(5)]
    polled = poll_until(consumer, 5)
    consumer.commit({(places[0].topic, places[0].partition): places[4].offset + 1})
    lag = harness.log.lag()
    mine = {each.position for each in polled}
    read = [record for part in harness.log.dead_records({}) for record in part]
    assert [record for record in read if record.position in mine] == polled
    since = {(place.topic, place.partition): place.offset for place in places[3:4]}
    some = [record for part in harness.log.dead_records(since) for record in part if record.position in mine]
    assert some == polled[3:]
    assert harness.log.lag() == lag


def test_what_is_held_of_a_company_is_told_by_partition_and_until_when(harness: Harness) -> None:
    name = f"held-{uuid.uuid4().hex[:8]}"
    assert harness.log.held(name) == []
    places = harness.log.publish([message(number, company_id=name) for number in range(3)])
    harness.log.publish([message(9)])
    dead = harness.log.dead_letter(letter(b"bad"), key=name)
    chat, refused = sorted(harness.log.held(name), key=lambda each: each.topic.endswith(".dlq"))
    assert (chat.topic, chat.partition, chat.first, chat.last, chat.records) == (
        places[0].topic, places[0].partition, places[0].offset, places[-1].offset, 3,
    )  # fmt: skip
    assert (refused.topic, refused.first, refused.records) == (dead.topic, dead.offset, 1)
    assert chat.until is None or chat.until > datetime.now(UTC)


def test_rows_of_no_source_have_a_topic_too(harness: Harness) -> None:
    consumer = harness.consumer()
    harness.log.dead_letter(letter(b"?").model_copy(update={"topic": "unparsed", "origin": "sha:4"}))
    (record,) = poll_until(consumer, 1)
    assert record.position.topic == "unparsed.dlq"


def test_any_bytes_and_no_key_are_polled_as_they_are(harness: Harness) -> None:
    consumer = harness.consumer()
    harness.append("slack-messages", None, b"\xfe not JSON")
    (record,) = poll_until(consumer, 1)
    assert record.key is None
    assert record.value == b"\xfe not JSON"


def test_a_new_member_goes_on_at_the_committed_offset(harness: Harness) -> None:
    first = harness.consumer()
    positions = harness.log.publish([message(n) for n in range(5)])
    poll_until(first, 5)
    pair = (positions[2].topic, positions[2].partition)
    first.commit({pair: positions[2].offset + 1})
    first.close()
    again = poll_until(harness.consumer(), 2)
    assert [record.position for record in again] == positions[3:]


def test_lag_counts_what_is_not_committed(harness: Harness) -> None:
    consumer = harness.consumer()
    before = harness.log.lag()
    assert set(before) == {
        "slack-messages",
        "gmail-messages",
        "slack-messages.dlq",
        "gmail-messages.dlq",
        "unparsed.dlq",
    }
    assert before["slack-messages"] == 0
    positions = harness.log.publish([message(n) for n in range(5)])
    assert harness.log.lag()["slack-messages"] == 5
    poll_until(consumer, 5)
    assert harness.log.lag()["slack-messages"] == 5
    consumer.commit({(positions[3].topic, positions[3].partition): positions[3].offset + 1})
    assert harness.log.lag()["slack-messages"] == 1
    assert harness.log.lag()["gmail-messages"] == 0


def test_a_paused_partition_gives_nothing_until_it_is_resumed(harness: Harness) -> None:
    consumer = joined(harness.consumer())
    pairs = consumer.assigned()
    assert ("slack-messages", 5) in pairs
    consumer.pause([*pairs, ("unknown", 3)])
    positions = harness.log.publish([message(1)])
    for _ in range(5):
        assert consumer.poll(0.1) == []
    consumer.resume(pairs)
    assert [record.position for record in poll_until(consumer, 1)] == positions


def test_beginning_offsets_are_those_of_the_assigned_pairs(harness: Harness) -> None:
    consumer = joined(harness.consumer())
    assert consumer.beginning_offsets() == dict.fromkeys(consumer.assigned(), 0)


def test_a_closed_log_raises(harness: Harness) -> None:
    harness.log.publish([message(1)])
    harness.log.close()
    with pytest.raises(TransientError):
        harness.log.publish([message(2)])


@pytest.fixture
def silent() -> Iterator[str]:
    """Addresses of three brokers: two take connections and say nothing, one says a byte now and then."""
    over = threading.Event()
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]

    def drip() -> None:
        listeners[2].settimeout(5)
        with suppress(OSError), listeners[2].accept()[0] as caller:
            caller.sendall(b"\0\0\7\xff")
            while not over.wait(0.05):
                caller.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    yield ",".join(f"127.0.0.1:{listener.getsockname()[1]}" for listener in listeners)
    over.set()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    dripping.join()


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
def test_silent_brokers_cost_one_deadline_together(silent: str, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_access, "FAIR_SHARE", 0.1)
    security = KafkaSecurity.model_validate({"protocol": protocol, "username": "sago", "password": "right"})
    settings = KafkaSettings(bootstrap_servers=silent, security=security)
    started = time.monotonic()
    with pytest.raises(TransientError, match=f"Kafka at {silent} does not answer"):
        reach(settings, 1.2)
    assert 0.6 < time.monotonic() - started < 2.4


def test_a_silent_broker_leaves_time_for_one_that_answers(
    silent: str, kafka_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_access, "FAIR_SHARE", 0.1)
    answers = kafka_server.settings["kafka"]["bootstrap_servers"]
    started = time.monotonic()
    reach(KafkaSettings(bootstrap_servers=f"{silent},{answers}"), 4)
    assert time.monotonic() - started < 4


def test_who_asks_for_the_lag_holds_up_nobody_who_publishes(
    kafka_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = KafkaLog(KafkaSettings(**kafka_server.settings["kafka"]))
    log.publish([message(1)])
    monkeypatch.setattr(kafka_producer, "PATIENCE", 1.0)
    asking, answered = threading.Event(), threading.Event()

    def behind(*_: object) -> dict[str, int]:
        asking.set()
        assert answered.wait(10)
        return {}

    monkeypatch.setattr(kafka_producer, "_behind", behind)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(log.lag)
        try:
            assert asking.wait(5)
            log.publish([message(2)])
            started = time.monotonic()
            with pytest.raises(TransientError, match="others who ask for the lag"):
                log.lag()
            assert time.monotonic() - started < 2
        finally:
            answered.set()
        assert first.result() == {}
    log.close()


class TestUnreachable:
    """A broker that is not there gives one line with its address, in time."""

    def test_a_broker_that_freezes_costs_the_lag_one_deadline(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        topics = ["slack-messages", "slack-messages.dlq", "unparsed.dlq"]
        server = start_kafka(tmp_path, topics, 1)
        log = KafkaLog(KafkaSettings(**server.settings["kafka"], topics={"slack": "slack-messages"}))
        assert log.lag() == dict.fromkeys(topics, 0)
        monkeypatch.setattr(kafka_producer, "PATIENCE", 1.0)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            with pytest.raises(TransientError, match="does not answer"):
                log.lag()
            assert time.monotonic() - started < 2
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert log.lag() == dict.fromkeys(topics, 0)
        log.close()
        server.stop()

    @pytest.mark.parametrize("embedded", [True, False])
    def test_publish_lag_and_consumer(self, embedded: bool) -> None:
        settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", embedded=embedded, log_id="x")
        log = KafkaLog(settings)
        calls: list[Callable[[], object]] = [
            lambda: log.publish([message(1)]),
            log.lag,
            lambda: KafkaLogConsumer(settings),
        ]
        for call in calls:
            started = time.monotonic()
            with pytest.raises(TransientError, match=r"127\.0\.0\.1:1"):
                call()
            assert time.monotonic() - started < 10
        log.close()

    def test_a_broker_that_dies_is_noticed_in_time(self, tmp_path: Path) -> None:
        """In a process of its own: kafka-python leaks a socket at each refused connection."""
        script = tmp_path / "publish.py"
        script.write_text(PUBLISH_UNTIL_IT_FAILS)
        server = start_kafka(tmp_path, ["slack-messages", "slack-messages.dlq", "unparsed.dlq"], 1)
        child = subprocess.Popen(
            [sys.executable, str(script), json.dumps(server.settings["kafka"])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "published\n"
        server.stop()
        out, _ = child.communicate("\n", timeout=60)
        for line in out.splitlines():
            seconds, error = json.loads(line)
            assert seconds < 10
            assert server.settings["kafka"]["bootstrap_servers"] in error
        assert len(out.splitlines()) == 3

    def test_no_address_says_how_to_mend_it(self) -> None:
        with pytest.raises(ConfigError, match="sago up"):
            KafkaLog(KafkaSettings(log_id="x")).publish([message(1)])


def test_a_position_reads_as_an_origin() -> None:
    assert str(Position("log", "slack-messages", 2, 9)) == "log/slack-messages/2/9"
