"""The kinds of input that can be read, and where each reader is; a reader is imported when its kind is first read.

To add one: a file with `read` and `count`, a row in `READERS`, samples in tests/data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from sago.sources.rows import Row


class Kind(StrEnum):
    """What a path holds; the value is what a person reads."""

    CSV = "CSV"
    SLACK_EXPORT = "Slack export"
    MBOX = "mbox"
    EML = "mail"
    EML_FOLDER = "folder of mails"


class ReadRequest(NamedTuple):
    """What a reader is told: whose messages they are where a row does not say, renamed columns, and the time."""

    path: Path
    company_id: str
    mapping: Mapping[str, str]
    now: datetime


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
