"""May we in? One connection by hand before a Kafka client is made, so that a wrong setting is named at once.

kafka-python tries a refused connection for all of its patience, loudly, leaks a socket each time and ends with
"unable to bootstrap", whatever the cause. This asks the broker itself, in the order a client does: TLS handshake,
ApiVersions, login (https://kafka.apache.org/protocol).
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import errors as kafka_errors
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.metadata import ApiVersionsRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from sago.errors import ConfigError, TransientError
from sago.sections import KafkaSecurity, KafkaSettings

PATIENCE = 6.0
"""Seconds for all brokers together, with all steps of each."""
FAIR_SHARE = 1.0
"""Seconds a broker is given at least, however many are to be asked after it."""
_WRONG_NAME = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_NOT_SPOKEN = (OSError, kafka_errors.KafkaProtocolError)
"""What the other side's hanging up, or an answer in another protocol, comes out as; ssl's errors are OSErrors."""


def address(settings: KafkaSettings) -> str:
    """`host:port,…` of the brokers; raises ConfigError where none is known."""
    if settings.bootstrap_servers is None:
        raise ConfigError("no stack is running: start one with `sago up`, or set kafka.bootstrap_servers")
    return settings.bootstrap_servers


class Deadline:
    """So many seconds from now for all that is still to be done."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; raises TimeoutError where there are none."""
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds

    def left_ms(self) -> int:
        """As kafka-python counts."""
        return max(1, int(self.left() * 1000))


def reach(settings: KafkaSettings, within: float = PATIENCE) -> None:
    """Return when one of the brokers lets us in.

    Raises TransientError where none has in `within` seconds, of which a silent one leaves the others their share, and
    ConfigError with the setting to mend where one refuses us.
    """
    reason = ""
    deadline = Deadline(within)
    servers = [server.strip() for server in address(settings).split(",")]
    for number, server in enumerate(servers):
        host, _, port = server.rpartition(":")
        if not port.isdecimal():
            raise ConfigError(f"kafka.bootstrap_servers: {server!r} is not host:port")
        try:
            left = deadline.left()
            share = Deadline(min(left, max(FAIR_SHARE, left / (len(servers) - number))))
            door = _Door(server, host.strip("[]"), int(port), settings.security, share)
            return door.knock() if settings.embedded else door.enter()
        except OSError as error:
            reason = str(error) or type(error).__name__
    raise TransientError(f"Kafka at {address(settings)} does not answer: {reason}")


def security_options(security: KafkaSecurity) -> dict[str, Any]:
    """The options of kafka-python for these settings; raises ConfigError where a file cannot be used."""
    options: dict[str, Any] = {"security_protocol": security.protocol}
    if security.protocol.endswith("SSL"):
        options["ssl_context"] = tls_context(security)
    if security.protocol.startswith("SASL_"):
        options |= _login(security)
    return options


def tls_context(security: KafkaSecurity) -> ssl.SSLContext:
    """Trust and our own certificate; raises ConfigError naming the file that is missing or no PEM."""
    with _file_named("kafka.security.ca_file", security.ca_file):
        context = ssl.create_default_context(cafile=security.ca_file)
    if security.cert_file:
        with _file_named("kafka.security.cert_file or key_file", security.cert_file):
            context.load_cert_chain(security.cert_file, security.key_file)
    return context


@contextmanager
def _file_named(setting: str, path: object) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "is not what it should be, in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"{setting}: {path}: {reason}") from error


def _login(security: KafkaSecurity) -> dict[str, Any]:
    return {
        "sasl_mechanism": security.mechanism,
        "sasl_plain_username": security.username,
        "sasl_plain_password": security.password.get_secret_value() if security.password else None,
    }


