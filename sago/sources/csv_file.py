"""CSV with the columns id, is_chat, chat_sender, email_sender, timestamp, content, and company_id, thread_id if wanted.

Read as bytes that may be broken: a row with invalid UTF-8 is refused alone and the rest goes on. Comma, semicolon or
tab; a byte order mark; headers in any case; columns renamed by `mapping`. Constant memory but for a fingerprint a row.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sago.domain.messages import Message
from sago.errors import EmptyInputError, InvalidMessageError, UsageError
from sago.sources import gmail, plain_row, slack
from sago.sources.registry import ReadRequest
from sago.sources.rows import BadRow, Row, check, sha256_of, topic_of

NEEDED = ("id", "is_chat", "chat_sender", "email_sender", "timestamp", "content")
OPTIONAL = ("company_id", "thread_id")
FIELD_LIMIT = 8 * 1024 * 1024
"""Characters in one field: far above the longest text that is taken, so that a quote never closed cannot eat memory."""
SAMPLE = 4 * 1024 * 1024
_YES, _NO = frozenset({"true", "1", "yes", "y"}), frozenset({"false", "0", "no", "n"})
_SHOWN_COLUMNS = 12


class Record(NamedTuple):
    """One row of the file as the parser saw it: where it begins, what it said, and the same as it stood there."""

    line: int
    fields: list[str]
    original: str
    error: str | None = None

    @property
    def value(self) -> bytes:
        return self.original.encode("utf-8", "surrogateescape")


def read(request: ReadRequest) -> Iterator[Row]:
    """See `Reader.read`; raises UsageError for a header that lacks a column, EmptyInputError for no row below."""
    delimiter, header = _header(request.path)
    columns = _columns(request.path, header, request.mapping)
    with request.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        records = _records(file, delimiter)
        if next(records, None) is None or next(records, None) is None:
            raise EmptyInputError(f"{request.path}: no rows below the header")
    return _rows(request, delimiter, columns, len(header))


def count(path: Path) -> int:
    """The rows of the first 4 MB, and as many again for each further 4 MB."""
    delimiter, _ = _header(path)
    with path.open("rb") as file:
        text = file.read(SAMPLE).decode("utf-8", "surrogateescape")
    records = sum(1 for _ in _records(text.splitlines(keepends=True), delimiter)) - 1
    return max(0, round(records * max(1.0, path.stat().st_size / SAMPLE)))


def _header(path: Path) -> tuple[str, list[str]]:
    """The delimiter and the names of the columns, in the file's own spelling."""
    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            raise UsageError(f"{path}: is UTF-16; save it as UTF-8 (in Excel: `CSV UTF-8`)")
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        first = file.readline(64 * 1024)
    delimiter = max(",;\t", key=first.count)
    names = next(csv.reader([first], delimiter=delimiter), [])
    return delimiter, [name.strip() for name in names]


