"""Messages as rows: which table and partition, the parameters of a write, and back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cassandra.query import UNSET_VALUE

from sago.domain.messages import Message, MessageRef
from sago.stores.postgres.columns import storable, storable_json

TABLE_OF_SOURCE = {"slack": "chat_messages", "gmail": "email_messages"}
OTHER_SOURCES = "records"
TABLES = (*TABLE_OF_SOURCE.values(), OTHER_SOURCES)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
OVERHEAD = 300
"""Bytes of a row beside its texts, roughly."""


class Partition(NamedTuple):
    """What lies together on the same nodes: a company's day in one table."""

    table: str
    company_id: str
    day: str


class Key(NamedTuple):
    """Names a message version; the store keeps one row of each within its partition."""

    company_id: str
    message_id: str
    version: int


class Slot(NamedTuple):
    """Where a row lies in its partition: the clustering key, its time in milliseconds."""

    sent_at: int
    message_id: str
    version: int


class Row(NamedTuple):
    """A message about to be written. `values` are the columns of CONTENT and OWNER."""

    partition: Partition
    slot: Slot
    values: tuple[Any, ...]
    size: int

    @property
    def key(self) -> Key:
        return Key(self.partition.company_id, self.slot.message_id, self.slot.version)


def key_of(message: Message) -> Key:
    return Key(message.company_id, storable(message.id), message.version)


def table_of(message_id: str) -> str:
    """The table of a message, told from its id's prefix `<source>:`."""
    return TABLE_OF_SOURCE.get(message_id.partition(":")[0], OTHER_SOURCES)


def partition_of(ref: MessageRef) -> Partition:
    return Partition(table_of(ref.message_id), ref.company_id, ref.sent_at.astimezone(UTC).date().isoformat())


def by_partition(refs: Iterable[MessageRef]) -> dict[Partition, list[Slot]]:
    """The rows of these references by where they lie, each once."""
    slots: dict[Partition, set[Slot]] = defaultdict(set)
    for ref in refs:
        slots[partition_of(ref)].add(slot_of(ref))
    return {partition: sorted(within) for partition, within in slots.items()}


def slot_of(ref: MessageRef) -> Slot:
    return Slot(milliseconds(ref.sent_at), storable(ref.message_id), ref.version)


def milliseconds(moment: datetime) -> int:
    """Since the epoch, as Cassandra counts; cut, not rounded."""
    return (moment - EPOCH) // MILLISECOND


def row_of(message: Message, sha: bytes, batch_name: str, received_at: datetime) -> Row:
    """An absent field is left unset, so that no tombstone is written for it."""
    raw = storable_json(message.raw)
    content = (
        message.source,
        storable(message.sender),
        _optional(message.thread_id),
        _optional(message.subject),
        message.text,
        raw,
        message.raw_cut,
        UNSET_VALUE if message.edited_at is None else milliseconds(message.edited_at),
        message.deleted,
    )
    owner = (batch_name, sha, milliseconds(received_at))
    size = OVERHEAD + len(message.text.encode()) + len(raw.encode())
    return Row(partition_of(message.ref), slot_of(message.ref), content + owner, size)


def message_of(row: Any) -> Message:
    """The message of a selected row; the driver's times are UTC without saying so."""
    return Message(
        id=row.message_id,
        version=row.version,
        company_id=row.company_id,
        source=row.source,
        sender=row.sender,
        sent_at=_aware(row.sent_at),
        edited_at=None if row.edited_at is None else _aware(row.edited_at),
        deleted=row.deleted,
        thread_id=row.thread_id,
        subject=row.subject,
        text=row.text,
        raw=json.loads(row.raw),
        raw_cut=row.raw_cut,
    )


def ref_of(row: Any) -> MessageRef:
    return MessageRef(row.company_id, _aware(row.sent_at), row.message_id, row.version)


def is_message(row: Any) -> bool:
    """False for what a mark leaves behind where there is no message."""
    return row.batch_name is not None


def _optional(text: str | None) -> Any:
    return UNSET_VALUE if text is None else storable(text)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
