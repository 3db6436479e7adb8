"""One round of delivery in a process that kills itself at a step: `python -m tests.integration.delivering STEP`.

The steps lie around what is there anyway: the database's transactions and the conversation with the mail server.
"""

from __future__ import annotations

import os
import signal
import smtplib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sago.bootstrap import build
from sago.config import load
from sago.domain.mails import Mail
from sago.ports import Transaction
from sago.stores.postgres import PostgresDatabase

COMMITS = ("queued", "claimed", "sending", "sent")
STEPS = (
    *(f"{when} {state} is committed" for state in COMMITS for when in ("before", "after")),
    "connected",
    "after MAIL",
    "after RCPT",
    "after 354",
    "in the middle of the content",
    "before the answer to the content",
)


def die() -> None:
    """As kill -9 would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Mails:
    """Notes which state a transaction is about to commit."""

    def __init__(self, mails: Any, noted: list[str]) -> None:
        self._mails = mails
        self._noted = noted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mails, name)

    def add(self, mail: Mail) -> bool:
        self._noted.append(mail.state)
        added: bool = self._mails.add(mail)
        return added

    def replace(self, before: Mail, after: Mail) -> bool:
        self._noted.append(after.state)
        replaced: bool = self._mails.replace(before, after)
        return replaced


class KillingDatabase(PostgresDatabase):
    """Dies right before or right after a commit."""

    def __init__(self, database: PostgresDatabase, step: str) -> None:
        self.connections = database.connections
        self._step = step

    @contextmanager
    def begin(self) -> Iterator[Transaction]:  # type: ignore[override]
        noted: list[str] = []
        with super().begin() as tx:
            tx.mails = _Mails(tx.mails, noted)  # type: ignore[assignment]
            yield tx
            if any(self._step == f"before {state} is committed" for state in noted):
                die()
        if any(self._step == f"after {state} is committed" for state in noted):
            die()


def killing_smtp(step: str) -> type[smtplib.SMTP]:
    """A client that dies in the conversation."""

    def dying(name: str, at: str) -> Any:
        said = getattr(smtplib.SMTP, name)

        def say(self: smtplib.SMTP, *args: Any, **kwargs: Any) -> Any:
            answer = said(self, *args, **kwargs)
            if step == at:
                die()
            return answer

        return say

    class Killing(smtplib.SMTP):
        has_sent_content = False
        connect = dying("connect", "connected")
        mail = dying("mail", "after MAIL")
        rcpt = dying("rcpt", "after RCPT")
        docmd = dying("docmd", "after 354")

        def send(self, s: Any) -> None:
            is_content = isinstance(s, bytes) and s.endswith(b"\r\n.\r\n")
            if is_content and step == "in the middle of the content":
                super().send(s[: len(s) // 2])
                die()
            super().send(s)
            self.has_sent_content = self.has_sent_content or is_content

        def getreply(self) -> Any:
            if self.has_sent_content and step == "before the answer to the content":
                assert self.sock is not None
                self.sock.recv(1)  # the server has answered: it has the mail
                die()
            return super().getreply()

    return Killing


def main(step: str) -> None:
    """A round, as the task runs it."""
    container = build(load())
    container.__dict__["database"] = KillingDatabase(container.database, step)
    smtplib.SMTP = killing_smtp(step)  # type: ignore[misc]
    container.delivery.deliver()
    container.close()


if __name__ == "__main__":
    assert sys.argv[1] in (*STEPS, "never"), sys.argv[1]
    main(sys.argv[1])
