"""A real SMTP server for tests, on aiosmtpd, which can misbehave in each way that a delivery must survive."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, NamedTuple

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sago.embedded.servers import free_port

USER, PASSWORD = "sago", "correct horse"


class Taken(NamedTuple):
    """A mail that the server answered with 250, or took and never answered."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    was_encrypted: bool
    options: tuple[str, ...]

    @property
    def mail(self) -> EmailMessage:
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class Manners:
    """How the server behaves; each answer given for one address holds for it alone."""

    rcpt: dict[str, str] = field(default_factory=dict)
    """Address → what RCPT is answered with."""
    sender: str = ""
    """What MAIL is answered with, where it is not 250."""
    data: str = "250 2.0.0 taken"
    """What the end of the content is answered with; `drop` takes the mail and hangs up, `hang` takes it and says
    nothing, `cut` hangs up in the middle of the content."""
    before_data: str = ""
    """What DATA is answered with instead of 354; `drop` hangs up."""
    slow: float = 0.0
    """Seconds before each RCPT is answered."""
    dribbled: str = "never"
    """How answers begin that are said a byte at a time."""
    dribble: float = 0.05
    """Seconds between two such bytes."""


class Handler:
    """aiosmtpd's hooks."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.taken: list[Taken] = []
        self.dialogues = 0
        self.rcpts: list[str] = []

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.dialogues += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.manners.sender:
            return self.manners.sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.rcpts.append(address)
        await asyncio.sleep(self.manners.slow)
        if (answer := self.manners.rcpt.get(address)) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        said = self.manners.data
        if said.startswith("250") or said in ("drop", "hang"):
            taken = Taken(
                envelope.mail_from or "",
                tuple(envelope.rcpt_tos),
                content,
                session.ssl is not None,
                tuple(envelope.mail_options),
            )
            self.taken.append(taken)
        if said == "drop":
            server.transport.abort()
        if said == "hang":
            await asyncio.sleep(60)
        return "451 never said" if said in ("drop", "hang") else said


class Server(SMTP):
    """aiosmtpd's protocol, which can also cut a conversation in two, and dribble its answers."""

    def eof_received(self) -> bool | None:
        answer = super().eof_received()  # which ends what was being said, and leaves the connection half open
        if self.transport is not None:
            self.transport.close()
        return answer

    async def push(self, status: Any) -> None:
        manners: Manners = self.event_handler.manners
        said = status if isinstance(status, bytes) else str(status).encode()
        if not said.startswith(manners.dribbled.encode()):
            await super().push(status)
            return
        for byte in said + b"\r\n":
            self._writer.write(bytes([byte]))
            await self._writer.drain()
            await asyncio.sleep(manners.dribble)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        manners: Manners = self.event_handler.manners
        if manners.before_data == "drop":
            self.transport.abort()
            return
        if manners.before_data:
            await self.push(manners.before_data)
            return
        if manners.data == "cut":
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def check_login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    """The one account."""
    is_known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=is_known)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return Server(self.handler, **self.SMTP_kwargs)


@dataclass
class MailServer:
    """A running server."""

    controller: _Controller
    handler: Handler

    @property
    def host(self) -> str:
        return "localhost"

    @property
    def port(self) -> int:
        return self.controller.port

    @property
    def taken(self) -> list[Taken]:
        return self.handler.taken

    @property
    def manners(self) -> Manners:
        return self.handler.manners


@contextmanager
def mail_server(ca: trustme.CA | None = None, name: str = "localhost", **manners: Any) -> Iterator[MailServer]:
    """A server on a port of its own. With an authority it offers STARTTLS under a certificate for `name`, wants it
    before anything else, and a login."""
    handler = Handler(Manners(**manners))
    secure: dict[str, Any] = {}
    if ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name).configure_cert(context)
        secure = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": check_login,
        }
    controller = _Controller(handler, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True, **secure)
    controller.start()
    try:
        yield MailServer(controller, handler)
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        held: list[socket.socket] = []
        done = threading.Event()

        def accept() -> None:
            while not done.is_set():
                try:
                    held.append(listening.accept()[0])
                except OSError:
                    return

        taker = threading.Thread(target=accept, daemon=True)
        taker.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            done.set()
            listening.shutdown(socket.SHUT_RDWR)
            taker.join(5)
            for connection in held:
                connection.close()
