"""One way into every file Sago reads: tell the kind, count the rows, read them one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from sago.errors import UsageError
from sago.sources.registry import Kind, ReadRequest, reader
from sago.sources.rows import BadRow, Row

__all__ = ["BadRow", "Kind", "Row", "count_rows", "describe", "read_path"]

_SUFFIXES = {
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".txt": Kind.CSV,
    ".zip": Kind.SLACK_EXPORT,
    ".mbox": Kind.MBOX,
    ".mbx": Kind.MBOX,
    ".eml": Kind.EML,
}
_READABLE = "a CSV, a Slack export .zip, an .mbox, an .eml or a folder of .eml"


def describe(path: Path) -> Kind:
    """The kind of input, by its name and then its first bytes; raises UsageError with one line."""
    if path.is_dir():
        if next(path.rglob("*.eml"), None) is None:
            raise UsageError(f"{path}: the folder holds no .eml; Sago reads {_READABLE}")
        return Kind.EML_FOLDER
    try:
        with path.open("rb") as file:
            head = file.read(5)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; name {_READABLE}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    if not head:
        raise UsageError(f"{path}: the file is empty; Sago reads {_READABLE}")
    kind = _SUFFIXES.get(path.suffix.lower()) or _by_bytes(head)
    if kind is None:
        raise UsageError(f"{path}: cannot tell what this is; Sago reads {_READABLE}")
    return kind


def _by_bytes(head: bytes) -> Kind | None:
    if head.startswith(b"PK\x03\x04"):
        return Kind.SLACK_EXPORT
    return Kind.MBOX if head == b"From " else None


def read_path(
    path: Path, *, company_id: str, mapping: Mapping[str, str], now: datetime, ignored: Counter[str] | None = None
) -> Iterator[Row]:
    """Each message of the input, or the reason why a row is none, in the input's order, one by one.

    `company_id` is for rows that name no company; `mapping` gives our column's name → the CSV's own. What lies more
    than ten minutes after `now` is a BadRow; what is left out on purpose is counted in `ignored`, by the reason. Raises
    UsageError before the first row where nothing can be read at all.
    """
    kind = describe(path)
    if mapping and kind is not Kind.CSV:
        raise UsageError(f"{path}: --map renames the columns of a CSV; this is a {kind}")
    return reader(kind).read(ReadRequest(path, company_id, mapping, now, ignored))


def count_rows(path: Path) -> int:
    """About how many rows `read_path` will yield: an estimate where counting would mean reading everything."""
    return reader(describe(path)).count(path)