class _Door:
    """One broker's port. OSError: nobody opened in time; ConfigError: they did, and why not to us."""

    def __init__(self, name: str, host: str, port: int, security: KafkaSecurity, deadline: Deadline) -> None:
        self._name = name
        self._where = (host, port)
        self._security = security
        self._deadline = deadline

    def knock(self) -> None:
        """Connect, no more."""
        self._plain().close()

    def enter(self) -> None:
        """Do all that a client does until it may ask for topics."""
        with self._connected() as connection:
            talk = _Talk(connection, self._deadline)
            self._greet(talk)
            if self._security.protocol.startswith("SASL_"):
                self._log_in(talk)
            else:
                self._come_unnamed(talk)

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        context = tls_context(self._security) if self._has_tls else None
        with self._plain() as plain:
            if context is None:
                yield plain
                return
            with self._wrapped(plain, context) as encrypted:
                yield encrypted

    def _plain(self) -> socket.socket:
        # A name may have several addresses, and each is given the time-out.
        addresses = len(socket.getaddrinfo(*self._where, type=socket.SOCK_STREAM))
        return socket.create_connection(self._where, timeout=self._deadline.left() / addresses)

    @property
    def _has_tls(self) -> bool:
        return self._security.protocol.endswith("SSL")

    def _wrapped(self, plain: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        plain.settimeout(self._deadline.left())
        try:
            return context.wrap_socket(plain, server_hostname=self._where[0])
        except ssl.SSLCertVerificationError as error:
            raise self._distrust(error) from error
        except TimeoutError:
            raise
        except OSError as error:
            if self._speaks(None):
                raise self._refusal("protocol", f"is {self._security.protocol}, and this port has no TLS") from error
            raise

    def _greet(self, talk: _Talk) -> None:
        try:
            talk.ask(ApiVersionsRequest(version=0))
        except TimeoutError:
            raise
        except _NOT_SPOKEN as error:
            if not self._has_tls and self._speaks(_trusting()):
                raise self._refusal("protocol", f"is {self._security.protocol}, and this port wants TLS") from error
            reason = getattr(error, "reason", None) or ""
            if self._has_tls and "CERT" in reason:
                raise self._refusal("cert_file", f"and key_file: it wants a certificate of ours ({reason})") from error
            raise OSError(str(error) or "the connection was closed") from error

    def _come_unnamed(self, talk: _Talk) -> None:
        """A port that wants a login takes this handshake; one that does not calls it out of place, or hangs up."""
        try:
            answer = talk.ask(SaslHandshakeRequest(mechanism=self._security.mechanism, version=1))
        except _NOT_SPOKEN:
            return
        if answer.mechanisms:
            wanted = "SASL_SSL" if self._has_tls else "SASL_PLAINTEXT"
            raise self._refusal("protocol", f"is {self._security.protocol}, and this port wants a login: {wanted}")

    def _log_in(self, talk: _Talk) -> None:
        security = self._security
        answer = talk.ask(SaslHandshakeRequest(mechanism=security.mechanism, version=1))
        error = kafka_errors.for_code(answer.error_code)
        if error is kafka_errors.UnsupportedSaslMechanismError:
            known = " or ".join(answer.mechanisms)
            raise self._refusal("mechanism", f"is {security.mechanism}, and this port takes {known}")
        if error is not kafka_errors.NoError:
            raise self._refusal("protocol", f"is {security.protocol}, and this port takes no login ({error.__name__})")
        mechanism = get_sasl_mechanism(security.mechanism)(host=self._where[0], **_login(security))
        while not mechanism.is_done():
            answer = talk.ask(SaslAuthenticateRequest(mechanism.auth_bytes(), version=0))
            if answer.error_code:
                raise self._refusal("username", f"{security.username!r} or its password is refused")
            mechanism.receive(answer.auth_bytes)

    def _speaks(self, context: ssl.SSLContext | None) -> bool:
        """Whether a broker answers here with (a context) or without TLS."""
        try:
            with self._plain() as plain:
                plain.settimeout(self._deadline.left())
                if context:
                    context.wrap_socket(plain, server_hostname=self._where[0]).close()
                else:
                    _Talk(plain, self._deadline).ask(ApiVersionsRequest(version=0))
        except _NOT_SPOKEN:
            return False
        return True

    def _distrust(self, error: ssl.SSLCertVerificationError) -> ConfigError:
        if error.verify_code in _WRONG_NAME:
            return ConfigError(
                f"Kafka at {self._name}: its certificate is for another name: "
                f"write that one in kafka.bootstrap_servers ({error.verify_message})"
            )
        known = self._security.ca_file or "the system's authorities"
        return self._refusal("ca_file", f"{known}: does not vouch for its certificate ({error.verify_message})")

    def _refusal(self, setting: str, reason: str) -> ConfigError:
        return ConfigError(f"Kafka at {self._name}: kafka.security.{setting} {reason}")


class _Talk:
    """Questions and answers over one connection; raises OSError when the other side hangs up or time is over."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._protocol = KafkaProtocol(client_id="sago")

    def ask(self, request: Any) -> Any:
        """The answer to one request."""
        self._protocol.send_request(request)
        self._connection.settimeout(self._deadline.left())
        self._connection.sendall(self._protocol.send_bytes())
        while True:
            self._connection.settimeout(self._deadline.left())
            data = self._connection.recv(65536)
            if not data:
                raise ConnectionError("the connection was closed")
            for _, answer in self._protocol.receive_bytes(data):
                return answer


def _trusting() -> ssl.SSLContext:
    """Only to learn whether a port speaks TLS: nothing is said over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
