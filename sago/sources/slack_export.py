"""A Slack export zip: channels.json, users.json, and a folder a channel with one YYYY-MM-DD.json a day.

Nothing is unpacked to disk. What is a message, whose, and what it says is read as of a message that Slack pushes: the
same message is the same here (`slack`). Shape: slack.com/help/articles/220556107; an export of an Enterprise
organisation has org_users.json.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sago.errors import InvalidMessageError, UsageError
from sago.sources import slack
from sago.sources.registry import ReadRequest
from sago.sources.rows import BadRow, Row, check, sha256_of, topic_of

ENTRIES = 200_000
ENTRY_BYTES = 64 * 1024 * 1024
RATIO = 400
"""Unpacked to packed size; a day of JSON packs to a tenth, a bomb to a thousandth."""
RATIO_FROM = 1024 * 1024
BYTES_PER_MESSAGE = 700
_DAY = re.compile(r"([^/\\]+)/(\d{4}-\d{2}-\d{2})\.json")
_USERS = ("users.json", "org_users.json")
_DIRECT = {"mpims.json": "mpim", "dms.json": "im"}
"""Lists of direct conversations → the `channel_type` that events of such a one bear."""
_LISTS = ("channels.json", "groups.json", *_DIRECT)


class Export(NamedTuple):
    """What the lists of an export say: folder name → channel as its messages name it, user id → name, and the days to
    read."""

    channels: dict[str, dict[str, str]]
    users: dict[str, str]
    days: list[zipfile.ZipInfo]


def read(request: ReadRequest) -> Iterator[Row]:
    """See `Reader.read`; raises UsageError for a zip that is no Slack export."""
    archive = _open(request.path)
    try:
        export = _export(archive, request.path)
    except BaseException:
        archive.close()
        raise
    return _rows(archive, export, request)


def count(path: Path) -> int:
    """The size of all days over that of a usual message."""
    with _open(path) as archive:
        return sum(info.file_size for info in _days(archive)) // BYTES_PER_MESSAGE


def _open(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise UsageError(f"{path}: not a readable zip ({error})") from error
    if len(archive.infolist()) > ENTRIES:
        archive.close()
        raise UsageError(f"{path}: over {ENTRIES} files in one zip: export fewer channels or a shorter time")
    return archive


def _days(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The day files by day, then channel; anything else in the zip is not looked at."""
    found = [(match, info) for info in archive.infolist() if (match := _DAY.fullmatch(info.filename))]
    return [info for match, info in sorted(found, key=lambda item: (item[0][2], item[0][1]))]


def _export(archive: zipfile.ZipFile, path: Path) -> Export:
    days = _days(archive)
    names = set(archive.namelist())
    if not days or not names & {*_LISTS, *_USERS}:
        raise UsageError(
            f"{path}: not a Slack export: it needs users.json, channels.json and"
            " a folder a channel with YYYY-MM-DD.json"
        )
    try:
        channels = {
            str(item.get(key)): {"channel": str(item["id"])} | _typed(name)
            for name in _LISTS
            if name in names
            for item in _objects(_load(archive, archive.getinfo(name)))
            for key in ("name", "id")
            if "id" in item
        }
        listed = [user for name in _USERS if name in names for user in _objects(_load(archive, archive.getinfo(name)))]
    except InvalidMessageError as error:
        raise UsageError(f"{path}: {error}") from error
    return Export(channels, {str(user["id"]): slack.user_name(user) for user in listed if "id" in user}, days)


def _rows(archive: zipfile.ZipFile, export: Export, request: ReadRequest) -> Iterator[Row]:
    digest = sha256_of(request.path)
    number = 0
    with archive:
        for info in export.days:
            try:
                payloads = _load(archive, info)
                if not isinstance(payloads, list):
                    raise InvalidMessageError(f"{info.filename}: must be a list of messages")
            except InvalidMessageError as error:
                number += 1
                yield BadRow(number, error.reason, b"", digest, topic_of(slack.SOURCE), request.company_id)
                continue
            folder = info.filename.partition("/")[0]
            for payload in payloads:
                number += 1
                row = _row(payload, export.channels.get(folder, {"channel": folder}), export, request)
                if isinstance(row, InvalidMessageError):
                    value = json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
                    topic = topic_of(slack.SOURCE)
                    yield BadRow(number, row.reason, value, digest, topic, request.company_id, row.message_id)
                elif row is not None:
                    yield row


def _typed(name: str) -> dict[str, str]:
    return {"channel_type": _DIRECT[name]} if name in _DIRECT else {}


def _row(
    payload: Any, channel: dict[str, str], export: Export, request: ReadRequest
) -> Row | InvalidMessageError | None:
    """The message of one object, why it is none, or None for a notice that is left out on purpose."""
    if not isinstance(payload, dict):
        return InvalidMessageError("a message must be a JSON object")
    if slack.ignored(payload) is not None:
        return None
    try:
        message = slack.to_message({**channel, **payload}, request.company_id, export.users)
        check(message, request.now)
    except InvalidMessageError as error:
        return error
    return message


def _load(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Any:
    """The JSON of one file; raises InvalidMessageError for a bomb, a broken or locked file, or what is no JSON."""
    if info.file_size > ENTRY_BYTES or (
        info.file_size > RATIO_FROM and info.file_size > RATIO * max(1, info.compress_size)
    ):
        raise InvalidMessageError(
            f"{info.filename}: unpacks to {info.file_size} bytes, more than a day of messages can"
        )
    try:
        return json.loads(archive.read(info))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError) as error:
        raise InvalidMessageError(f"{info.filename}: cannot be unpacked ({error})") from error
    except (ValueError, RecursionError) as error:
        raise InvalidMessageError(f"{info.filename}: not JSON ({error})") from error


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
