"""The port `Mailer` over SMTP (RFC 5321) with STARTTLS (RFC 3207): one connection a mail, one recipient, no copies."""

from __future__ import annotations

import io
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from typing import TYPE_CHECKING, NamedTuple

from sago.domain.mails import Posted, Reply, is_address
from sago.errors import ConfigError, PermanentError, TransientError
from sago.outreach_sections import SmtpSettings
from sago.stores import wire

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

OPEN_WITHIN = 40.0
"""Seconds from the first word to the one before the content, however many answers that takes and in what pieces they
come."""
ANSWER_WITHIN = 120.0
"""Seconds until a server must have taken a mail's content and answered its end: it may look for viruses first."""
QUIT_WITHIN = 5.0
PIECE = 16_384
"""Bytes that are sent before it is asked again how much time is left."""
SHOWN = 200
"""Characters of an answer that are kept."""
_NO_SUCH = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Enhanced codes (RFC 3463, RFC 7505) of a recipient that is not there or takes nothing."""
_ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\d|\.\d)")
_ABOUT_SENDER = re.compile(r"\bsender\b", re.IGNORECASE)
"""Servers that ask the sender's own server quote its answer, with its code."""


class _Envelope(NamedTuple):
    sender: str
    recipient: str
    options: list[str]
    content: bytes


class _Talk(smtplib.SMTP):
    """A connection whose answers are bounded whole, and all of them together, however slowly their bytes come: the
    standard library's timeout begins anew with each byte. What is late ends with a TimeoutError, or with the
    SMTPServerDisconnected that it makes of one."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.give(OPEN_WITHIN, settings.timeout)
        super().__init__(settings.host or "", settings.port, local_hostname=settings.helo, timeout=settings.timeout)

    def give(self, seconds: float, an_answer: float | None = None) -> None:
        """From now on so long for all that follows, and for one answer of it."""
        self._ends, self._patience = time.monotonic() + seconds, an_answer or seconds
        self._until = self._ends

    def getreply(self) -> tuple[int, bytes]:
        self._until = min(self._ends, time.monotonic() + self._patience)
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Timed(self.sock, self.left))
        return super().getreply()

    def send(self, s: ReadableBuffer | str) -> None:
        content = s.encode(self.command_encoding) if isinstance(s, str) else bytes(s)
        self._until = min(self._ends, time.monotonic() + self._patience)
        for start in range(0, len(content), PIECE):
            if self.sock is not None:
                self.sock.settimeout(self.left())
            super().send(content[start : start + PIECE])

    def left(self) -> float:
        """Seconds; raises TimeoutError where none is."""
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds


class _Timed(io.RawIOBase):
    """A socket's bytes while there is time left."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._sock.settimeout(self._left())
        return self._sock.recv_into(buffer)


