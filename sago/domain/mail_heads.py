"""What a stored mail's header says of who wrote to whom, in which conversation."""

from __future__ import annotations

from typing import NamedTuple


class MailHead(NamedTuple):
    """Addresses as the header writes them, names left out; Message-IDs with their angle brackets (RFC 5322, 3.6.4)."""

    message_id: str
    sender: str
    readers: tuple[str, ...]
    """Of To and Cc."""
    subject: str
    references: tuple[str, ...] = ()
    """The conversation before it, oldest first."""
