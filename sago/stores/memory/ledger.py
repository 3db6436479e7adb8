"""The `Ledger` in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sago.domain.batches import DeadLetter, Progress, Tick
from sago.stores.memory.state import Lease, State


class MemoryLedger:
    """Dead letters, watermarks and ticks of one transaction."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_dead_letters(self, letters: Sequence[DeadLetter]) -> int:
        """A replayed letter that failed again is open again; that is not a new origin."""
        kept = self._state.dead_letters
        before = len(kept)
        newest = {letter.origin: letter for letter in sorted(letters, key=lambda letter: letter.failed_at)}
        for origin, letter in newest.items():
            known = kept.get(origin)
            if known is None or (known.replayed_at is not None and known.replayed_at < letter.failed_at):
                kept[origin] = letter
        return len(kept) - before

    def dead_letters(self, *, topic: str | None = None, replayed: bool = False, limit: int = 100) -> list[DeadLetter]:
        letters = [letter for letter in self._state.dead_letters.values() if topic in (None, letter.topic)]
        shown = [letter for letter in letters if replayed or letter.replayed_at is None]
        return sorted(shown, key=lambda letter: (-letter.failed_at.timestamp(), letter.origin))[:limit]

    def dead_letter(self, origin: str) -> DeadLetter | None:
        return self._state.dead_letters.get(origin)

    def dead_letter_counts(self) -> dict[str, int]:
        return dict(Counter(letter.topic for letter in self._state.dead_letters.values() if not letter.replayed_at))

    def known_origins(self, origins: Sequence[str]) -> set[str]:
        return set(origins) & self._state.dead_letters.keys()

    def mark_replayed(self, origin: str, at: datetime) -> None:
        letter = self._state.dead_letters.get(origin)
        if letter is not None:
            self._state.dead_letters[origin] = letter.model_copy(update={"replayed_at": at})

    def save_progress(self, progress: Sequence[Progress], at: datetime) -> None:
        for each in progress:
            stored = self._state.progress.get(each[:3])
            if stored is None or stored.watermark < each.watermark:
                self._state.progress[each[:3]] = each
                self._state.progress_at[each[:3]] = at

    def progress(self, log_id: str) -> list[Progress]:
        return sorted(each for each in self._state.progress.values() if each.log_id == log_id)

    def last_progress(self) -> dict[str, datetime]:
        newest: dict[str, datetime] = {}
        for (_, topic, _), at in self._state.progress_at.items():
            newest[topic] = max(at, newest.get(topic, at))
        return newest

    def begin_tick(self, tick: Tick, lease_until: datetime, now: datetime) -> bool:
        lease = self._state.ticks.get(tick)
        if lease is not None and (lease.is_done or lease.until > now):
            return False
        self._state.ticks[tick] = Lease(lease_until)
        return True

    def end_tick(self, tick: Tick) -> None:
        if tick in self._state.ticks:
            self._state.ticks[tick] = self._state.ticks[tick]._replace(is_done=True)

    def release_tick(self, tick: Tick, now: datetime) -> None:
        if tick in self._state.ticks:
            self._state.ticks[tick] = self._state.ticks[tick]._replace(until=now)
