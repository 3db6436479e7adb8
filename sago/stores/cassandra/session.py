"""The session with Cassandra: made on first use in each process, errors in Sago's classes."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.concurrent import execute_concurrent
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    RetryPolicy,
    TokenAwarePolicy,
    WriteType,
)
from cassandra.query import BatchStatement, BatchType

from sago.errors import ConfigError
from sago.sections import CassandraSettings
from sago.stores.cassandra.errors import translated

PROTOCOL_VERSION = 5
"""Cassandra 4 and later; set, so that no connection is spent on asking."""
CONNECT_TIMEOUT = 5
"""Seconds until a connection attempt is given up."""
RECONNECT_AFTER = (0.5, 5.0)
"""Seconds: the first wait for a node that is down, and the longest. It is tried for ever."""
WITHIN_DATACENTER = ("ONE", "LOCAL_ONE", "LOCAL_QUORUM")
"""Consistencies whose conditional writes are settled in one datacenter (LOCAL_SERIAL)."""

CONTENTION_RETRIES = 5
"""Of a conditional write; the request's own timeout ends them too."""

# It prints a traceback at each attempt to reach a node; callers are told by a TransientError.
logging.getLogger("cassandra").setLevel(logging.CRITICAL)


class RetryContended(RetryPolicy):  # type: ignore[misc]
    """Also sends a conditional write again that waited too long for others of its partition.

    Safe for rows that tell their owner: what such a write did do is seen by the next attempt as its own.
    """

    def on_write_timeout(self, query: Any, consistency: Any, write_type: Any, *args: Any, **named: Any) -> Any:
        if write_type == WriteType.CAS and named["retry_num"] < CONTENTION_RETRIES:
            return self.RETRY, None  # at the statement's own consistency; the one given is the serial one
        return super().on_write_timeout(query, consistency, write_type, *args, **named)


class OpenSession:
    """The driver's session with its prepared statements; threads may share it."""

    def __init__(self, cluster: Any, driver: Any, in_flight: int) -> None:
        self.cluster = cluster
        self.driver = driver
        self._in_flight = in_flight
        self._prepared: dict[str, Any] = {}

    def bind(self, cql: str, parameters: Sequence[Any], page: int | None = None) -> Any:
        """A prepared statement with its parameters; `page` is the number of rows fetched at a time."""
        bound = self._prepare(cql).bind(parameters)
        bound.fetch_size = page
        return bound

    def batch(self, cql: str, parameters: Iterable[Sequence[Any]]) -> Any:
        """One statement for several rows of one partition, written as one mutation."""
        batch = BatchStatement(BatchType.UNLOGGED)
        batch.is_idempotent = True
        prepared = self._prepare(cql)
        for each in parameters:
            batch.add(prepared, each)
        return batch

    def execute_all(self, requests: Sequence[Any]) -> list[Any]:
        """Every request, at most `in_flight` at once; results in order, their later pages fetched while iterating."""
        pairs = [(request, None) for request in requests]
        results = execute_concurrent(self.driver, pairs, concurrency=self._in_flight, raise_on_first_error=True)
        return [result for _, result in results]

    def execute(self, request: Any) -> Any:
        return self.driver.execute(request)

    def close(self) -> None:
        self.cluster.shutdown()

    def _prepare(self, cql: str) -> Any:
        """Once a session; the driver prepares it again on a node that has forgotten it."""
        if cql not in self._prepared:
            prepared = self.driver.prepare(cql)
            prepared.is_idempotent = True
            self._prepared[cql] = prepared
        return self._prepared[cql]


class CassandraConnection:
    """Nothing connects before the first `begin`, and a process forked afterwards makes a session of its own.

    `keyspace` False is for a keyspace that may not exist yet.
    """

    def __init__(self, settings: CassandraSettings, *, keyspace: bool = True) -> None:
        self.settings = settings
        self._keyspace = settings.keyspace if keyspace else None
        self._open: OpenSession | None = None
        self._process = 0
        self._lock = threading.Lock()

    @contextmanager
    def begin(self) -> Iterator[OpenSession]:
        """The session of this process. The driver's errors leave the block as Sago's."""
        with translated(self.settings):
            yield self._connected()

    def close(self) -> None:
        """Close every connection of this process; the next `begin` opens anew."""
        with self._lock:
            if self._open is not None and self._process == os.getpid():
                self._open.close()
            self._open = None

    def _connected(self) -> OpenSession:
        with self._lock:
            if self._open is None or self._process != os.getpid():
                self._open = _connect(self.settings, self._keyspace)
                self._process = os.getpid()
            return self._open


def _connect(settings: CassandraSettings, keyspace: str | None) -> OpenSession:
    cluster = _cluster(settings)
    try:
        try:
            driver = cluster.connect()
        except NoHostAvailable:
            _check_datacenter(cluster, settings)
            raise
        if keyspace is not None:
            driver.set_keyspace(keyspace)
    except BaseException:
        cluster.shutdown()
        raise
    return OpenSession(cluster, driver, settings.in_flight)


def _cluster(settings: CassandraSettings) -> Any:
    if not settings.contact_points:
        raise ConfigError("cassandra.contact_points is empty: name your cluster's nodes")
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(settings.datacenter)),
        consistency_level=getattr(ConsistencyLevel, settings.consistency),
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL
        if settings.consistency in WITHIN_DATACENTER
        else ConsistencyLevel.SERIAL,
        request_timeout=settings.request_timeout,
        retry_policy=RetryContended(),
    )
    return Cluster(
        settings.contact_points,
        port=settings.port,
        protocol_version=PROTOCOL_VERSION,
        connection_class=LibevConnection,
        auth_provider=_login(settings),
        ssl_context=_tls(settings),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ExponentialReconnectionPolicy(*RECONNECT_AFTER, max_attempts=None),
        connect_timeout=CONNECT_TIMEOUT,
        control_connection_timeout=CONNECT_TIMEOUT,
        application_name="sago",
    )


def _login(settings: CassandraSettings) -> Any:
    if settings.username is None or settings.password is None:
        return None
    return PlainTextAuthProvider(settings.username, settings.password.get_secret_value())


def _tls(settings: CassandraSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"cassandra.ca_file {settings.ca_file}: cannot be read as PEM: {error}") from error
    context.check_hostname = settings.verify_hostname
    return context


def _check_datacenter(cluster: Any, settings: CassandraSettings) -> None:
    """A name nobody has leaves the driver without a node to ask."""
    found = {host.datacenter for host in cluster.metadata.all_hosts() if host.datacenter}
    if found and settings.datacenter not in found:
        raise ConfigError(f"cassandra.datacenter is {settings.datacenter}, the cluster has {', '.join(sorted(found))}")
