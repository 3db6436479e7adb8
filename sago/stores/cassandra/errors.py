"""What the driver raises, in Sago's tree: one line that names the server and, where one is wrong, the setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cassandra import (
    AuthenticationFailed,
    DriverException,
    InvalidRequest,
    OperationTimedOut,
    RequestValidationException,
    Unauthorized,
    UnresolvableContactPoints,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException, ProtocolError, ProtocolVersionUnsupported
from cassandra.protocol import ErrorMessage, SyntaxException

from sago.errors import ConfigError, PermanentError, SagoError, TransientError
from sago.sections import CassandraSettings

OF_THE_DRIVER = (DriverException, NoHostAvailable, ConnectionException, ConnectionBusy, ProtocolError, ErrorMessage)
NO_SCHEMA = ("unconfigured table", "does not exist", "undefined column", "undefined name", "unknown identifier")
"""Words of an InvalidRequest about a keyspace, table or column that is not there; it has no code of its own."""


@contextmanager
def translated(settings: CassandraSettings) -> Iterator[None]:
    """Raise the driver's errors as Sago's, without the statement's parameters: they hold the text of messages."""
    try:
        yield
    except OF_THE_DRIVER as error:
        raise _sago_error(settings, error) from None


def _where(settings: CassandraSettings) -> str:
    return f"cassandra at {','.join(settings.contact_points)}:{settings.port}"


def _sago_error(settings: CassandraSettings, error: BaseException) -> SagoError:
    where = _where(settings)
    if isinstance(error, NoHostAvailable):
        return _unreachable(settings, error)
    if isinstance(error, UnresolvableContactPoints):
        return ConfigError(f"{where}: no such host: check cassandra.contact_points")
    if isinstance(error, AuthenticationFailed | Unauthorized):
        return _refused(settings, error)
    if isinstance(error, InvalidRequest) and any(words in str(error).lower() for words in NO_SCHEMA):
        return ConfigError(f"{where}: the schema of {settings.keyspace} is missing or old: run `sago migrate`")
    if isinstance(error, RequestValidationException | SyntaxException):
        return PermanentError(f"{where}: {_words(error)}")
    if isinstance(error, OperationTimedOut):
        return TransientError(f"{where} does not answer within {settings.request_timeout:g} s")
    return TransientError(f"{where} does not answer: {_words(error)}")


def _unreachable(settings: CassandraSettings, error: Any) -> SagoError:
    """Every node failed; the first that says what is wrong speaks for all."""
    reasons = list(error.errors.values()) if isinstance(error.errors, dict) else []
    found = [_refusal(settings, reason) for reason in reasons]
    for refusal in found:
        if refusal is not None:
            return refusal
    why = _words(reasons[0]) if reasons else "no node is up"
    return TransientError(f"{_where(settings)} does not answer: {why}")


def _refusal(settings: CassandraSettings, error: BaseException) -> SagoError | None:
    """What a failed connection attempt means where trying again is useless."""
    text = str(error)
    if isinstance(error, AuthenticationFailed):
        return _refused(settings, error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return _untrusted(settings, text)
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text:
        return ConfigError(f"{_where(settings)} does not speak TLS: set cassandra.tls to false, or mend the server")
    if isinstance(error, ProtocolVersionUnsupported):
        return ConfigError(f"{_where(settings)} is too old: Cassandra 4 or later is needed")
    return None


def _refused(settings: CassandraSettings, error: BaseException) -> ConfigError:
    where = _where(settings)
    if settings.username is None:
        return ConfigError(f"{where} wants a login: set cassandra.username and SAGO_CASSANDRA__PASSWORD")
    if isinstance(error, Unauthorized):
        return ConfigError(f"{where}: user {settings.username} lacks a right: {_words(error)}")
    return ConfigError(
        f"{where} refuses user {settings.username}: check cassandra.username and SAGO_CASSANDRA__PASSWORD"
    )


def _untrusted(settings: CassandraSettings, text: str) -> ConfigError:
    if "match" in text:
        return ConfigError(
            f"{_where(settings)}: its certificate does not name this address: mend it, "
            "or set cassandra.verify_hostname to false"
        )
    return ConfigError(f"{_where(settings)}: its certificate is not from an authority we trust: set cassandra.ca_file")


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
