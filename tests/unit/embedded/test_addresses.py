"""Which servers a set of settings names, and what each is asked with; ports for those of our own."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from sago.config import Settings
from sago.embedded import servers
from sago.embedded.addresses import address_of, sections
from sago.sections import (
    CassandraSettings,
    KafkaSecurity,
    KafkaSettings,
    PostgresSettings,
    RawStoreSettings,
    RedisSettings,
)

NODES = CassandraSettings(
    contact_points=("a.example", "b.example"), port=9142, username="sago", password=SecretStr("pw"), tls=True
)


def test_cassandra_is_one_only_where_raw_messages_lie_in_it() -> None:
    assert "cassandra" not in sections(Settings(cassandra=NODES))
    settings = Settings(cassandra=NODES, raw_store=RawStoreSettings(kind="cassandra"))
    assert sections(settings)["cassandra"] == {
        "contact_points": ("a.example", "b.example"),
        "port": 9142,
        "username": "sago",
        "password": "pw",
        "tls": True,
        "ca_file": None,
    }
    assert address_of("cassandra", settings) == "a.example:9142,b.example:9142"


def test_kafka_is_asked_as_its_clients_ask() -> None:
    security = KafkaSecurity(protocol="SSL")
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers="k:9093", security=security),
        redis=RedisSettings(url="redis://r:6379"),
        postgres=PostgresSettings(host="p"),
    )
    assert sections(settings)["kafka"] == {"bootstrap_servers": "k:9093", "security": security}


def test_of_two_free_ports_the_second_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on the first yet, so the system may give it again."""
    dealt = iter([4711, 4711, 4712])

    class Socket:
        def __init__(self, _family: object) -> None:
            """Of any family."""

        def __enter__(self) -> Socket:
            return self

        def __exit__(self, *_: object) -> None:
            """It is free again."""

        def bind(self, _address: object) -> None:
            """To whichever port."""

        def getsockname(self) -> tuple[str, int]:
            return "127.0.0.1", next(dealt)

    monkeypatch.setattr(servers.socket, "socket", Socket)
    assert (servers.free_port(), servers.free_port()) == (4711, 4712)
