"""Cutting a batch into chunks for a provider: by time, threads kept together where they fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sago.domain.messages import CompactMessage


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