class SmtpMailer:
    """Raises ConfigError where a setting is wrong: no STARTTLS, a certificate nobody vouches for, a refused login."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        return f"smtp/{self._where}"

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def check(self) -> str:
        """Connect, encrypt, log in, and leave."""
        with self._session() as server:
            self._ask(server.noop)
        how = "with STARTTLS" if self._settings.starttls else "not encrypted"
        login = f", as {self._settings.username}" if self._settings.username else ""
        return f"{self._where} takes mail {how}{login}"

    def post(self, mail: EmailMessage, recipient: str, begin: Callable[[], bool]) -> Posted:
        with self._session() as server:
            envelope = self._envelope(mail, recipient, has_utf8=server.has_extn("smtputf8"))
            if refused := self._open(server, envelope):
                return refused
            if not begin():
                return Posted(Reply.GIVEN_UP)
            return self._content(server, envelope)

    def _envelope(self, mail: EmailMessage, recipient: str, *, has_utf8: bool) -> _Envelope:
        sender = self._settings.envelope_from or _sender(mail)
        if not is_address(recipient):
            raise PermanentError(f"{recipient!r} is no mail address")
        if not sender:
            raise PermanentError("the sender has no mail address: set smtp.envelope_from, or give the sender one")
        del mail["Bcc"]
        if not _sender(mail):
            name = mail["From"].groups[0].display_name if mail["From"] and mail["From"].groups else ""
            del mail["From"]
            mail["From"] = Address(name or "", addr_spec=sender)
        if (sender + recipient).isascii():
            return _Envelope(sender, recipient, [], mail.as_bytes(policy=wire.ASCII))
        if not has_utf8:
            raise PermanentError(f"{self._where} takes no address that is not ASCII (SMTPUTF8)")
        return _Envelope(sender, recipient, ["SMTPUTF8", "BODY=8BITMIME"], mail.as_bytes(policy=wire.UTF8))

    def _open(self, server: smtplib.SMTP, envelope: _Envelope) -> Posted | None:
        """MAIL and RCPT; what the server has against them."""
        code, said = self._ask(lambda: server.mail(envelope.sender, envelope.options))
        if code == 250:
            code, said = self._ask(lambda: server.rcpt(envelope.recipient))
            if code in (250, 251):
                return None
            if _is_no_such_address(code, said):
                return Posted(Reply.NO_SUCH_ADDRESS, _told(code, said))
        self._still_there(code, said)
        return Posted(Reply.DEFERRED, _told(code, said))

    def _content(self, server: _Talk, envelope: _Envelope) -> Posted:
        """DATA: an answer that refuses is certain, silence is not. Until 354 nothing has gone over."""
        try:
            code, said = server.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            return Posted(Reply.DEFERRED, f"{self._where}: {_first_line(error)} before the content went over")
        if code != 354:
            return Posted(Reply.DEFERRED if code < 500 else Reply.REFUSED, _told(code, said))
        try:
            server.give(ANSWER_WITHIN)
            server.send(_stuffed(envelope.content))
            code, said = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            reason = f"{self._where} did not say whether it took the mail: {_first_line(error)}"
            return Posted(Reply.UNKNOWN, reason)
        if code == 250:
            return Posted(Reply.ACCEPTED, _told(code, said))
        if code == 421 or not 400 <= code < 600:  # it goes away: whether it has passed the mail on it does not say
            return Posted(Reply.UNKNOWN, _told(code, said))
        return Posted(Reply.DEFERRED if code < 500 else Reply.REFUSED, _told(code, said))

    @contextmanager
    def _session(self) -> Iterator[_Talk]:
        settings = self._settings
        try:
            server = _Talk(settings)
        except (OSError, smtplib.SMTPException) as error:
            raise self._out(error) from error
        try:
            self._ask(server.ehlo_or_helo_if_needed)
            if settings.starttls:
                self._encrypt(server)
            if settings.username:
                self._log_in(server)
            yield server
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.give(QUIT_WITHIN)
                server.quit()
            server.close()

    def _encrypt(self, server: smtplib.SMTP) -> None:
        if not server.has_extn("starttls"):
            raise ConfigError(
                f"smtp server {self._where} offers no STARTTLS, and nothing is sent in clear: look at smtp.port, or "
                "whether somebody stands between; smtp.starttls: false is for a server of your own network"
            )
        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file)
            code, said = server.starttls(context=context)
        except ssl.SSLCertVerificationError as error:
            raise ConfigError(
                f"smtp server {self._where}: its certificate is not to be trusted ({error.verify_message}): look at "
                "smtp.host, which the certificate must name, and smtp.ca_file"
            ) from error
        except smtplib.SMTPResponseException as error:
            raise TransientError(f"smtp server {self._where}: STARTTLS: {_first_line(error)}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise self._out(error) from error
        if code != 220:
            raise TransientError(f"{self._where}: STARTTLS: {_told(code, said)}")
        self._ask(server.ehlo_or_helo_if_needed)

    def _log_in(self, server: smtplib.SMTP) -> None:
        username, password = self._settings.username or "", self._settings.password
        try:
            server.login(username, password.get_secret_value() if password else "")
        except smtplib.SMTPAuthenticationError as error:
            said = _first_line(error)
            if error.smtp_code < 500:
                raise TransientError(f"smtp server {self._where}: {said}") from error
            raise ConfigError(
                f"smtp server {self._where} refuses the login of {username} ({said}): "
                "check smtp.username and SAGO_SMTP__PASSWORD"
            ) from None
        except smtplib.SMTPNotSupportedError as error:
            raise ConfigError(f"smtp server {self._where} offers no login: leave smtp.username away") from error
        except (OSError, smtplib.SMTPException) as error:
            raise self._out(error) from error

    def _ask(self, say: Callable[[], tuple[int, bytes] | None]) -> tuple[int, bytes]:
        """The answer to a command before DATA; raises TransientError where none comes."""
        try:
            return say() or (250, b"")
        except (OSError, smtplib.SMTPException) as error:
            raise self._out(error) from error

    def _still_there(self, code: int, said: bytes) -> None:
        if code == 421:
            raise TransientError(f"smtp server {self._where}: {_told(code, said)}")

    def _out(self, error: Exception) -> TransientError:
        return TransientError(f"smtp server {self._where} does not answer: {_first_line(error)}")


def _sender(mail: EmailMessage) -> str:
    addresses = mail["From"].addresses if mail["From"] else ()
    return addresses[0].addr_spec if addresses and addresses[0].domain else ""


def _is_no_such_address(code: int, said: bytes) -> bool:
    """Whether the recipient alone is at fault by the server's own code, wherever in the answer it stands. Words prove
    nothing: a bare 550 is also said to a sender on a blocklist, and for relaying."""
    words = said.decode("utf-8", "replace")
    codes = set(_ENHANCED.findall(words))
    return code >= 500 and bool(codes) and codes <= _NO_SUCH and not _ABOUT_SENDER.search(words)


def _stuffed(content: bytes) -> bytes:
    """With a dot before each line that begins with one, and the line that ends it (RFC 5321, 4.5.2)."""
    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", ended) + b".\r\n"


def _told(code: int, said: bytes) -> str:
    return f"{code} {_line(said.decode('utf-8', 'replace'))}"[:SHOWN]


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _first_line(error: Exception) -> str:
    """Without what the other side's words may hold beyond a line."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _told(error.smtp_code, _bytes(error.smtp_error))
    return (_line(str(error)) or type(error).__name__)[:SHOWN]


def _line(words: str) -> str:
    """On one line, without control characters: Postgres keeps no NUL."""
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())
