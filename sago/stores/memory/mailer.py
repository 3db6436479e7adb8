"""The `Mailer` in memory: a server that says what it was told to say."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from email.message import EmailMessage
from typing import NamedTuple

from sago.domain.mails import Posted, Reply


class Received(NamedTuple):
    """A mail as it came."""

    recipient: str
    mail: EmailMessage


class MemoryMailer:
    """Takes every mail; what stands in `answers` it says first: before the content where it refuses or raises."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.asked: list[str] = []
        self.answers: deque[Posted | Exception] = deque()

    @property
    def name(self) -> str:
        return "memory"

    def check(self) -> str:
        return "in memory"

    def post(self, mail: EmailMessage, recipient: str, begin: Callable[[], bool]) -> Posted:
        self.asked.append(recipient)
        answer = self.answers.popleft() if self.answers else Posted(Reply.ACCEPTED, "250 taken")
        if isinstance(answer, Exception):
            raise answer
        if answer.reply in (Reply.DEFERRED, Reply.NO_SUCH_ADDRESS):
            return answer
        if not begin():
            return Posted(Reply.GIVEN_UP)
        if answer.reply is not Reply.REFUSED:
            self.received.append(Received(recipient, mail))
        return answer
