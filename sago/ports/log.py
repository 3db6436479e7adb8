"""Kafka, as who appends and administers sees it, and as the bridge does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from sago.domain.batches import (
    DeadLetter,
    Held,
    Position,
    Record,
)
from sago.domain.messages import Message


class MessageLog(Protocol):
    """Kafka as a producer and an administrator sees it."""

    @property
    def log_id(self) -> str:
        """Names the cluster; new at each start of the embedded broker."""

    def ensure_topics(self) -> None:
        """Create each topic of the configuration and its `.dlq` where it is missing."""

    def publish(self, messages: Sequence[Message], *, replay_of: str | None = None) -> list[Position]:
        """Append messages to their source's topic, keyed by company; positions in the order given.

        Returns when the broker has acknowledged all of them (`acks=all`). Raises InvalidMessageError before anything
        is sent when one breaks the schema or its limits.
        """

    def dead_letter(self, letter: DeadLetter, key: str | None = None) -> Position:
        """Append to `<letter.topic>.dlq` with the headers of the contract; returns once acknowledged.

        `letter.topic` is the topic without `.dlq` (`unparsed` where the source cannot be told).
        """

    def dead_records(self, after: Mapping[tuple[str, int], int]) -> Iterator[list[Record]]:
        """Records of the dead-letter topics from these offsets, else the oldest, to the present ends, in parts. Read
        outside the group: nobody's place in the log changes."""

    def held(self, company_id: str) -> list[Held]:
        """Where records of the company are still held, by topic and partition, dead-letter topics included. Reads all
        of them, outside the group."""

    def lag(self) -> dict[str, int]:
        """Topic → messages between the committed watermark and the end, summed over partitions."""

    def close(self) -> None:
        """Flush and let go; further calls raise."""


class LogConsumer(Protocol):
    """Kafka as the bridge sees it: one member of one group over the topics and their dead-letter topics.

    Not thread-safe. Never commits by itself.
    """

    @property
    def log_id(self) -> str:
        """Names the cluster, as in MessageLog."""

    def poll(self, timeout: float) -> list[Record]:
        """Records since the last poll in partition order; empty after `timeout` seconds. Keeps membership alive."""

    def assigned(self) -> set[tuple[str, int]]:
        """The (topic, partition) pairs this member owns now."""

    def on_revoke(self, callback: Callable[[set[tuple[str, int]]], Mapping[tuple[str, int], int]]) -> None:
        """Call `callback` with pairs about to be lost; the watermarks it returns are committed before they go."""

    def pause(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Fetch no more of these until resumed."""

    def resume(self, pairs: Iterable[tuple[str, int]]) -> None:
        """Fetch these again."""

    def commit(self, watermarks: Mapping[tuple[str, int], int]) -> None:
        """Commit the next offset to read of each pair; raises TransientError during a rebalance."""

    def beginning_offsets(self) -> dict[tuple[str, int], int]:
        """The oldest offset still held of each assigned pair: above the watermark it tells of dropped data."""

    def close(self) -> None:
        """Leave the group."""
