"""An .mbox: mails one after another, each behind a `From ` line; read as a stream, one mail in memory.

A `From ` line begins a mail where it has a date, or a blank line before it and a header below: in a body it may stand
unquoted. Lines `>From `, `>>From ` lose one `>` (mboxrd; mboxo quotes no deeper). A `Content-Length` counts where a
mail, or the end, really comes behind so many bytes: then a `From ` before is the body's, and where there is one nothing
was quoted (mboxcl2).
Form: RFC 4155; the variants: www.loc.gov/preservation/digital/formats/fdd/fdd000383.shtml
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sago.errors import UsageError
from sago.sources import gmail, mail_file
from sago.sources.registry import ReadRequest
from sago.sources.rows import BadRow, Row, sha256_of, topic_of

BLOCK = 1024 * 1024
LINE = 64 * 1024
"""Bytes of a line read at once; a longer one is read in pieces."""
HEAD = 256 * 1024
"""Bytes of a mail in which its header is looked for."""
_SEPARATOR = re.compile(rb"From \S+[ \t]+(?:.* )?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .*\d{1,2}:\d{2}.*")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:|>?From ")
_FIRST_HEADER = re.compile(
    rb"(?:return-path|received|from|to|date|subject|message-id|mime-version|content-type|delivered-to|x-[\w-]+|status"
    rb"|sender|reply-to|dkim-signature|arc-[\w-]+|authentication-results)[ \t]*:",
    re.IGNORECASE,
)
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,10})[ \t]*\r?\n", re.IGNORECASE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_UNQUOTED = re.compile(rb"^From ", re.MULTILINE)


def read(request: ReadRequest) -> Iterator[Row]:
    """See `Reader.read`; raises UsageError where the file does not begin as an mbox does."""
    with request.path.open("rb") as file:
        if not file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"From "):
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
    with request.path.open("rb") as file:
        for number, raw in enumerate(_mails(file), start=1):
            if raw is not None:
                yield from mail_file.rows(raw, request, digest, number)
                continue
            reason = f"the mail is over {mail_file.LIMIT // 1024 // 1024} MB"
            yield BadRow(number, reason, b"", digest, topic_of(gmail.SOURCE), request.company_id)


def _mails(file: BinaryIO) -> Iterator[bytes | None]:
    """Each mail without its `From ` line; None for one over the limit, which is not kept."""
    _skip_to_first(file)
    is_more = True
    while is_more:
        is_counted, raw = _counted(file)
        rest, is_more = _up_to_next(file, mail_file.LIMIT - len(raw), is_at_line=not is_counted)
        if rest is None:
            yield None
        elif is_counted and _UNQUOTED.search(raw):
            yield raw
        else:
            yield _QUOTED.sub(rb"\1", raw + rest)


def _skip_to_first(file: BinaryIO) -> None:
    """Behind the first `From ` line."""
    while line := file.readline(LINE):
        if line.lstrip(b"\xef\xbb\xbf \t\r\n"):
            return


def _counted(file: BinaryIO) -> tuple[bool, bytes]:
    """Header and body, where a Content-Length that is true says how much they are; else nothing is read."""
    start = file.tell()
    length = _length(file)
    end = file.tell() + (length or 0)
    if length is not None and end - start < mail_file.LIMIT and _is_end(file, end):
        file.seek(start)
        return True, file.read(end - start)
    file.seek(start)
    return False, b""


def _length(file: BinaryIO) -> int | None:
    """What the header says of the body's bytes; the file stands behind the header."""
    length, read = None, 0
    while (line := file.readline(LINE)).strip() and read < HEAD:
        read += len(line)
        if found := _LENGTH.match(line):
            length = int(found[1])
    return length


def _is_end(file: BinaryIO, end: int) -> bool:
    """Whether a mail ends there: with the file, or before the next `From ` line."""
    if _size(file) < end:
        return False
    file.seek(end)
    behind = file.read(4096)
    follows = behind.lstrip(b"\r\n")
    return not follows or (behind != follows and follows.startswith(b"From "))


def _size(file: BinaryIO) -> int:
    here = file.tell()
    size = file.seek(0, 2)
    file.seek(here)
    return size


def _up_to_next(file: BinaryIO, room: int, *, is_at_line: bool) -> tuple[bytes | None, bool]:
    """What stands before the next `From ` line, which is passed, and whether there is one; None where it is more than
    `room` bytes."""
    kept: list[bytes] = []
    size, is_after_blank, is_line_start = 0, not is_at_line, True
    while line := file.readline(LINE):
        if is_line_start and line.startswith(b"From ") and _begins_mail(file, line, is_after_blank=is_after_blank):
            return (b"".join(kept) if size <= room else None), True
        is_after_blank = is_line_start and line in (b"\n", b"\r\n")
        is_line_start = line.endswith(b"\n")
        size += len(line)
        if size <= room:
            kept.append(line)
        else:
            kept.clear()
    return (b"".join(kept) if size <= room else None), False


def _begins_mail(file: BinaryIO, line: bytes, *, is_after_blank: bool) -> bool:
    here = file.tell()
    follows = file.readline(LINE)
    file.seek(here)
    if _SEPARATOR.match(line):
        return is_after_blank or _HEADER.match(follows) is not None
    return is_after_blank and _FIRST_HEADER.match(follows) is not None
