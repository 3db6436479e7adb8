"""Cutting a batch into chunks for a provider, by time, threads kept together where they fit; and what is shown around
one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sago.domain.messages import CompactMessage

LATER_REACH = timedelta(minutes=30)
"""How long after a chunk what is said may still explain it."""
LATER_SHARE = 4
"""Of so many messages of context one may be of those said after."""


def chunks(messages: Sequence[CompactMessage], limit: int) -> list[list[CompactMessage]]:
    """Every message exactly once, at most `limit` a chunk; the same for any order of `messages`.

    A thread stands where its first message stands and is cut only when it is longer than `limit`. Without threads
    there are as few chunks as can be. Raises ValueError for a limit under 1.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}, must be at least 1")
    filled: list[list[CompactMessage]] = []
    for piece in _pieces(messages, limit):
        if filled and len(filled[-1]) + len(piece) <= limit:
            filled[-1].extend(piece)
        else:
            filled.append(list(piece))
    return [sorted(chunk, key=_place) for chunk in filled]


def context_of(
    chunk: Sequence[CompactMessage], before: Sequence[CompactMessage], after: Sequence[CompactMessage], most: int
) -> list[CompactMessage]:
    """What explains a chunk, oldest first: at most `most` of the messages before it, those of its threads rather than
    others and new rather than old, and the first of those after it, a quarter as many."""
    threads = {(message.source, message.thread_id) for message in chunk if message.thread_id}
    ranked = sorted(before, key=lambda m: ((m.source, m.thread_id) in threads, *_place(m)), reverse=True)[:most]
    return sorted([*ranked, *sorted(after, key=_place)[: most // LATER_SHARE]], key=_place)


def _place(message: CompactMessage) -> tuple[datetime, str, int]:
    return message.sent_at, message.id, message.version


def _pieces(messages: Sequence[CompactMessage], limit: int) -> Iterator[list[CompactMessage]]:
    """Threads, and messages of no thread each alone, by the time of their first; none longer than `limit`."""
    threads: dict[tuple[str, ...], list[CompactMessage]] = {}
    for message in sorted(messages, key=_place):
        alone = (message.source, message.id, str(message.version))
        threads.setdefault((message.source, message.thread_id) if message.thread_id else alone, []).append(message)
    for thread in threads.values():
        for start in range(0, len(thread), limit):
            yield thread[start : start + limit]
