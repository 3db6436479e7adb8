"""An .mbox: mails one after another, each behind a `From ` line; read one by one."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from pathlib import Path

from sago.errors import UsageError
from sago.sources import mail_file
from sago.sources.registry import ReadRequest
from sago.sources.rows import Row, sha256_of

BLOCK = 1024 * 1024


def read(request: ReadRequest) -> Iterator[Row]:
    """See `Reader.read`; raises UsageError where the file does not begin as an mbox does."""
    with request.path.open("rb") as file:
        if not file.read(4096).lstrip().startswith(b"From "):
            raise UsageError(f"{request.path}: not an mbox: its first line does not begin with `From `")
    return _rows(request)


def count(path: Path) -> int:
    """The lines that begin with `From `."""
    found, tail = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found += (tail + block).count(b"\nFrom ")
            tail = block[-5:]
    return found


def _rows(request: ReadRequest) -> Iterator[Row]:
    digest = sha256_of(request.path)
    box = mailbox.mbox(request.path, create=False)
    try:
        for number, key in enumerate(box.iterkeys(), start=1):
            yield from mail_file.rows(box.get_bytes(key), request, digest, number)
    finally:
        box.close()
