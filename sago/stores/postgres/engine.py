"""Connections to Postgres: made on first use in each process, each under its role, and errors in Sago's classes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sago.errors import ConfigError, PermanentError, SagoError, TransientError
from sago.sections import PostgresSettings
from sago.stores.postgres.columns import storable_json

WORKER = "sago_worker"
CONNECT_TIMEOUT = 5
"""Seconds until a connection attempt is given up."""
SILENT_FOR = {"idle": 30, "interval": 10, "count": 3}
"""Both sides give up a connection whose other end vanished: its locks would else stand for two hours."""
SESSION = "SET TIME ZONE 'UTC'; SET statement_timeout = '30s'; SET lock_timeout = '10s'; " + "; ".join(
    f"SET tcp_keepalives_{name} = {value}" for name, value in SILENT_FOR.items()
)

TRANSIENT_CLASSES = ("08", "25", "40", "53", "55", "57", "58", "XX")
"""SQLSTATE classes: connection, transaction state (read-only after a failover), rollback (deadlock, serialisation),
resources, lock not available, intervention, the system's own errors, internal errors.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""
NO_SCHEMA = ("42P01", "42703", "22023")
"""Undefined table, undefined column, undefined role in SET ROLE."""


class Connections:
    """A pool of connections that act as `role`, or as the login user where it is None.

    Nothing connects before the first `begin`, and a process forked afterwards makes a pool of its own.
    """

    def __init__(self, settings: PostgresSettings, role: str | None = WORKER) -> None:
        self.settings = settings
        self.role = role
        self._engine: Engine | None = None
        self._process = 0
        self._lock = threading.Lock()

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by an exception.

        The database's own errors leave as TransientError, ConfigError or PermanentError, without parameters: these
        may hold the text of messages.
        """
        with translated(self.settings), self._connected().begin() as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection outside of any transaction, closed at the end of the block: what its session holds is free."""
        with translated(self.settings), self._connected().connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            yield connection

    def close(self) -> None:
        """Close every connection of this process; the next `begin` opens anew."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose(close=self._process == os.getpid())
                self._engine = None

    def _connected(self) -> Engine:
        with self._lock:
            if self._engine is not None and self._process != os.getpid():
                self._engine.dispose(close=False)
                self._engine = None
            if self._engine is None:
                self._engine = _engine(self.settings, self.role)
                self._process = os.getpid()
            return self._engine


def _engine(settings: PostgresSettings, role: str | None) -> Engine:
    engine = create_engine(
        settings.url(),
        pool_size=settings.pool_size,
        max_overflow=settings.pool_size,
        pool_timeout=CONNECT_TIMEOUT * 2,
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=storable_json,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "sago",
            "tcp_user_timeout": 60_000,
            **{f"keepalives_{name}": value for name, value in SILENT_FOR.items()},
        },
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(SESSION)
            if role is not None:
                cursor.execute(f'SET ROLE "{role}"')
        connection.commit()

    return engine


@contextmanager
def translated(settings: PostgresSettings) -> Iterator[None]:
    """Raise what the driver raises as an error of Sago's tree, in one line that names the server.

    The driver's own error is cut off: its DETAIL quotes rows, and these hold the text of messages.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise TransientError(f"{_where(settings)}: all {settings.pool_size * 2} connections are busy") from error
    except DBAPIError as error:
        raise _sago_error(settings, error.orig) from None
    except psycopg2.Error as error:
        raise _sago_error(settings, error) from None


def _where(settings: PostgresSettings) -> str:
    return f"postgres at {settings.host}:{settings.port}"


def _sago_error(settings: PostgresSettings, error: BaseException | None) -> SagoError:
    code = getattr(error, "pgcode", None)
    if code is None:
        return _refusal(settings, str(error))
    reason = f"{_where(settings)}: {_first_line(error)}"
    if code.startswith(TRANSIENT_CLASSES):
        return TransientError(reason)
    if code in NO_SCHEMA:
        return ConfigError(f"{_where(settings)}: the schema of {settings.db} is missing or old: run `sago migrate`")
    if code == "42501":
        return ConfigError(f"{reason}: user {settings.user} lacks a right: run `sago migrate` as the database's owner")
    return PermanentError(reason)


def _refusal(settings: PostgresSettings, text: str) -> SagoError:
    """What a failed connection attempt means: libpq gives no SQLSTATE, only the server's words."""
    where = _where(settings)
    if "password authentication failed" in text or "no password supplied" in text:
        return ConfigError(f"{where} refuses user {settings.user}: check POSTGRES_USER and POSTGRES_PASSWORD")
    if "database" in text and "does not exist" in text:
        return ConfigError(f"{where} has no database {settings.db}: create it, or set POSTGRES_DB")
    if "role" in text and ("does not exist" in text or "not permitted to log in" in text):
        return ConfigError(f"{where} knows no user {settings.user}: check POSTGRES_USER")
    if "pg_hba.conf" in text:
        return ConfigError(f"{where} does not let {settings.user} in from here: add a line to its pg_hba.conf")
    if "could not translate host name" in text:
        return ConfigError(f"{where}: no such host: check POSTGRES_HOST")
    return TransientError(f"{where} does not answer: {_last_words(text)}")


def _first_line(error: BaseException | None) -> str:
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    return primary or type(error).__name__


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].rpartition("failed: ")[2] if lines else "no reason given"
