"""SASL and TLS by config on a real broker: who may comes in everywhere, who may not is told which setting to mend."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from sago.domain.messages import Message
from sago.embedded.guard import Guard
from sago.embedded.local_kafka import start_local_kafka
from sago.embedded.servers import free_port
from sago.errors import ConfigError
from sago.sections import KafkaSecurity, KafkaSettings
from sago.stores.kafka import admin
from sago.stores.kafka_consumer import KafkaLogConsumer
from sago.stores.kafka_producer import KafkaLog

pytestmark = pytest.mark.services

PROTOCOLS = {"CLIENT": "PLAINTEXT", "TLS": "SSL", "MUTUAL": "SSL", "LOGIN": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"}
"""Listener → its protocol; MUTUAL asks for the client's certificate too."""
LOGIN = {"username": "sago", "password": "right"}
TLS = {"protocol": "SSL", "ca_file": "ca.pem"}
PLAIN = {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", **LOGIN}
SCRAM = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "ca_file": "ca.pem", **LOGIN}
MESSAGE = Message(
    id="slack:1", company_id="acme", source="slack", sender="ana", sent_at=datetime(2026, 3, 2, tzinfo=UTC), text="a"
)


@dataclass
class Fortress:
    """A broker with a listener for each way in, and the PEM files around it."""

    ports: dict[str, int]
    folder: Path

    def settings(self, listener: str, **security: Any) -> KafkaSettings:
        """A client of one listener; names of files are of those in our folder."""
        files = {key: self.folder / name for key, name in security.items() if key.endswith("_file")}
        name = uuid.uuid4().hex[:8]
        return KafkaSettings(
            bootstrap_servers=f"localhost:{self.ports[listener]}",
            security=KafkaSecurity(**(security | files)),
            topics={"slack": f"slack-{name}"},
            group_id=name,
            partitions=1,
        )


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory, guard: Guard, real_kafka: object) -> Iterator[Fortress]:
    """`real_kafka` only so that these tests are skipped where no broker can be started."""
    folder = tmp_path_factory.mktemp("fortress")
    write_certificates(folder)
    ports = {name: free_port() for name in (*PROTOCOLS, "CONTROLLER")}
    server = start_local_kafka(folder, port=ports["CLIENT"], watch=guard.watch, options=options(folder, ports))
    made = Fortress(ports, folder)
    with admin(made.settings("CLIENT")) as client:
        client.alter_user_scram_credentials(
            [UserScramCredentialUpsertion("sago", ScramMechanism.SCRAM_SHA_512, password="right", iterations=4096)]
        )
    yield made
    server.stop()


def write_certificates(folder: Path) -> None:
    """Kafka reads a private key as PKCS #8 only, in one file with its chain."""
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    for name, hosts in {"broker": ["localhost"], "client": ["client.test"]}.items():
        issued = authority.issue_cert(*hosts)
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(pem + b"".join(each.bytes() for each in issued.cert_chain_pems))


def options(folder: Path, ports: dict[str, int]) -> dict[str, str]:
    """Of server.properties: a listener for each protocol, a PLAIN user in the file, SCRAM's in the cluster."""
    protocols = PROTOCOLS | {"CONTROLLER": "PLAINTEXT"}
    plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_sago="right";'
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    made = {
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "advertised.listeners": ",".join(f"{name}://localhost:{ports[name]}" for name in PROTOCOLS),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "controller.quorum.voters": f"1@127.0.0.1:{ports['CONTROLLER']}",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
    }
    for name in ("login", "both"):
        made[f"listener.name.{name}.plain.sasl.jaas.config"] = plain
        made[f"listener.name.{name}.scram-sha-512.sasl.jaas.config"] = scram
    return made


@pytest.mark.parametrize(
    ("listener", "security"),
    [
        ("TLS", TLS),
        ("MUTUAL", TLS | {"cert_file": "client.pem"}),
        ("LOGIN", PLAIN),
        ("BOTH", SCRAM | {"mechanism": "PLAIN"}),
        ("BOTH", SCRAM),
    ],
)
def test_who_may_comes_in_as_administrator_producer_and_consumer(
    fortress: Fortress, listener: str, security: dict[str, str]
) -> None:
    settings = fortress.settings(listener, **security)
    log = KafkaLog(settings)
    log.ensure_topics()
    (position,) = log.publish([MESSAGE])
    consumer = KafkaLogConsumer(settings)
    found = []
    deadline = time.monotonic() + 15
    while not found and time.monotonic() < deadline:
        found = consumer.poll(0.2)
    assert [(record.position, record.value) for record in found] == [(position, MESSAGE.to_json())]
    consumer.commit({(position.topic, position.partition): 1})
    assert log.lag()[position.topic] == 0
    consumer.close()
    log.close()


@pytest.mark.parametrize(
    ("listener", "security", "told"),
    [
        ("TLS", {}, "kafka.security.protocol is PLAINTEXT, and this port wants TLS"),
        ("LOGIN", {}, "kafka.security.protocol is PLAINTEXT, and this port wants a login: SASL_PLAINTEXT"),
        ("BOTH", TLS, "kafka.security.protocol is SSL, and this port wants a login: SASL_SSL"),
        ("CLIENT", TLS, "kafka.security.protocol is SSL, and this port has no TLS"),
        ("CLIENT", PLAIN, "kafka.security.protocol is SASL_PLAINTEXT, and this port takes no login"),
        ("TLS", {"protocol": "SSL"}, "kafka.security.ca_file the system's authorities: does not vouch"),
        ("TLS", TLS | {"ca_file": "stranger.pem"}, "stranger.pem: does not vouch for its certificate"),
        ("TLS", TLS | {"ca_file": "nowhere.pem"}, "nowhere.pem: No such file"),
        ("TLS", TLS | {"ca_file": "server.properties"}, "server.properties: is not what it should be, in PEM"),
        ("MUTUAL", TLS, "kafka.security.cert_file and key_file"),
        ("BOTH", SCRAM | {"password": "wrong"}, "kafka.security.username 'sago' or its password"),
        ("LOGIN", PLAIN | {"password": "wrong"}, "kafka.security.username 'sago' or its password"),
        ("LOGIN", PLAIN | {"mechanism": "SCRAM-SHA-256"}, "kafka.security.mechanism is SCRAM-SHA-256"),
    ],
)
def test_who_may_not_is_told_the_setting_in_one_line_at_once(
    fortress: Fortress, listener: str, security: dict[str, str], told: str
) -> None:
    settings = fortress.settings(listener, **security)
    log = KafkaLog(settings)
    calls: list[Callable[[], object]] = [
        log.ensure_topics, lambda: log.publish([MESSAGE]), log.lag, lambda: KafkaLogConsumer(settings),
    ]  # fmt: skip
    for call in calls:
        started = time.monotonic()
        with pytest.raises(ConfigError, match=re.escape(told)) as caught:
            call()
        assert time.monotonic() - started < 5
        assert "\n" not in str(caught.value)
        assert "wrong" not in str(caught.value)
    log.close()


def test_a_certificate_of_another_name_says_so(fortress: Fortress) -> None:
    settings = fortress.settings("TLS", **TLS)
    settings = settings.model_copy(update={"bootstrap_servers": f"127.0.0.1:{fortress.ports['TLS']}"})
    with pytest.raises(ConfigError, match=r"another name.*kafka\.bootstrap_servers.*127\.0\.0\.1"):
        KafkaLog(settings).ensure_topics()
