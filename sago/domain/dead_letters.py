"""How a dead letter travels in a log: the original bytes as value, its reason in headers, and the way back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime

from sago.domain.batches import DeadLetter, Record
from sago.domain.messages import VALUE_LIMIT, iso_ms

SUFFIX = ".dlq"
UNPARSED = "unparsed"
"""The topic, without its suffix, of rows whose source cannot be told."""
REPLAY_OF = "replay_of"
"""Header of a replayed message: the origin of the dead letter it was."""
UNREAD = "/extract"
"""How the origin of a message ends that is stored, belongs to a batch and could not be read."""
SHORT = re.compile(r"[0-9A-Fa-f]{8}")
"""The form of a short id."""
REASON_LIMIT = 2000
"""Characters of `error` that travel; a reason may quote a long payload."""


def letter_id(origin: str) -> str:
    """The origin as one part of a path."""
    return base64.urlsafe_b64encode(origin.encode()).decode().rstrip("=")


def origin_in(name: str) -> str | None:
    """The origin that such an id stands for; None where it is none."""
    try:
        return base64.b64decode(name + "=" * (-len(name) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def short_id(origin: str) -> str:
    """A name to type, as an origin is too long for that: the first 8 hex digits of its SHA-256."""
    return hashlib.sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def headers_of(letter: DeadLetter) -> dict[str, str]:
    """The headers of the contract: error, error_type, origin, failed_at and attempts."""
    return {
        "error": letter.error[:REASON_LIMIT],
        "error_type": letter.error_type,
        "origin": letter.origin,
        "failed_at": iso_ms(letter.failed_at),
        "attempts": str(letter.attempts),
    }


def value_of(letter: DeadLetter) -> bytes:
    """The original bytes up to 900 kB; beyond that JSON of their length and sha256."""
    if len(letter.value) <= VALUE_LIMIT:
        return letter.value
    digest = hashlib.sha256(letter.value).hexdigest()
    return json.dumps({"length": len(letter.value), "sha256": digest}).encode()


def from_record(record: Record, now: datetime) -> DeadLetter:
    """The dead letter in a record of a `.dlq` topic. A header that is missing is made up from the record itself, so
    that whatever stands in the topic can be shown; `now` serves where `failed_at` cannot be read."""
    headers = {name: _storable(text) for name, text in record.headers.items()}
    company_id, message_id = _names(record)
    attempts = headers.get("attempts", "1")
    return DeadLetter(
        origin=headers.get("origin") or str(record.position),
        topic=record.position.topic.removesuffix(SUFFIX),
        company_id=company_id,
        message_id=message_id,
        error=headers.get("error", "no reason given"),
        error_type=headers.get("error_type", "Unknown"),
        failed_at=_moment(headers.get("failed_at", ""), now),
        attempts=int(attempts) if attempts.isdecimal() and len(attempts) < 7 else 1,
        value=record.value,
    )


def _names(record: Record) -> tuple[str | None, str | None]:
    """Company and message id: the key's company wins over the value's, as the key chose the partition."""
    company_id = _storable(record.key.decode("utf-8", "replace")) if record.key else None
    try:
        body = json.loads(record.value)
    except (ValueError, RecursionError):
        return company_id, None
    if not isinstance(body, dict):
        return company_id, None
    company, message = body.get("company_id"), body.get("id")
    return (
        company_id or (_storable(company) if isinstance(company, str) else None),
        _storable(message) if isinstance(message, str) else None,
    )


def _storable(text: str) -> str:
    """Text that any store takes: no NUL, no lone surrogate. Whoever wrote the record may have been at odds with us."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _moment(text: str, otherwise: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
