"""Does a server answer? Each probe returns when it does; TransientError: no answer; ConfigError: it refuses us.

The clients are imported where they are used: `sago --help` has no need of them.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sago.errors import ConfigError, TransientError

TIMEOUT = 2.0


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


def probe_kafka(bootstrap_servers: str) -> None:
    """One of the brokers answers ApiVersions (https://kafka.apache.org/protocol: key 18, version 0)."""
    reasons = []
    for server in bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            _ask_api_versions(host, int(port))
        except (OSError, ValueError) as error:
            reasons.append(f"{server}: {error}")
        else:
            return
    raise TransientError(f"Kafka at {bootstrap_servers} does not answer: {'; '.join(reasons)}")


def _ask_api_versions(host: str, port: int) -> None:
    correlation = 7
    request = struct.pack(">hhih", 18, 0, correlation, -1)
    with socket.create_connection((host, port), timeout=TIMEOUT) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = b""
        while len(answer) < 8:
            more = connection.recv(8 - len(answer))
            if not more:
                raise OSError("the connection was closed")
            answer += more
    if struct.unpack(">ii", answer)[1] != correlation:
        raise OSError("not a Kafka broker")


def hide(address: str) -> str:
    """An address without its password."""
    parts = urlsplit(address)
    if not parts.password:
        return address
    login = f"{parts.username or ''}:***@"
    return parts._replace(netloc=login + parts.netloc.rpartition("@")[2]).geturl()
