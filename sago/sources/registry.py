"""The kinds of files and of payloads that can be read, and where each reader is, imported when first asked for.

To add a kind of file: a module with `read` and `count`, a row in `READERS`, samples in tests/data. A source that hands
in payloads: a module with `to_message`, a row in `PAYLOADS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from sago.domain.messages import Message
from sago.sources.rows import Row


class Kind(StrEnum):
    """What a path holds; the value is what a person reads."""

    CSV = "CSV"
    SLACK_EXPORT = "Slack export"
    MBOX = "mbox"
    EML = "mail"
    EML_FOLDER = "folder of mails"


class ReadRequest(NamedTuple):
    """What a reader is told: whose messages they are where a row does not say, renamed columns, and the time; and where
    it counts what it leaves out on purpose, by the reason."""

    path: Path
    company_id: str
    mapping: Mapping[str, str]
    now: datetime
    ignored: Counter[str] | None = None

    def leave_out(self, reason: str) -> None:
        """Count one that is left out; the reason holds no content."""
        if self.ignored is not None:
            self.ignored[reason] += 1


class Reader(Protocol):
    """One kind of input."""

    def read(self, request: ReadRequest) -> Iterator[Row]:
        """Check the input as a whole, then yield each row as it is read. Raises UsageError before the first row."""

    def count(self, path: Path) -> int:
        """About how many rows there are: cheap, for a progress bar."""


READERS: dict[Kind, str] = {
    Kind.CSV: "sago.sources.csv_file",
    Kind.SLACK_EXPORT: "sago.sources.slack_export",
    Kind.MBOX: "sago.sources.mbox_file",
    Kind.EML: "sago.sources.eml_file",
    Kind.EML_FOLDER: "sago.sources.eml_file",
}


def reader(kind: Kind) -> Reader:
    """The module that reads a kind."""
    return cast("Reader", import_module(READERS[kind]))


class PayloadReader(Protocol):
    """One source's own payloads."""

    def to_message(self, payload: Mapping[str, Any], company_id: str) -> Message:
        """The message in a payload; raises InvalidMessageError."""


class Payload(NamedTuple):
    """Where the payloads of a source are read, a field all of them have, and what ours are called in them."""

    module: str
    mark: str
    names: Mapping[str, str]


PAYLOADS: dict[str, Payload] = {
    "slack": Payload(
        "sago.sources.slack", "type", {"id": "ts", "sent_at": "ts", "sender": "user", "thread_id": "thread_ts"}
    ),
    "gmail": Payload(
        "sago.sources.gmail",
        "payload",
        {"sent_at": "internalDate", "text": "payload", "sender": "payload.headers", "thread_id": "threadId"},
    ),
}


def payload_reader(source: str) -> PayloadReader:
    """The module that reads a source's payloads."""
    return cast("PayloadReader", import_module(PAYLOADS[source].module))
