"""The `Ledger` in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sago.domain.batches import DeadLetter, Progress, Tick, TickRun, TickState
from sago.domain.dead_letters import short_id
from sago.domain.messages import to_utc_ms
from sago.domain.pages import DeadLettersAsked
from sago.stores.memory.state import State


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
            if known is None or (known.replayed_at is not None and known.replayed_at <= letter.failed_at):
                kept[origin] = letter
        return len(kept) - before

    def dead_letters(
        self, *, topic: str | None = None, within: str = "", error: str = "", replayed: bool = False, limit: int = 100
    ) -> list[DeadLetter]:
        found = (each for each in self._state.dead_letters.values() if topic in (None, each.topic))
        letters = [each for each in found if each.origin.startswith(within) and each.error.startswith(error)]
        shown = [letter for letter in letters if replayed or letter.replayed_at is None]
        return sorted(shown, key=lambda letter: (-letter.failed_at.timestamp(), letter.origin))[:limit]

    def dead_letters_asked(self, asked: DeadLettersAsked) -> list[DeadLetter]:
        shown = [letter for letter in self._state.dead_letters.values() if _is_asked(letter, asked)]
        if asked.after is not None:
            shown = [letter for letter in shown if (letter.failed_at, letter.origin) < asked.after]
        newest = sorted(shown, key=lambda letter: (letter.failed_at, letter.origin), reverse=True)
        return [letter.model_copy(update={"value": b""}) for letter in newest[: asked.limit]]

    def dead_letter(self, origin: str) -> DeadLetter | None:
        return self._state.dead_letters.get(origin)

    def dead_letters_called(self, short: str) -> list[str]:
        return sorted(origin for origin in self._state.dead_letters if short_id(origin) == short)

    def dead_letter_counts(self) -> dict[str, int]:
        return dict(Counter(letter.topic for letter in self._state.dead_letters.values() if not letter.replayed_at))

    def known_origins(self, origins: Sequence[str]) -> set[str]:
        return set(origins) & self._state.dead_letters.keys()

    def mark_replayed(self, origin: str, at: datetime) -> bool:
        letter = self._state.dead_letters.get(origin)
        if letter is None or letter.replayed_at is not None:
            return False
        self._state.dead_letters[origin] = letter.model_copy(update={"replayed_at": to_utc_ms(at)})
        return True

    def withdraw(self, message_id: str, within: str, but: str, at: datetime) -> None:
        for origin, letter in self._state.dead_letters.items():
            is_open = letter.message_id == message_id and letter.replayed_at is None
            if is_open and origin.startswith(within) and origin != but:
                closed = {"value": b"", "replayed_at": to_utc_ms(at)}
                self._state.dead_letters[origin] = letter.model_copy(update=closed)

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

    def planned_since(self, job: str, cron: str, now: datetime) -> datetime:
        line, since = self._state.plans.get(job, ("", now))
        if line != cron:
            since = now
            self._state.plans[job] = (cron, since)
        return since

    def tick_runs(self, job: str, since: datetime) -> dict[datetime, TickRun]:
        ticks = self._state.ticks.items()
        return {tick.due_at: run for tick, run in ticks if tick.job == job and tick.due_at >= since}

    def hours_ago(self, job: str, count: int) -> datetime | None:
        done = [
            tick.due_at for tick, run in self._state.ticks.items() if (tick.job, run.state) == (job, TickState.DONE)
        ]
        hours = sorted({at.replace(minute=0, second=0, microsecond=0) for at in done}, reverse=True)
        return hours[count] if len(hours) > count else None

    def skip_ticks(self, ticks: Sequence[Tick], now: datetime) -> None:
        for tick in ticks:
            run = self._state.ticks.get(tick, TickRun(TickState.RUNNING, now, 0))
            if _is_open(run, now):
                self._state.ticks[tick] = run._replace(state=TickState.SKIPPED)

    def begin_tick(self, tick: Tick, lease_until: datetime, now: datetime) -> bool:
        run = self._state.ticks.get(tick, TickRun(TickState.RUNNING, now, 0))
        if not _is_open(run, now):
            return False
        self._state.ticks[tick] = TickRun(TickState.RUNNING, lease_until, run.attempts + 1)
        return True

    def end_tick(self, tick: Tick) -> None:
        if tick in self._state.ticks:
            self._state.ticks[tick] = self._state.ticks[tick]._replace(state=TickState.DONE)

    def release_tick(self, tick: Tick, now: datetime) -> None:
        if tick in self._state.ticks:
            self._state.ticks[tick] = self._state.ticks[tick]._replace(lease_until=now)


def _is_asked(letter: DeadLetter, asked: DeadLettersAsked) -> bool:
    return (
        asked.topic in (None, letter.topic)
        and asked.company_id in (None, letter.company_id)
        and asked.error_type in (None, letter.error_type)
        and asked.is_replayed in (None, letter.replayed_at is not None)
    )


def _is_open(run: TickRun, now: datetime) -> bool:
    return run.state is TickState.RUNNING and run.lease_until <= now
