"""The port of what carries a mail out of the house."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Protocol

from sago.domain.mails import Posted


class Mailer(Protocol):
    """Hands one mail to one recipient, at most once a call; nobody else gets a copy."""

    @property
    def name(self) -> str:
        """The other side, as breakers and people know it: `smtp/mail.example:587`."""

    def post(self, mail: EmailMessage, recipient: str, begin: Callable[[], bool]) -> Posted:
        """Hand the mail over. `begin` is called when the other side would take it, right before the content goes over;
        where it returns False, or raises, nothing goes.

        Raises, all before `begin`: TransientError where the other side is out, ConfigError where a setting is wrong,
        PermanentError where this mail can never go. After `begin` everything is an answer, UNKNOWN at the worst.
        """

    def check(self) -> str:
        """Ask the other side without sending; what it is, in a few words. Raises as `post` does."""
