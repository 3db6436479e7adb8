"""Messages as they came, and those that wait for their batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from sago.domain.batches import (
    Added,
    Claim,
    StoreOutcome,
)
from sago.domain.erasures import Erasure
from sago.domain.messages import CompactMessage, Message, MessageKey, MessageRef


class RawStore(Protocol):
    """Every message version as it came: append-only, partitioned by company and day."""

    def store(self, messages: Sequence[Message], batch_name: str, received_at: datetime) -> StoreOutcome:
        """Write rows durably, each version once; the first writer of a version owns it by its `batch_name`.

        A row already there under the same batch name counts as stored (a further attempt), under another as a
        duplicate, with other content as a conflict, which is not written. A version given twice in `messages` is
        stored once and counted once as duplicate (or conflict). Content is sender, sent_at, subject, text, deleted.
        Where `sent_at` is part of the row's key (Cassandra), a version that comes in a later call with another time is
        a row of its own.
        """

    def read(self, refs: Sequence[MessageRef]) -> list[Message]:
        """The messages of these references, in the order given; one that is missing is left out."""

    def read_range(
        self,
        company_id: str,
        start: datetime,
        end: datetime,
        limit: int = 1000,
        *,
        source: str | None = None,
        oldest: bool = False,
    ) -> list[Message]:
        """Messages with `sent_at` in [start, end), oldest first, at most `limit`: the newest ones of the range, or the
        `oldest`; of this source alone, where one is named."""

    def read_day(self, company_id: str, day: date) -> list[MessageRef]:
        """References of one partition, oldest first."""

    def changed_days(self, since: date) -> list[tuple[str, date]]:
        """(company, day of sent_at) pairs that received rows on `since` or later; others may be among them, of
        which only rows that were there already were received."""

    def mark(self, refs: Sequence[MessageRef], batch_id: str, extracted_at: datetime) -> None:
        """Note the batch that read these rows and when: once a batch."""

    def count(self, company_id: str | None = None) -> int:
        """Rows stored, of one company or of all."""

    def find(self, erasure: Erasure) -> list[MessageRef]:
        """The rows that an erasure covers and that still hold something. Reads all days of the company."""

    def empty(self, refs: Sequence[MessageRef]) -> None:
        """Take sender, subject, text and raw out of these rows, which become deletions. Owner and hash stay: a
        further delivery is a duplicate."""


class Buffer(Protocol):
    """Redis: the queues that wait for 200. Nothing in it is the only copy."""

    def known(self, company_id: str, keys: Sequence[MessageKey], now: datetime) -> set[MessageKey]:
        """Which of these the marks of the 48 hours before `now` have counted; `add` queues the others."""

    def add(
        self,
        company_id: str,
        messages: Sequence[CompactMessage],
        now: datetime,
        urgent: Collection[MessageKey] = (),
    ) -> Added:
        """Queue and count what the marks do not know; claim a batch in the same atomic step when the company's
        counter reaches `cache_trigger_threshold`, or when an `urgent` one was new and none made a batch in the last
        `urgent.every` seconds. One that comes sooner waits like the others. A claim takes `claim_limit` of those that
        wait longest: where that leaves an urgent one behind a further one is claimed, and where that does too, the
        next urgent one need not wait for the pause."""

    def add_all(
        self,
        messages: Mapping[str, Sequence[CompactMessage]],
        now: datetime,
        urgent: Mapping[str, Collection[MessageKey]] | None = None,
    ) -> dict[str, Added]:
        """`add` for many companies in one round trip: company → what became of its messages. Each company's step is
        atomic, the whole is not: after an error some may have been added, and a claim among them is `unopened`."""

    def claim(self, company_id: str, now: datetime) -> str | None:
        """Claim everything queued up to `claim_limit` whatever the count; the batch id, or None when empty."""

    def claimed(self, company_id: str, batch_id: str) -> Claim | None:
        """The messages of a claim, or None where the buffer has lost them."""

    def unopened(self) -> list[tuple[str, str]]:
        """(company, batch id) of claims that no batch row has taken over yet."""

    def taken_over(self, company_id: str, batch_id: str) -> None:
        """Postgres owns the batch: the claim becomes a cache that expires after `ttl` seconds."""

    def forget(self, company_id: str, keys: Sequence[MessageKey]) -> None:
        """Clear marks, so that a replayed message counts again."""

    def due(self, now: datetime, older_than: timedelta) -> list[str]:
        """Companies whose oldest queued message was added at least `older_than` ago."""

    def counts(self) -> dict[str, int]:
        """Company → messages queued and not yet claimed."""

    def marks(self) -> int:
        """Message versions that the marks remember as counted, over all companies."""

    def memory_share(self) -> float:
        """Used memory over the ceiling, 0 to 1; 0 where no ceiling is set."""

    def begin_epoch(self, now: datetime) -> bool:
        """Note that recovery begins; whether it is the first since the buffer was emptied, or made."""

    def set_epoch(self) -> None:
        """Write the epoch key: recovery has queued all it found. Not where Redis was emptied since `begin_epoch`, as
        what was queued before that is lost again."""

    def has_epoch(self) -> bool:
        """Whether the epoch key is there."""

    def words(self, company_id: str) -> int:
        """How many messages of the company are held, queued or claimed, that have a text or a sender."""

    def clear(self, company_id: str | None = None) -> None:
        """Forget everything, or everything of one company: queues, marks and claims."""
