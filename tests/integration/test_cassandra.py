"""The Cassandra adapter against real nodes: logins and TLS, a node that goes and comes, forks, migrations at once."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from sago.bootstrap import build
from sago.config import Settings
from sago.domain.messages import Message
from sago.embedded.guard import Guard
from sago.embedded.local_cassandra import start_local_cassandra
from sago.embedded.servers import Server
from sago.errors import ConfigError, TransientError
from sago.sections import CassandraSettings, KafkaSettings, PostgresSettings, RawStoreSettings, RedisSettings
from sago.stores.cassandra import CassandraRawStore, migrate, schema_level

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEYSTORE_PASSWORD = "only for this test"


class SecureNode:
    """A node that asks for a password and whose certificate is of an authority of its own."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self.folder = folder
        self.guard = guard
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        self._write_keystore()
        self.server = self.start()

    def start(self, port: int = 0) -> Server:
        encryption = {
            "enabled": True,
            "optional": True,  # the fixture asks in plain words whether it is up
            "keystore": str(self.folder / "node.p12"),
            "keystore_password": KEYSTORE_PASSWORD,
            "store_type": "PKCS12",
        }
        options = {
            "authenticator": "PasswordAuthenticator",
            "authorizer": "CassandraAuthorizer",
            "client_encryption_options": encryption,
        }
        self.server = start_local_cassandra(self.folder, port=port, watch=self.guard.watch, options=options)
        return self.server

    def settings(self, **other: Any) -> CassandraSettings:
        login = {"username": "cassandra", "password": "cassandra", "tls": True, "ca_file": self.ca_file}
        return CassandraSettings(**self.server.settings["cassandra"] | login | other)

    def _write_keystore(self) -> None:
        issued = self.authority.issue_cert("127.0.0.1")
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        own = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
        above = [x509.load_pem_x509_certificate(self.authority.cert_pem.bytes())]
        encryption = BestAvailableEncryption(KEYSTORE_PASSWORD.encode())
        keystore = serialize_key_and_certificates(b"node", key, own, above, encryption)  # type: ignore[arg-type]
        (self.folder / "node.p12").write_bytes(keystore)


