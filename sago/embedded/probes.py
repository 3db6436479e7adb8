"""Does a server answer? Each probe returns when it does; TransientError: no answer; ConfigError: it refuses us.

The clients are imported where they are used: `sago --help` has no need of them.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sago.errors import ConfigError, TransientError
from sago.sections import KafkaSecurity, KafkaSettings

TIMEOUT = 2.0
# Opcodes of CQL's native protocol, version 4 (doc/native_protocol_v4.spec in Cassandra's repository).
CQL_VERSION = 4
ERROR, STARTUP, READY, AUTHENTICATE, AUTH_RESPONSE, AUTH_SUCCESS = 0x00, 0x01, 0x02, 0x03, 0x0F, 0x10
BAD_CREDENTIALS = 0x0100


def probe_redis(url: str) -> None:
    """PING with the password of the URL."""
    import redis

    where = hide(url)
    client = redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=None)
    try:
        client.ping()
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise ConfigError(f"Redis at {where} refuses the password: set the right one in redis.url") from error
    except redis.ResponseError as error:
        # Redis 6 answers a missing password with NOAUTH and a password on an open server with ERR.
        raise ConfigError(f"Redis at {where} refuses us ({error}): mend redis.url") from error
    except redis.RedisError as error:
        raise TransientError(f"Redis at {where} does not answer: {error}") from error
    finally:
        client.close()


def probe_postgres(settings: Mapping[str, Any]) -> None:
    """`SELECT 1`; `settings` has host, port, db, user and password."""
    import psycopg2

    where = f"{settings['host']}:{settings['port']}"
    try:
        connection = psycopg2.connect(
            host=settings["host"],
            port=settings["port"],
            dbname=settings["db"],
            user=settings["user"],
            password=settings["password"],
            connect_timeout=int(TIMEOUT),
        )
    except psycopg2.OperationalError as error:
        raise _postgres_error(where, settings, " ".join(str(error).split())) from error
    connection.close()


def _postgres_error(where: str, settings: Mapping[str, Any], text: str) -> ConfigError | TransientError:
    if "password authentication failed" in text or "no password supplied" in text:
        return ConfigError(
            f"Postgres at {where} refuses the password of {settings['user']}: set the right one in POSTGRES_PASSWORD"
        )
    if "does not exist" in text or "pg_hba.conf" in text:
        return ConfigError(f"Postgres at {where} refuses us: {text.rpartition('FATAL:')[2].strip()}; mend postgres.*")
    return TransientError(f"Postgres at {where} does not answer: {text}")


def probe_kafka(bootstrap_servers: str, security: KafkaSecurity | None = None) -> None:
    """One of the brokers answers ApiVersions (https://kafka.apache.org/protocol: key 18, version 0).

    With `security` we go the whole way of a client where it asks for TLS or a login, or to learn why nobody answers.
    """
    reasons = []
    if security is None or security.protocol == "PLAINTEXT":
        reasons = _not_answering(bootstrap_servers)
        if not reasons:
            return None
    if security is not None:
        from sago.stores.kafka_access import reach

        return reach(KafkaSettings(bootstrap_servers=bootstrap_servers, security=security))
    raise TransientError(f"Kafka at {bootstrap_servers} does not answer: {'; '.join(reasons)}")


def _not_answering(bootstrap_servers: str) -> list[str]:
    """Why each broker did not answer; empty as soon as one does."""
    reasons = []
    for server in bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=TIMEOUT) as connection:
                _ask_api_versions(connection)
        except (OSError, ValueError) as error:
            reasons.append(f"{server}: {error}")
        else:
            return []
    return reasons


def _ask_api_versions(connection: socket.socket) -> None:
    correlation = 7
    request = struct.pack(">hhih", 18, 0, correlation, -1)
    connection.sendall(struct.pack(">i", len(request)) + request)
    if struct.unpack(">ii", _receive(connection, 8))[1] != correlation:
        raise OSError("not a Kafka broker")


def probe_http(url: str) -> None:
    """Any answer to a GET, a refusal too: a process that hangs takes the connection and says nothing."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("GET", parts.path or "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(f"does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def probe_cassandra(section: Mapping[str, Any]) -> None:
    """One of the contact points takes us in, with the login where it asks for one.

    `section` has contact_points and port, and may have username, password, tls and ca_file.
    """
    context = _tls(section.get("ca_file")) if section.get("tls") else None
    reasons = []
    for host in section["contact_points"]:
        where = f"{host}:{section['port']}"
        try:
            with _connect(host, section["port"], context) as connection:
                _start_cql(connection, where, section)
        except ssl.SSLCertVerificationError as error:
            raise ConfigError(
                f"Cassandra at {where}: cassandra.ca_file does not vouch for its certificate ({error.verify_message})"
            ) from error
        except (OSError, ValueError) as error:
            reasons.append(f"{where}: {error}")
        else:
            return
    raise TransientError(f"Cassandra does not answer: {'; '.join(reasons) or 'cassandra.contact_points is empty'}")


def _start_cql(connection: socket.socket, where: str, section: Mapping[str, Any]) -> None:
    opcode, body = _ask_cql(connection, STARTUP, b"\0\1" + _cql_string("CQL_VERSION") + _cql_string("3.0.0"))
    if opcode == AUTHENTICATE:
        login = f"\0{section.get('username') or ''}\0{section.get('password') or ''}".encode()
        opcode, body = _ask_cql(connection, AUTH_RESPONSE, struct.pack(">i", len(login)) + login)
    if opcode == ERROR:
        code, told = struct.unpack(">i", body[:4])[0], body[6:].decode(errors="replace")
        if code == BAD_CREDENTIALS:
            raise ConfigError(
                f"Cassandra at {where} refuses the login of {section.get('username') or 'nobody'}:"
                " set cassandra.username and SAGO_CASSANDRA__PASSWORD"
            )
        raise OSError(told)
    if opcode not in (READY, AUTH_SUCCESS):
        raise OSError(f"unexpected answer {opcode:#x}")


def _ask_cql(connection: socket.socket, opcode: int, body: bytes) -> tuple[int, bytes]:
    connection.sendall(struct.pack(">BBhBi", CQL_VERSION, 0, 0, opcode, len(body)) + body)
    version, _, _, answer, length = struct.unpack(">BBhBi", _receive(connection, 9))
    if version != 0x80 | CQL_VERSION:
        raise OSError("not a Cassandra node")
    return answer, _receive(connection, length)


def _cql_string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _connect(host: str, port: int, context: ssl.SSLContext | None) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=TIMEOUT)
    if context is None:
        return connection
    try:
        return context.wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # missing, or no PEM
        raise ConfigError(f"cassandra.ca_file: {ca_file}: cannot be used: {error.strerror or error}") from error


def _receive(connection: socket.socket, length: int) -> bytes:
    answer = b""
    while len(answer) < length:
        more = connection.recv(length - len(answer))
        if not more:
            raise OSError("the connection was closed")
        answer += more
    return answer


def hide(address: str) -> str:
    """An address without its password."""
    parts = urlsplit(address)
    if not parts.password:
        return address
    login = f"{parts.username or ''}:***@"
    return parts._replace(netloc=login + parts.netloc.rpartition("@")[2]).geturl()
