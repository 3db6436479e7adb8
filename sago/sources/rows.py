"""What a reader yields beside messages: a row that could not be read, with its reason and its original bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from sago.domain.messages import Message

BadRowTopic: TypeAlias = Literal["slack-messages", "gmail-messages", "unparsed"]


@dataclass(frozen=True)
class BadRow:
    """A row for the dead letters.

    `line` counts from 1: the line of a CSV where the row begins, the number of the mail in an .mbox, the number of the
    message in a Slack export, 1 in an .eml. `value` is the row as it stood in the file.
    """

    line: int
    reason: str
    value: bytes
    file_sha256: str
    topic: BadRowTopic = "unparsed"
    company_id: str | None = None
    message_id: str | None = None

    @property
    def origin(self) -> str:
        """`<sha256 of the file>:<line>`, the same on every run."""
        return f"{self.file_sha256}:{self.line}"


Row: TypeAlias = Message | BadRow


def check(message: Message, now: datetime) -> None:
    """Raise InvalidMessageError unless Kafka would take the message: its time, its size, its characters."""
    message.check_time(now)
    message.to_json()


def topic_of(source: str | None) -> BadRowTopic:
    """The topic whose dead letters take the row; `unparsed` where the source cannot be told."""
    return "slack-messages" if source == "slack" else "gmail-messages" if source == "gmail" else "unparsed"


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
