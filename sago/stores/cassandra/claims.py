"""First writer wins: conditional batches, one round of Paxos for all rows of a partition instead of one for each.

Cassandra applies a conditional batch as a whole or not at all, and a refusal names the rows that have an owner. These
are taken out and the rest is written again, so each round settles at least one row. Because the condition and the write
are one step, of two batches that bring one version at once exactly one owns it, however late either arrives, and a
request whose answer was lost can be sent again: what it did write carries its own batch name.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sago.errors import TransientError
from sago.stores.cassandra import statements
from sago.stores.cassandra.rows import Key, Row
from sago.stores.cassandra.session import OpenSession

MAX_ROWS = 100
MAX_BYTES = 250_000
"""Of one conditional batch. Small: it travels in every phase of Paxos, and while it does others wait for the partition;
with 500 rows, eight processes that filled one company's day at once ran into Cassandra's time limit."""


class Owner(NamedTuple):
    """Whose row it is, and the SHA-256 of its content."""

    batch_name: str
    content_sha: bytes


def claim(session: OpenSession, rows: Iterable[Row]) -> dict[Key, Owner]:
    """Write each row that has no owner; the owners of the others.

    Batches of one partition go one after the other, since they would only contend; partitions go at once.
    """
    waiting = [deque(_batches(of_partition)) for of_partition in _by_partition(rows)]
    there: dict[Key, Owner] = {}
    while waiting:
        heads = [batches.popleft() for batches in waiting]
        answers = session.execute_all([_conditional(session, head) for head in heads])
        for batches, head, answer in zip(waiting, heads, answers, strict=True):
            owned = _owners(answer)
            there.update(owned)
            rest = [row for row in head if row.key not in owned] if owned else []
            if rest:
                batches.appendleft(rest)
        waiting = [batches for batches in waiting if batches]
    return there


def _owners(answer: Iterable[Any]) -> dict[Key, Owner]:
    """The rows that made Cassandra refuse the batch; none where it was applied."""
    found = list(answer)
    if found[0].applied:
        return {}
    owned = {
        Key(row.company_id, row.message_id, row.version): Owner(row.batch_name, row.content_sha)
        for row in found
        if row.batch_name is not None
    }
    if not owned:
        raise TransientError("cassandra refused a batch without naming a row that has an owner")
    return owned


def _conditional(session: OpenSession, rows: Sequence[Row]) -> Any:
    statement = statements.claim(rows[0].partition.table)
    parameters = [(*row.values, row.partition.company_id, row.partition.day, *row.slot) for row in rows]
    return session.batch(statement, parameters)


def _by_partition(rows: Iterable[Row]) -> list[list[Row]]:
    grouped: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.partition].append(row)
    return list(grouped.values())


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut by number and bytes; a row larger than the limit goes alone."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == MAX_ROWS or size + row.size > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row.size
    yield batch