def _columns(path: Path, header: list[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Our name → index of the column."""
    places = {name.casefold(): index for index, name in reversed(list(enumerate(header)))}
    unknown = [name for name in mapping if name not in NEEDED + OPTIONAL]
    if unknown:
        raise UsageError(f"--map {unknown[0]}=…: no column of ours; they are {', '.join(NEEDED + OPTIONAL)}")
    lacking = [theirs for theirs in mapping.values() if theirs.strip().casefold() not in places]
    if lacking:
        raise UsageError(f"{path}: --map names the column {lacking[0]!r}; the file has {_shown(header)}")
    wanted = {name: mapping.get(name, name).strip().casefold() for name in NEEDED + OPTIONAL}
    missing = [name for name in NEEDED if wanted[name] not in places]
    if missing and not all(name.isprintable() for name in header):
        raise UsageError(f"{path}: line 1 is no header of a CSV in UTF-8; needed are the columns {', '.join(NEEDED)}")
    if missing:
        raise UsageError(
            f"{path}: line 1: no column {', '.join(missing)}; found {_shown(header)}, needed {', '.join(NEEDED)}; "
            f"rename with --map {_example(missing[0], header)}"
        )
    return {name: places[theirs] for name, theirs in wanted.items() if theirs in places}


def _shown(header: list[str]) -> str:
    named = [name.encode("utf-8", "replace").decode()[:40] for name in header if name]
    more = f" and {len(named) - _SHOWN_COLUMNS} more" if len(named) > _SHOWN_COLUMNS else ""
    return (", ".join(named[:_SHOWN_COLUMNS]) or "no names at all") + more


def _example(missing: str, header: list[str]) -> str:
    """A --map that a person can type; the nearest free column where one is near."""
    free = [name for name in header if name and name.casefold() not in NEEDED + OPTIONAL]
    near = difflib.get_close_matches(missing, free, n=1, cutoff=0.4)
    theirs = (near or free or ["YourColumn"])[0]
    return f"'{missing}={theirs}'" if " " in theirs else f"{missing}={theirs}"


def _rows(request: ReadRequest, delimiter: str, columns: Mapping[str, int], width: int) -> Iterator[Row]:
    digest = sha256_of(request.path)
    seen = Fingerprints()
    with request.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        records = _records(file, delimiter)
        next(records, None)
        for record in records:
            row = _Draft.of(record, columns, width, request.company_id)
            try:
                message = row.message()
                check(message, request.now)
                seen.check(message, record.line)
            except InvalidMessageError as error:
                yield BadRow(
                    line=record.line,
                    reason=error.reason,
                    value=record.value,
                    file_sha256=digest,
                    topic=topic_of(row.source),
                    company_id=row.company_id,
                    message_id=f"{row.source}:{row.fields['id']}" if row.source and row.fields.get("id") else None,
                )
            else:
                yield message


def _records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The rows of a CSV, blank lines left out. A row that cannot be parsed is its first line alone; the lines it ran
    on to are read again, so a quote never closed costs one row and not the rest of the file."""
    csv.field_size_limit(FIELD_LIMIT)
    source = _Lines(lines)
    while True:
        parser = csv.reader(source, delimiter=delimiter, strict=True)
        try:
            for fields in parser:
                line, original = source.take()
                if fields and original.strip():
                    yield Record(line, fields, original)
            return
        except csv.Error as error:
            line, original = source.take_first()
            reason = "a quote is never closed" if "unexpected end" in str(error) else f"not CSV: {error}"
            yield Record(line, [], original, reason)


class _Lines:
    """The lines of a file, with those of the row under way kept, to be given as they stood or once more."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._kept: list[str] = []
        self._next = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._kept.append(line)
        return line

    def take(self) -> tuple[int, str]:
        """The number of the row's first line, and the whole row."""
        start, row = self._next, "".join(self._kept)
        self._next += len(self._kept)
        self._kept = []
        return start, row

    def take_first(self) -> tuple[int, str]:
        """The row's first line alone; the others are read again."""
        self._again.extendleft(reversed(self._kept[1:]))
        self._kept = self._kept[:1]
        return self.take()


class _Draft(NamedTuple):
    """A row on its way to a message: what could be told of it even if the rest is wrong."""

    fields: dict[str, str]
    source: str | None
    company_id: str
    error: str | None

    @classmethod
    def of(cls, record: Record, columns: Mapping[str, int], width: int, company_id: str) -> _Draft:
        if record.error is not None:
            return cls({}, None, company_id, record.error)
        if len(record.fields) != width:
            return cls({}, None, company_id, f"{len(record.fields)} columns where the header has {width}")
        fields = {name: record.fields[index] for name, index in columns.items()}
        fields |= {name: value.strip() for name, value in fields.items() if name != "content"}
        kind = fields["is_chat"].casefold()
        source = slack.SOURCE if kind in _YES else gmail.SOURCE if kind in _NO else None
        error = _broken_utf8(record) or (
            None if source else f"is_chat is {fields['is_chat'][:40]!r}: say true or false (or 1, 0, yes, no)"
        )
        return cls(fields, source, fields.get("company_id") or company_id, error)

    def message(self) -> Message:
        """Raises InvalidMessageError with the first thing that is wrong."""
        if self.error is not None or self.source is None:
            raise InvalidMessageError(self.error or "the source cannot be told")
        return plain_row.to_message(self.fields, self.source, self.company_id)


def _broken_utf8(record: Record) -> str | None:
    """Bytes that were not UTF-8 stand in the text as lone surrogates."""
    try:
        record.original.encode("utf-8")
    except UnicodeEncodeError as error:
        before = record.original[: error.start]
        place = len(before.encode("utf-8", "surrogateescape")) + 1
        return f"invalid UTF-8 (byte {place} of the row); save the file as UTF-8"
    return None


class Fingerprints:
    """Which ids were seen with which content (hashes only); the same twice is left to the store, as a duplicate."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, int]] = {}

    def check(self, message: Message, line: int) -> None:
        """Raises InvalidMessageError for an id that came before with another content."""
        content, first = self._seen.setdefault(_hash(message.company_id, message.id), (_hash(message.text), line))
        if content != _hash(message.text):
            raise InvalidMessageError(f"same id, other content as line {first}", message_id=message.id)


def _hash(*parts: str) -> int:
    digest = hashlib.blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")
