"""The dead letter of a vendor's item: it keeps all that is needed to read the item again once the cause is mended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sago.domain.batches import DeadLetter
from sago.domain.connections import Connection
from sago.domain.messages import Message
from sago.errors import InvalidMessageError
from sago.ports import Item

PREFIX = "item:"
"""How the origin of such a letter begins."""
DEEPEST = 100
"""Levels of a payload that are kept where it is nested too deeply to be written as it is."""


class Kept(NamedTuple):
    """What a letter holds: the item, and where it came from."""

    source: str
    account: str
    item: Item


def letter_of(
    connection: Connection,
    item: Item,
    error: InvalidMessageError,
    *,
    topic: str,
    company_id: str | None,
    message: Message | None,
    now: datetime,
) -> DeadLetter:
    """The letter; of one item always under the same origin: by its `message` where that could be read."""
    payload = _dumped(item.payload)
    name = name_of(message) if message else hashlib.sha256(payload).hexdigest()
    senders = (message.sender if message else "", item.sender, *item.addresses[:1])
    said = {
        "id": error.message_id,
        "source": connection.source,
        "account": connection.account,
        "container": item.container,
        "addresses": item.addresses,
        "deletes": item.deletes,
        "direct": item.is_direct,
        "senders": list(dict.fromkeys(filter(None, senders))),
    }
    return DeadLetter(
        origin=origin_of(connection, name),
        topic=topic,
        company_id=company_id,
        message_id=error.message_id,
        error=error.reason,
        error_type=type(error).__name__,
        failed_at=now,
        value=_dumped(said)[:-1] + b', "payload": ' + payload + b"}",
    )


def origins_of(connection: Connection) -> str:
    """How the origins of a connection's letters begin."""
    return f"{PREFIX}{connection.source}/{connection.account}/"


def origin_of(connection: Connection, name: str) -> str:
    """How a letter of the connection is called."""
    return origins_of(connection) + name


def name_of(message: Message) -> str:
    """What its letter is called by."""
    return f"{message.id}/{message.version}"


def kept_in(letter: DeadLetter) -> Kept:
    """What an `item:` letter holds; raises InvalidMessageError where it was too large to be kept, or was erased."""
    try:
        said = json.loads(letter.value)
        item = Item(
            said["payload"],
            said["container"],
            tuple(said["addresses"]),
            deletes=said.get("deletes") is True,
            is_direct=said.get("direct") is True,
        )
        return Kept(said["source"], said["account"], item)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidMessageError(
            f"{letter.origin}: what the vendor sent was too large to be kept, or was erased: have it sent anew"
        ) from None


def _dumped(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()
    except RecursionError:
        return json.dumps(_cut(value, DEEPEST)).encode()


def _cut(value: object, depth: int) -> object:
    if isinstance(value, Mapping):
        return {key: _cut(inner, depth - 1) for key, inner in value.items()} if depth else "…"
    if isinstance(value, list | tuple):
        return [_cut(inner, depth - 1) for inner in value] if depth else "…"
    return value
