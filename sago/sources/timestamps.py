"""Times as people's files write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sago.errors import InvalidMessageError

_EPOCH = re.compile(r"-?\d{1,11}(\.\d+)?|\d{12,13}")
_MILLISECONDS_FROM = 1e11
_ZONE_NAME = re.compile(r"\s*(UTC|GMT)$", re.IGNORECASE)


def parse_timestamp(value: str) -> datetime:
    """The moment in `value`: ISO 8601, or seconds (or 13 digits of milliseconds) since the epoch.

    One without a time zone is taken as UTC. Raises InvalidMessageError.
    """
    said = value.strip()
    if not said:
        raise InvalidMessageError("timestamp is empty", field="timestamp")
    try:
        if _EPOCH.fullmatch(said) and len(said) != len("YYYYMMDD"):
            seconds = float(said)
            return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)
        moment = datetime.fromisoformat(_ZONE_NAME.sub("Z", said))
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidMessageError(
            f"timestamp {said[:40]!r} is no time Sago knows: write 2026-03-02T16:04:11Z or seconds since 1970",
            field="timestamp",
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidMessageError(f"timestamp {said[:40]!r} is out of range", field="timestamp") from error