@pytest.fixture(scope="module")
def node(local_servers: None, tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[SecureNode]:
    node = SecureNode(tmp_path_factory.mktemp("secure-cassandra"), guard)
    eventually(lambda: migrate(node.settings()))  # its first role is made a moment after it answers
    yield node
    node.server.child.stop(0.0)


@pytest.fixture
def plain(cassandra_server: Server) -> CassandraSettings:
    """Settings of the session's node, with a keyspace that no other test has."""
    return CassandraSettings(**cassandra_server.settings["cassandra"], keyspace=f"adapter_{time.monotonic_ns()}")


def eventually(act: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            act()
        except (TransientError, ConfigError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def message(number: int) -> Message:
    return Message(
        id=f"slack:{number}",
        company_id="scale-flow",
        source="slack",
        sender="Åsa",
        sent_at=NOW + timedelta(seconds=number),
        text=f"standup {number}",
    )


def refusal(settings: CassandraSettings) -> str:
    store = CassandraRawStore(settings)
    try:
        with pytest.raises(ConfigError) as caught:
            store.read([message(1).ref])
    finally:
        store.close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_right_login_over_tls_is_let_in(node: SecureNode) -> None:
    store = CassandraRawStore(node.settings())
    try:
        assert store.store([message(1)], "b1", NOW).stored == [message(1).ref]
        assert store.read([message(1).ref]) == [message(1)]
        with store.connection.begin() as session:
            sockets = [pool._connection._socket for pool in session.driver._pools.values()]
        assert sockets
        assert all(socket.version() in ("TLSv1.2", "TLSv1.3") for socket in sockets)
    finally:
        store.close()


def test_what_is_wrong_with_a_login_names_its_setting(node: SecureNode) -> None:
    assert "check cassandra.username and SAGO_CASSANDRA__PASSWORD" in refusal(node.settings(password="wrong"))
    assert "set cassandra.username" in refusal(node.settings(username=None, password=None))


def test_a_user_without_rights_is_told_so(node: SecureNode) -> None:
    store = CassandraRawStore(node.settings())
    with store.connection.begin() as session:
        session.driver.execute("CREATE ROLE reader WITH PASSWORD = 'r' AND LOGIN = true")
    store.close()
    assert "user reader lacks a right" in refusal(node.settings(username="reader", password="r"))


def test_a_certificate_nobody_vouches_for_is_refused(node: SecureNode, tmp_path: Path) -> None:
    assert "set cassandra.ca_file" in refusal(node.settings(ca_file=None))
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    assert "set cassandra.ca_file" in refusal(node.settings(ca_file=other))
    assert str(tmp_path / "none.pem") in refusal(node.settings(ca_file=tmp_path / "none.pem"))


def test_a_certificate_must_name_the_address_unless_told_otherwise(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("cassandra.example").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        met = pool.submit(handshakes, listening, context, 2)
        settings = CassandraSettings(
            contact_points=("127.0.0.1",), port=listening.getsockname()[1], tls=True, ca_file=tmp_path / "ca.pem"
        )
        assert "cassandra.verify_hostname" in refusal(settings)
        store = CassandraRawStore(settings.model_copy(update={"verify_hostname": False}))
        with pytest.raises(TransientError):  # it is no Cassandra, but its certificate will do
            store.count()
        assert met.result() == [False, True]


def handshakes(listening: socket.socket, context: ssl.SSLContext, number: int) -> list[bool]:
    """Which of so many clients liked the certificate."""
    liked = []
    for _ in range(number):
        connection, _ = listening.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                liked.append(bool(secured.recv(1)))
        except OSError:
            liked.append(False)
            connection.close()
    return liked


def test_the_same_store_works_again_when_the_node_is_back(node: SecureNode, caplog: pytest.LogCaptureFixture) -> None:
    store = CassandraRawStore(node.settings())
    store.store([message(2)], "b2", NOW)
    port = node.server.settings["cassandra"]["port"]
    node.server.stop()
    with caplog.at_level(logging.DEBUG, logger=""):
        for _ in range(3):
            with pytest.raises(TransientError, match=rf"cassandra at 127.0.0.1:{port} does not answer"):
                store.read([message(2).ref])
    assert [record for record in caplog.records if record.name.startswith("cassandra")] == []
    fresh = CassandraRawStore(node.settings())
    with pytest.raises(TransientError, match=r"does not answer: .*Connection refused"):
        fresh.count()
    node.start(port)
    try:
        for each in (store, fresh):
            eventually(lambda each=each: each.read([message(2).ref]))
            assert each.read([message(2).ref]) == [message(2)]
    finally:
        store.close()
        fresh.close()


def test_settings_that_lead_nowhere_are_told_by_name(plain: CassandraSettings) -> None:
    assert "run `sago migrate`" in refusal(plain)
    migrate(plain)
    elsewhere = refusal(plain.model_copy(update={"datacenter": "dc9"}))
    assert elsewhere == "cassandra.datacenter is dc9, the cluster has datacenter1"
    assert "does not speak TLS" in refusal(plain.model_copy(update={"tls": True}))
    nowhere = plain.model_copy(update={"contact_points": ("no-such-host.invalid",)})
    assert "check cassandra.contact_points" in refusal(nowhere)
    assert "cassandra.contact_points is empty" in refusal(plain.model_copy(update={"contact_points": ()}))


def test_migrations_at_once_and_again_change_nothing_more(plain: CassandraSettings) -> None:
    assert schema_level(plain) == (None, "0002")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(migrate, [plain] * 3))
    migrate(plain)
    assert schema_level(plain) == ("0002", "0002")
    store = CassandraRawStore(plain)
    with store.connection.begin() as session:
        rows = list(session.driver.execute("SELECT number, name, owner FROM schema_migrations"))
    store.close()
    assert sorted(tuple(row) for row in rows) == [(1, "0001_messages", None), (2, "0002_mirror", None)]


def test_each_process_makes_a_session_of_its_own(plain: CassandraSettings) -> None:
    """As Celery's prefork does it: prepared before the fork, connected after; and forked with an open session too."""
    migrate(plain)
    container = build(
        Settings(
            raw_store=RawStoreSettings(kind="cassandra"),
            cassandra=plain,
            kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"),
            redis=RedisSettings(url="redis://127.0.0.1:1"),
            postgres=PostgresSettings(host="127.0.0.1", port=1),
        )
    )
    container.__dict__["dispatcher"] = None  # Celery's own settings are of the whole process
    container.prepare(["store", "upkeep", "extract", "mail"])
    assert container.cassandra.connection._open is None
    assert in_children(container.raw, [1, 2]) == [True, True]
    assert container.raw.store([message(3)], "b3", NOW).stored
    assert in_children(container.raw, [4, 5]) == [True, True]
    assert container.raw.count() == 5
    container.close()
    assert container.cassandra.connection._open is None


def in_children(store: Any, numbers: list[int]) -> list[bool]:
    """Whether each forked process could store its message."""
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_store_and_leave, args=(store, number)) for number in numbers]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    return [child.exitcode == 0 for child in children]


def _store_and_leave(store: Any, number: int) -> None:
    stored = store.store([message(number)], f"b{number}", NOW).stored
    store.close()
    os._exit(0 if stored else 1)
