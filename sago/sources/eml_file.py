"""One .eml, or a folder of them with its subfolders, in the order of their paths."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sago.sources import mail_file
from sago.sources.registry import ReadRequest
from sago.sources.rows import BadRow, Row, topic_of


def read(request: ReadRequest) -> Iterator[Row]:
    """See `Reader.read`."""
    return (row for path in _paths(request.path) for row in _rows(path, request))


def count(path: Path) -> int:
    """The number of files, exactly."""
    return len(_paths(path))


def _paths(path: Path) -> list[Path]:
    return sorted(found for found in path.rglob("*.eml") if found.is_file()) if path.is_dir() else [path]


def _rows(path: Path, request: ReadRequest) -> Iterator[Row]:
    try:
        if path.stat().st_size > mail_file.LIMIT:
            yield _refused(path, f"{path.name}: the mail is over {mail_file.LIMIT // 1024 // 1024} MB")
            return
        raw = path.read_bytes()
    except OSError as error:
        yield _refused(path, f"{path.name}: cannot be read ({error.strerror})")
        return
    yield from mail_file.rows(raw, request, hashlib.sha256(raw).hexdigest(), 1)


def _refused(path: Path, reason: str) -> BadRow:
    """A file that was not read is known by its name."""
    return BadRow(1, reason, b"", hashlib.sha256(str(path).encode()).hexdigest(), topic_of("gmail"))
