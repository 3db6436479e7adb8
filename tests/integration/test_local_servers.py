"""Real Kafka and Cassandra from Maven's jars: they keep what they acknowledged over a kill -9 and over a new port."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from cassandra.cluster import Cluster, Session
from cassandra.policies import DCAwareRoundRobinPolicy
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import OffsetAndMetadata

from sago.embedded import jars
from sago.embedded.guard import Guard
from sago.embedded.local_cassandra import start_local_cassandra
from sago.embedded.local_kafka import start_local_kafka
from sago.embedded.probes import probe_cassandra, probe_kafka
from sago.embedded.processes import Child
from sago.embedded.servers import Server
from sago.errors import ConfigError, SagoError, TransientError
from sago.sections import KafkaSecurity

pytestmark = pytest.mark.usefixtures("local_servers")
PAIR = TopicPartition("kept", 1)
LARGE = b"x" * 900_000


def test_kafka_keeps_messages_and_offsets_over_a_kill(tmp_path: Path, guard: Guard) -> None:
    first = start_local_kafka(tmp_path, watch=guard.watch)
    admin = KafkaAdminClient(bootstrap_servers=first.address)
    admin.create_topics([NewTopic("kept", 2, 1)])
    admin.close()
    produce(first.address, [b"small", LARGE])
    with consumer(first.address) as reader:
        reader.commit({PAIR: OffsetAndMetadata(1, "", -1)})
    listens_here_alone(first.child)
    kill(first)
    second = start_local_kafka(tmp_path, watch=guard.watch)
    try:
        assert second.address != first.address
        with consumer(second.address) as reader:
            assert reader.committed(PAIR) == 1
            assert read(reader, 2) == [b"small", LARGE]
            assert "made-by-asking" not in topics_after_asking(reader)
    finally:
        assert second.stop()
    assert not second.healthy()


def test_cassandra_keeps_rows_over_a_kill(tmp_path: Path, guard: Guard) -> None:
    first = start_local_cassandra(tmp_path, watch=guard.watch)
    with session(first) as cql:
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}")
        cql.execute("CREATE TABLE k.kept (n int PRIMARY KEY)")
        for n in range(50):
            cql.execute("INSERT INTO k.kept (n) VALUES (%s)", (n,))
        kill(first)  # at once: what it acknowledged is on the disk
    second = start_local_cassandra(tmp_path, watch=guard.watch, options={"authenticator": "PasswordAuthenticator"})
    try:
        login = {**second.settings["cassandra"], "username": "cassandra", "password": "cassandra"}
        let_in(login)
        with session(second, login) as cql:
            assert cql.execute("SELECT count(*) FROM k.kept").one()[0] == 50
        with pytest.raises(ConfigError, match="refuses the login of cassandra: set"):
            probe_cassandra({**login, "password": "wrong"})
        listens_here_alone(second.child)
    finally:
        assert second.stop()


def test_a_probe_knows_whom_it_asked(real_kafka: Server, cassandra_server: Server) -> None:
    assert real_kafka.healthy()
    assert cassandra_server.healthy()
    section = cassandra_server.settings["cassandra"]
    with pytest.raises(TransientError, match=r"Kafka at .* does not answer"):
        probe_kafka(cassandra_server.address)
    with pytest.raises(ConfigError, match="this port has no TLS"):
        probe_kafka(real_kafka.address, KafkaSecurity(protocol="SSL"))
    with pytest.raises(TransientError, match="Cassandra does not answer"):
        probe_cassandra({**section, "port": int(real_kafka.address.rpartition(":")[2])})
    with pytest.raises(TransientError, match="Connection refused"):
        probe_cassandra({"contact_points": ["127.0.0.1"], "port": 1})
    probe_cassandra({**section, "contact_points": ["127.0.0.2", "127.0.0.1"]})


def test_an_option_it_does_not_know_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cassandra ended at start: .*no_such_option") as caught:
        start_local_cassandra(tmp_path, options={"no_such_option": 1})
    assert "\n" not in str(caught.value)


def test_a_jar_that_was_changed_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = {path.name: path for path in jars.resolve("kafka")}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = jars.jars_folder("kafka")
    folder.mkdir(parents=True)
    for name, path in real.items():
        (folder / name).symlink_to(path)
    assert len(jars.resolve("kafka")) == len(real)
    changed = folder / "zookeeper-3.8.4.jar"
    changed.unlink()
    changed.write_bytes(real[changed.name].read_bytes() + b"\0")
    with pytest.raises(ConfigError, match=r"zookeeper-3\.8\.4\.jar: not the jar Sago knows"):
        start_local_kafka(tmp_path / "state")


def kill(server: Server) -> None:
    server.child.signal(9)
    assert server.child.wait(5)


def listens_here_alone(child: Child) -> None:
    """Nobody on another machine can reach it, by JMX or otherwise."""
    listening = [each for each in psutil.Process(child.pid).net_connections() if each.status == psutil.CONN_LISTEN]
    assert len(listening) == 2
    assert {each.laddr.ip for each in listening} == {"127.0.0.1"}


def produce(address: str, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=address, acks="all", max_request_size=1_000_000)
    sent = [producer.send("kept", key=b"acme", value=value, partition=1) for value in values]
    assert [future.get(20).offset for future in sent] == list(range(len(values)))
    producer.close()


@contextlib.contextmanager
def consumer(address: str) -> Iterator[KafkaConsumer]:
    reader = KafkaConsumer(
        bootstrap_servers=address, group_id="g", enable_auto_commit=False, auto_offset_reset="earliest"
    )
    reader.assign([PAIR])
    yield reader
    reader.close()


def read(reader: KafkaConsumer, count: int) -> list[bytes]:
    reader.seek_to_beginning(PAIR)
    values: list[bytes] = []
    deadline = time.monotonic() + 20
    while len(values) < count and time.monotonic() < deadline:
        for records in reader.poll(1000).values():
            values += [record.value for record in records]
    return values


def topics_after_asking(reader: KafkaConsumer) -> set[str]:
    reader.partitions_for_topic("made-by-asking")
    return set(reader.topics())


@contextlib.contextmanager
def session(server: Server, login: dict[str, object] | None = None) -> Iterator[Session]:
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, ExecutionProfile

    section = login or server.settings["cassandra"]
    cluster = Cluster(
        section["contact_points"],
        port=section["port"],
        protocol_version=5,
        auth_provider=PlainTextAuthProvider("cassandra", "cassandra") if login else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: ExecutionProfile(DCAwareRoundRobinPolicy("datacenter1"))},
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def let_in(section: dict[str, object], within: float = 20.0) -> None:
    """The first role is made a moment after the node answers."""
    deadline = time.monotonic() + within
    while True:
        try:
            return probe_cassandra(section)
        except SagoError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
